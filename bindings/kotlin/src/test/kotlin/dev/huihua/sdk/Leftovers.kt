// Counts what calls may leak: threads, sockets, native handles, objects.
package dev.huihua.sdk

import java.io.File
import java.lang.management.ManagementFactory
import java.nio.file.Files
import javax.management.ObjectName

object Leftovers {
    /** Counts the callbacks that Rust still references, by generated type. */
    fun callbacks(): Map<String, Int> = handles().filterKeys { it !in OF_SERVICES }

    /** Counts the token providers that Rust still references: one per service. */
    fun tokenProviders(): Int = handles().getValue("TokenProvider")

    /** Finds every table of handles in the generated code, by reflection. */
    private fun handles(): Map<String, Int> = generatedClasses()
        .filter { it.simpleName.startsWith("FfiConverterType") }
        .mapNotNull { converter ->
            val table = converter.methods.find { it.name.startsWith("getHandleMap") }
                ?: return@mapNotNull null
            val map = table.invoke(converter.getField("INSTANCE").get(null))
            val size = map.javaClass.getMethod("getSize").invoke(map) as Int
            converter.simpleName.removePrefix("FfiConverterType") to size
        }
        .toMap()

    /** Returns the Java threads of the SDK. */
    fun javaThreads(): Int = Thread.getAllStackTraces().keys.count { it.name.startsWith("huihua") }

    /** Names of the process's threads but the test server's, the compiler's, the collector's. */
    fun nativeThreads(): List<String> = File("/proc/self/task").listFiles().orEmpty()
        .mapNotNull { runCatching { File(it, "comm").readText().trim() }.getOrNull() }
        .filterNot { name -> OTHERS.any(name::startsWith) }

    fun runtimeThreads(): Int = nativeThreads().count { it == "huihua-runtime" }

    /** Open sockets of this process, a test's own included. */
    fun sockets(): Int = File("/proc/self/fd").listFiles().orEmpty().count {
        runCatching { Files.readSymbolicLink(it.toPath()).toString() }.getOrNull()
            ?.startsWith("socket:") == true
    }

    /** Objects of calls that are alive after a full collection, by class. */
    fun objectsOfCalls(): Map<String, Int> {
        val types = "ffi[.](Call|Watch)|internal[.](Delivery|.*Answer|Running.*|WatchEvents|.*Run)"
        return liveInstances().filterKeys(Regex("dev[.]huihua[.]sdk[.]($types)")::matches)
    }

    private fun liveInstances(): Map<String, Int> {
        val bean = ObjectName("com.sun.management:type=DiagnosticCommand")
        val arguments = arrayOf<Any?>(emptyArray<String>())
        val signature = arrayOf(Array<String>::class.java.name)
        val table = ManagementFactory.getPlatformMBeanServer()
            .invoke(bean, "gcClassHistogram", arguments, signature) as String
        return table.lines().map { it.trim().split(Regex("\\s+")) }
            .filter { it.size >= 4 && it[1].toIntOrNull() != null }
            .associate { it[3] to it[1].toInt() }
    }

    /** Every class that UniFFI generated. */
    fun generatedClasses(): List<Class<*>> {
        val location = dev.huihua.sdk.ffi.SessionService::class.java.protectionDomain.codeSource
        val folder = File(File(location.location.toURI()), "dev/huihua/sdk/ffi")
        return checkNotNull(folder.list()).filter { it.endsWith(".class") }
            .map { "dev.huihua.sdk.ffi." + it.removeSuffix(".class") }
            .map { Class.forName(it, false, javaClass.classLoader) }
    }

    /** The types that Rust references as long as the service. */
    private val OF_SERVICES = setOf("TokenProvider", "RootProvider", "Logger")
    private val OTHERS = listOf("scripted", "fault-proxy", "C1 ", "C2 ", "GC ", "G1 ")
}
