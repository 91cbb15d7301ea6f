// A device for which the app holds no library, or a damaged one: the app starts, and each call ends
// in onException once. Each case is a process of its own, because a JVM loads a library only once.
package dev.huihua.sdk

import java.io.File
import java.io.ObjectOutputStream
import org.junit.Assert.assertEquals
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

class MissingLibraryTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val real = File(System.getProperty("jna.library.path"), LIBRARY)

    @Test
    fun theAppStartsWithoutTheLibrary() = runApp("-Djna.library.path=$empty")

    @Test
    fun theAppStartsWithGarbageInTheLibrarysPlace() = runWithLibrary("no library".toByteArray())

    @Test
    fun theAppStartsWithAnotherAbisLibrary() = runWithLibrary(
        // An ELF header's machine, which no computer has.
        real.readBytes().also { it.fill(0x7F, ELF_MACHINE, ELF_MACHINE + 2) },
    )

    /** As after an incomplete update: the linker takes it, but what it must hold is not there. */
    @Test
    fun theAppStartsWithAnotherLibraryOfThisName() =
        runWithLibrary(MissingLibraryTest::class.java.getResourceAsStream(JNAS_LIBRARY).readBytes())

    @Test
    fun theAppStartsWithoutTheLibraryOfJna() =
        runApp("-Djna.boot.library.path=$empty", "-Djna.nounpack=true", "-Djna.nosys=true")

    private val empty: File get() = folder.newFolder()

    private fun runWithLibrary(bytes: ByteArray) {
        val file = File(empty, LIBRARY).apply { writeBytes(bytes) }
        runApp("-Djna.library.path=${file.parent}")
    }

    private fun runApp(vararg properties: String) {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val classes = System.getProperty("java.class.path")
        val command = listOf(java, *properties, "-cp", classes, APP, savedRow().path)
        val process = ProcessBuilder(command).redirectErrorStream(true).start()
        val output = process.inputStream.bufferedReader().readText()
        assertEquals(output, 0, process.waitFor())
        assertEquals(output, "all as it must be", output.trim().lines().last())
    }

    /** Writes a row that an earlier run of the app saved, when it had the library. */
    private fun savedRow(): File {
        val server = ServerProcess.shared
        return server.service("saver").use { service ->
            Recorder<Void>().also { service.updateMySession("p2p|amy", EXT, it) }.result()
            val row = Recorder<RecentSession>().also { service.queryMySession("p2p|amy", it) }
            folder.newFile().apply {
                ObjectOutputStream(outputStream()).use { it.writeObject(row.result()) }
            }
        }
    }

    companion object {
        internal const val EXT = """{"draft":"later"}"""
        private const val APP = "dev.huihua.sdk.AppWithoutLibraryKt"
        private const val ELF_MACHINE = 18
        private val LIBRARY = System.mapLibraryName("huihua")
        private val JNAS_LIBRARY = "/com/sun/jna/${com.sun.jna.Platform.RESOURCE_PREFIX}/" +
            System.mapLibraryName("jnidispatch")
    }
}
