// The first call of a process: each in a JVM of its own, over TLS with 150 roots, with one root, and
// without TLS; and what JNA alone takes. The server is this process's.
package dev.huihua.bench

import com.sun.jna.Callback
import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.NativeLong
import com.sun.jna.Pointer
import com.sun.net.httpserver.HttpServer
import com.sun.net.httpserver.HttpsConfigurator
import com.sun.net.httpserver.HttpsServer
import java.io.File
import java.io.FileInputStream
import java.net.InetAddress
import java.net.InetSocketAddress
import java.security.KeyStore
import java.security.cert.Certificate
import java.util.concurrent.Executors
import javax.net.ssl.KeyManagerFactory
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager

private const val PASSWORD = "changeit"
private const val ROOTS = 150
private val CONTESTANTS = listOf("sdk", "okhttp")

/**
 * Runs in the fresh process: makes the contestant and one call. Returns both times, and the CPU
 * time of the process meanwhile, in ns.
 */
fun firstCall(contestant: String, url: String, token: String): String {
    val cpu = cpuNs()
    val start = System.nanoTime()
    val made = when (contestant) {
        "sdk" -> Sdk("sdk", url, token, executor = null)
        "okhttp" -> OkHttp("okhttp", url, token, waits = true)
        else -> BareJna("jna")
    }
    val ready = System.nanoTime()
    check(made.list(reads = false) == ROWS) { "another list" }
    val end = System.nanoTime()
    return "${ready - start} ${end - ready} ${cpuNs() - cpu}"
}

private const val ROWS = 100
private const val NS_PER_TICK = 10_000_000

/**
 * Returns the CPU time of the process, threads that ended included. The JVM's own beans would load
 * much of what a first call loads.
 */
private fun cpuNs(): Long {
    val stat = FileInputStream("/proc/self/stat").use { String(it.readAllBytes()) }
    // The second field, a name in brackets, may hold spaces.
    val fields = stat.substring(stat.lastIndexOf(')') + 2).split(' ')
    return (fields[11].toLong() + fields[12].toLong()) * NS_PER_TICK
}

/** Calls one function of the C library, which calls back: the least that a library in JNA costs. */
private class BareJna(name: String) : Contestant(name) {
    init {
        LibC.load()
    }

    override fun list(reads: Boolean): Int {
        val numbers = Memory(2L * Int.SIZE_BYTES)
        numbers.setInt(0, ROWS)
        numbers.setInt(Int.SIZE_BYTES.toLong(), 1)
        LibC.qsort(numbers, NativeLong(2), NativeLong(Int.SIZE_BYTES.toLong()), ByValue)
        return numbers.getInt(Int.SIZE_BYTES.toLong())
    }
}

private interface Compare : Callback {
    fun callback(left: Pointer, right: Pointer): Int
}

private object ByValue : Compare {
    override fun callback(left: Pointer, right: Pointer) = left.getInt(0) - right.getInt(0)
}

private object LibC {
    init {
        Native.register(LibC::class.java, "c")
    }

    fun load() = Unit

    external fun qsort(base: Pointer, count: NativeLong, size: NativeLong, compare: Compare)
}

