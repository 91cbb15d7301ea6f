// Writes the public API's documents with Dokka, and fails at its warnings: a public declaration
// without documentation, a broken link.
package dev.huihua.apidocs;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jetbrains.dokka.DokkaBootstrapImpl;

/** Runs Dokka. The module's POM starts it. */
public final class ApiDocuments {
    /** The members that every enum has. Dokka loses its own documentation of them (issue 4443). */
    private static final Pattern GENERATED =
            Pattern.compile(
                    "Undocumented: [\\w./]+/(values/#/|valueOf/#kotlin\\.String/|entries/#/) .*");

    /** The jars that the sources import, which Dokka needs for the types in signatures. */
    private static final String IMPORTED = ".*/(kotlin-stdlib|kotlinx-coroutines-core-jvm)-[^/]*";

    private ApiDocuments() {}

    /**
     * Prints each warning and ends with status 1 when there was one.
     *
     * @param arguments the folder to write to, then the folders of sources
     */
    public static void main(String[] arguments) {
        List<String> sources = Arrays.asList(arguments).subList(1, arguments.length);
        List<String> warnings = new ArrayList<>();
        DokkaBootstrapImpl dokka = new DokkaBootstrapImpl();
        dokka.configure(
                configuration(arguments[0], sources),
                (level, message) -> {
                    boolean isWarning = level.startsWith("warn") || level.startsWith("error");
                    if (isWarning && !GENERATED.matcher(message).matches()) warnings.add(message);
                });
        dokka.generate();
        warnings.forEach(warning -> System.err.println("Dokka: " + warning));
        if (!warnings.isEmpty()) System.exit(1);
    }

    private static String configuration(String output, List<String> sources) {
        List<String> jars =
                Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                        .filter(path -> path.matches(IMPORTED))
                        .collect(Collectors.toList());
        return "{\"moduleName\":\"Huihua\","
                + ("\"outputDir\":\"" + output + "\",")
                // No network: the build must not hang on a site that is down.
                + "\"offlineMode\":true,"
                + "\"sourceSets\":[{\"displayName\":\"API\","
                + "\"sourceSetID\":{\"scopeId\":\"huihua\",\"sourceSetName\":\"main\"},"
                + ("\"sourceRoots\":" + array(sources) + ",")
                + ("\"classpath\":" + array(jars) + ",")
                + "\"reportUndocumented\":true,"
                + "\"languageVersion\":\"2.2\",\"apiVersion\":\"2.2\",\"jdkVersion\":11}]}";
    }

    private static String array(List<String> texts) {
        return texts.stream().collect(Collectors.joining("\",\"", "[\"", "\"]"));
    }
}
