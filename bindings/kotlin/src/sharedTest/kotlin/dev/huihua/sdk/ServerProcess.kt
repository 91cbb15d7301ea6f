// The real server, as a process of its own, for tests that run where its binary is.
package dev.huihua.sdk

import java.io.File
import java.util.concurrent.TimeUnit

/** `huihua-server dev` on an empty data folder and a free port. */
class ServerProcess private constructor(private val process: Process, private val data: File) :
    TestServer, AutoCloseable {
    override val url: String
    override val appKey: String
    override val appSecret: String

    /** Signs clients' tokens. */
    val tokenKey: String

    init {
        val facts = awaitFacts()
        url = facts.getValue("url")
        appKey = facts.getValue("appKey")
        appSecret = facts.getValue("appSecret")
        tokenKey = facts.getValue("tokenKey")
    }

    override fun token(account: String): String {
        val command = listOf(
            binary, "token", "--data", data.path, "--account", account, "--ttl", "1h",
        )
        val child = ProcessBuilder(command).redirectErrorStream(true).start()
        val output = child.inputStream.bufferedReader().readText().trim()
        check(child.waitFor() == 0) { "no token: $output" }
        return output
    }

    override fun close() {
        process.destroy()
        process.waitFor(PATIENCE_S, TimeUnit.SECONDS)
        data.deleteRecursively()
    }

    private fun awaitFacts(): Map<String, String> {
        val file = File(data, "dev.json")
        val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S)
        while (System.nanoTime() < deadline) {
            check(process.isAlive) { "the server ended: ${File(data, "log").readText()}" }
            val text = if (file.exists()) file.readText() else ""
            if (text.trimEnd().endsWith("}")) {
                return FACT.findAll(text).associate { it.groupValues[1] to it.groupValues[2] }
            }
            Thread.sleep(20)
        }
        error("the server did not start: ${File(data, "log").readText()}")
    }

    companion object {
        private const val PATIENCE_S = 30L
        private val FACT = Regex("\"(\\w+)\"\\s*:\\s*\"([^\"]*)\"")
        private val binary: String get() = checkNotNull(System.getProperty("huihua.server"))

        /** One for all tests of this JVM: each test takes accounts of its own. */
        val shared: ServerProcess by lazy {
            start().also { Runtime.getRuntime().addShutdownHook(Thread(it::close)) }
        }

        fun start(): ServerProcess {
            val data = File.createTempFile("huihua", "data").apply { delete(); mkdirs() }
            val command = listOf(binary, "dev", "--data", data.path, "--listen", "127.0.0.1:0")
            val process = ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(File(data, "log")).start()
            return ServerProcess(process, data)
        }
    }
}
