// The public API equals api/huihua.api. In Java: the tool needs a newer Kotlin than ours.
package dev.huihua.sdk;

import static org.junit.Assert.assertEquals;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jetbrains.kotlin.abi.tools.AbiFilters;
import org.jetbrains.kotlin.abi.tools.AbiTools;
import org.junit.Test;

public class PublicApiTest {
    @Test
    public void thePublicApiEqualsTheCommittedFile() throws Exception {
        Path committed = Path.of(System.getProperty("api.file"));
        String api = dump(Path.of(System.getProperty("api.classes")));
        if (Boolean.getBoolean("api.write")) {
            Files.createDirectories(committed.getParent());
            Files.writeString(committed, api);
            return;
        }
        assertEquals(
                "The public API changed. If that is wanted: mvn … verify -Dapi.write=true, commit"
                        + " api/huihua.api, and say why in the pull request.",
                Files.readString(committed),
                api);
    }

    private static String dump(Path folder) throws IOException {
        // What UniFFI generates is public only because Kotlin cannot hide a package.
        Set<String> generated = Set.of("dev.huihua.sdk.ffi.**");
        AbiFilters filters = new AbiFilters(Set.of(), generated, Set.of(), Set.of());
        try (Stream<Path> files = Files.walk(folder)) {
            List<File> classes =
                    files.filter(file -> file.toString().endsWith(".class"))
                            .sorted()
                            .map(Path::toFile)
                            .collect(Collectors.toList());
            StringBuilder text = new StringBuilder();
            AbiTools tools = AbiTools.Companion.getInstance(AbiTools.class.getClassLoader());
            tools.printJvmDump(text, classes, filters);
            return text.toString();
        }
    }
}