/** Serves [page] and starts the processes. */
class FirstCalls(folder: File, private val token: String, private val page: ByteArray) :
    AutoCloseable {
    private val serverKeys = makeKeys(File(folder, "server.p12"))
    private val http = HttpServer.create(anyPort(), 0)
    private val https = HttpsServer.create(anyPort(), 0)
    private val oneRoot = File(folder, "one-root.jks")
    private val manyRoots = File(folder, "many-roots.jks")

    init {
        val managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm())
        managers.init(serverKeys, PASSWORD.toCharArray())
        val context = SSLContext.getInstance("TLS")
        context.init(managers.keyManagers, null, null)
        https.httpsConfigurator = HttpsConfigurator(context)
        for (server in listOf(http, https)) {
            server.executor = Executors.newCachedThreadPool { Thread(it).apply { isDaemon = true } }
            server.createContext("/") { exchange ->
                exchange.responseHeaders.add("Content-Type", "application/json")
                exchange.sendResponseHeaders(200, page.size.toLong())
                exchange.responseBody.use { it.write(page) }
            }
            server.start()
        }
        val own = serverKeys.getCertificate("key")
        save(listOf(own), oneRoot)
        val platform = platformRoots().take(ROOTS - 1)
        // Where the platform has fewer.
        val more = (1 until ROOTS - platform.size).map { makeKeys(File(folder, "root$it.p12")) }
        val roots = platform + more.map { it.getCertificate("key") } + own
        save(roots, manyRoots)
        figure("first/roots", listOf(roots.size))
    }

    /** Prints of each kind and contestant: ns until it is made, and ns of its first call. */
    fun measure(times: Int) {
        val kinds = listOf(
            Triple("many-roots", "https://127.0.0.1:${https.address.port}", manyRoots),
            Triple("one-root", "https://127.0.0.1:${https.address.port}", oneRoot),
            Triple("no-tls", "http://127.0.0.1:${http.address.port}", oneRoot),
        )
        // The first of all reads files that no other then has to read from the disk.
        CONTESTANTS.forEach { run(it, kinds[0].second, manyRoots) }
        val parts = listOf("made-ns", "call-ns", "cpu-ns")
        val measured = mutableMapOf<String, MutableList<Long>>()
        repeat(times) {
            for ((kind, url, store) in kinds) {
                for (contestant in CONTESTANTS) {
                    for ((part, ns) in parts.zip(run(contestant, url, store))) {
                        val name = "first/$kind/$contestant/$part"
                        measured.getOrPut(name) { mutableListOf() } += ns
                    }
                }
            }
            for ((part, ns) in parts.zip(run("jna", "", oneRoot))) {
                measured.getOrPut("first/nothing/jna/$part") { mutableListOf() } += ns
            }
        }
        measured.forEach { (name, values) -> figure(name, values) }
    }

    private fun run(contestant: String, url: String, store: File): List<Long> {
        val command = listOf(
            File(System.getProperty("java.home"), "bin/java").path,
            "-Djna.library.path=${System.getProperty("jna.library.path")}",
            "-Djavax.net.ssl.trustStore=$store", "-Djavax.net.ssl.trustStoreType=JKS",
            "-cp", System.getProperty("java.class.path"),
            "dev.huihua.bench.MainKt", "first", contestant, url,
        )
        val builder = ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT)
        builder.environment()["HUIHUA_TOKEN"] = token
        val process = builder.start()
        val line = process.inputStream.bufferedReader().readText().trim()
        check(process.waitFor() == 0) { "the process of $contestant failed" }
        return line.split(' ').map { it.toLong() }
    }

    override fun close() {
        http.stop(0)
        https.stop(0)
    }
}

private fun anyPort() = InetSocketAddress(InetAddress.getLoopbackAddress(), 0)

private fun makeKeys(file: File): KeyStore {
    val keytool = File(System.getProperty("java.home"), "bin/keytool").path
    val command = listOf(
        keytool, "-genkeypair", "-keyalg", "EC", "-alias", "key", "-dname", "CN=bench",
        "-ext", "san=ip:127.0.0.1", "-validity", "2",
        "-keystore", file.path, "-storetype", "PKCS12", "-storepass", PASSWORD,
    )
    val process = ProcessBuilder(command).redirectErrorStream(true).start()
    val output = process.inputStream.bufferedReader().readText()
    check(process.waitFor() == 0) { output }
    return KeyStore.getInstance("PKCS12").apply {
        file.inputStream().use { load(it, PASSWORD.toCharArray()) }
    }
}

private fun platformRoots(): List<Certificate> {
    val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
    factory.init(null as KeyStore?)
    return factory.trustManagers.filterIsInstance<X509TrustManager>()
        .flatMap { it.acceptedIssuers.asList() }
}

private fun save(roots: List<Certificate>, file: File) {
    val store = KeyStore.getInstance("JKS").apply { load(null, null) }
    roots.forEachIndexed { at, root -> store.setCertificateEntry("root$at", root) }
    file.outputStream().use { store.store(it, PASSWORD.toCharArray()) }
}
