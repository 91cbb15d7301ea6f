// Writes a source file for every Kotlin and Java snippet of the documents, to be compiled. The
// module's POM runs it with the top of the tree and the output folder.

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Extracts the snippets. Line n of an output file is line n of the document. */
final class ExtractSnippets {
    /** Matches a fence and its indentation in a list or KDoc, but no code span. */
    private static final Pattern FENCE =
            Pattern.compile("([\\s>*]*)(```+|~~~+)\\s*([^`\\s]*)\\s*([^`]*)");

    private static final Pattern IMPORT = Pattern.compile("\\s*(import|package)\\s.*");

    /** Matches the start of a snippet that consists of declarations. */
    private static final Pattern DECLARES =
            Pattern.compile(
                    "((public|private|internal|final|abstract|sealed|data|open|suspend|@\\S+)\\s+)*"
                            + "(class|interface|object|enum|fun|record)\\b.*");

    private static final Set<String> KOTLIN = Set.of("kotlin", "kt");

    /** Folders without documents of this project. */
    private static final Set<String> SKIPPED = Set.of("target", "build", "node_modules");

    /** [place] is `IN` of a fence "```kotlin in=IN": the class that the snippet is a part of. */
    private record Snippet(Path document, int firstLine, boolean isKotlin, String place,
            List<String> lines) {
        String name() {
            return document.toString().replaceAll("[^A-Za-z0-9]", "_") + "_" + firstLine;
        }

        List<String> code() {
            List<String> code = new ArrayList<>(lines);
            code.removeIf(line -> line.isBlank() || line.strip().startsWith("//"));
            return code;
        }
    }

    public static void main(String[] arguments) throws IOException {
        Path top = Path.of(arguments[0]).toRealPath();
        Path output = Path.of(arguments[1]);
        clear(output);
        List<Snippet> snippets = new ArrayList<>();
        for (Path document : documents(top)) {
            snippets.addAll(snippets(top.relativize(document), Files.readAllLines(document)));
        }
        if (snippets.isEmpty()) throw new IllegalStateException("no snippet below " + top);
        for (Snippet snippet : snippets) {
            String end = snippet.isKotlin ? ".kt" : ".java";
            Files.writeString(output.resolve(snippet.name() + end), source(snippet));
        }
        System.out.println(snippets.size() + " snippets");
    }

    /** Finds all Markdown files and the facade's sources, for their KDoc. */
    private static List<Path> documents(Path top) throws IOException {
        Path facade = top.resolve("bindings/kotlin/src/main");
        List<Path> found = new ArrayList<>();
        Files.walkFileTree(top, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                String name = folder.getFileName().toString();
                boolean isSkipped = SKIPPED.contains(name) || name.startsWith(".");
                return isSkipped && !folder.equals(top)
                        ? FileVisitResult.SKIP_SUBTREE
                        : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                boolean isSource = file.startsWith(facade) && file.toString().endsWith(".kt");
                if (isSource || file.toString().endsWith(".md")) found.add(file);
                return FileVisitResult.CONTINUE;
            }
        });
        return found;
    }

    private static List<Snippet> snippets(Path document, List<String> lines) {
        List<Snippet> found = new ArrayList<>();
        for (int at = 0; at < lines.size(); at++) {
            Matcher fence = FENCE.matcher(lines.get(at));
            if (!fence.matches()) continue;
            int first = at + 1;
            String end = fence.group(2);
            for (at = first; at < lines.size(); at++) {
                if (lines.get(at).replaceFirst("^[\\s>*]*", "").startsWith(end)) break;
            }
            if (at == lines.size()) {
                throw new IllegalStateException(document + ":" + first + ": the fence has no end");
            }
            boolean isKotlin = KOTLIN.contains(fence.group(3));
            if (!isKotlin && !fence.group(3).equals("java")) continue;
            List<String> body = new ArrayList<>();
            for (String line : lines.subList(first, at)) {
                body.add(line.startsWith(fence.group(1)) ? line.substring(fence.group(1).length())
                        : line.replaceFirst("^\\s*\\*", ""));
            }
            String place = fence.group(4).startsWith("in=") ? fence.group(4).substring(3) : "";
            found.add(new Snippet(document, first + 1, isKotlin, place, body));
        }
        return found;
    }

    private static String source(Snippet snippet) {
        List<String> body = snippet.lines;
        int imports = 0;
        for (int at = 0; at < body.size(); at++) {
            if (IMPORT.matcher(body.get(at)).matches()) imports = at + 1;
        }
        String opening = opening(snippet);
        StringBuilder text = new StringBuilder(header(snippet));
        // The opening is on the line before the code: that of the last import or of the fence.
        if (imports == 0) text.append(opening);
        text.append("\n".repeat(snippet.firstLine - 1));
        for (int at = 0; at < body.size(); at++) {
            text.append(body.get(at).strip().startsWith("package ") ? "" : body.get(at));
            if (at + 1 == imports) text.append(snippet.isKotlin ? "; " : " ").append(opening);
            text.append('\n');
        }
        long open = opening.chars().filter(c -> c == '{').count();
        return text.append("}".repeat((int) open)).append('\n').toString();
    }

    private static String header(Snippet snippet) {
        // Each snippet has its own package, so that two may declare the same name.
        return "package dev.huihua.snippets." + snippet.name().toLowerCase() + "; "
                + "import dev.huihua.sdk.*; import dev.huihua.sdk.nim.*; "
                + "import dev.huihua.snippets.*; "
                + (snippet.isKotlin ? "import kotlinx.coroutines.*; " : "import java.util.List; ");
    }

    /** Returns the code that opens the class or function around the snippet. */
    private static String opening(Snippet snippet) {
        List<String> code = snippet.code();
        code.removeIf(line -> IMPORT.matcher(line).matches());
        boolean declares = !code.isEmpty() && DECLARES.matcher(code.get(0)).matches();
        String name = snippet.name();
        if (snippet.isKotlin) {
            if (!snippet.place.isEmpty()) return "open class " + name + " : " + snippet.place + "() {";
            if (declares) return "";
            return "class " + name + " : Given() { suspend fun snippet() {";
        }
        if (!snippet.place.isEmpty()) return "class " + name + " extends " + snippet.place + " {";
        // Declarations in an interface are static and may be public.
        if (declares) return "interface " + name + " {";
        return "class " + name + " extends Given { void snippet() throws Exception {";
    }

    private static void clear(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
        Files.createDirectories(folder);
    }
}
