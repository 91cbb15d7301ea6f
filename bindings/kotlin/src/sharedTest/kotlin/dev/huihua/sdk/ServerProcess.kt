// The real server, as a process of its own, for tests that run where its binary is.
package dev.huihua.sdk

import java.io.File
import java.net.URI
import java.util.concurrent.TimeUnit

/** Runs `huihua-server dev` with its own data folder and a free port, which it keeps. */
class ServerProcess private constructor(private val data: File) : TestServer, AutoCloseable {
    private var process = launch(port = 0)
    override val url: String
    override val appKey: String
    override val appSecret: String
    override val ingestKey: String

    /** Signs clients' tokens. */
    val tokenKey: String

    init {
        val facts = awaitFacts()
        url = facts.getValue("url")
        appKey = facts.getValue("appKey")
        appSecret = facts.getValue("appSecret")
        ingestKey = facts.getValue("ingestKey")
        tokenKey = facts.getValue("tokenKey")
    }

    /** Stops the process as an operator does; [startAgain] uses the same data and port. */
    fun stop() {
        process.destroy()
        check(process.waitFor(PATIENCE_S, TimeUnit.SECONDS)) { "the server does not end" }
    }

    /** Kills the process, as a crash does. */
    fun kill() {
        process.destroyForcibly().waitFor()
    }

    fun startAgain() {
        check(!process.isAlive) { "the server runs" }
        process = launch(URI(url).port)
        awaitFacts()
    }

    /** Writes a backup of the running server into a new file. */
    fun backUp(to: File) = run("backup", "--data", data.path, "--to", to.path)

    /** Stops the server, restores the backup [from], and starts it. */
    fun restore(from: File) {
        stop()
        check(File(data, "huihua.redb").delete()) { "no store in $data" }
        run("restore", "--from", from.path, "--data", data.path)
        startAgain()
    }

    override fun token(account: String): String =
        run("token", "--data", data.path, "--account", account, "--ttl", "1h")

    private fun run(vararg arguments: String): String {
        val command = listOf(binary, *arguments)
        val child = ProcessBuilder(command).redirectErrorStream(true).start()
        val output = child.inputStream.bufferedReader().readText().trim()
        check(child.waitFor() == 0) { "${arguments.first()}: $output" }
        return output
    }

    override fun close() {
        process.destroy()
        process.waitFor(PATIENCE_S, TimeUnit.SECONDS)
        data.deleteRecursively()
    }

    private fun launch(port: Int): Process {
        File(data, "dev.json").delete() // An old one names the process before.
        val listen = "127.0.0.1:$port"
        val command = listOf(binary, "dev", "--data", data.path, "--listen", listen)
        val log = ProcessBuilder.Redirect.appendTo(File(data, "log"))
        return ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log).start()
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

        /** One server for all tests of this JVM: each test uses its own accounts. */
        val shared: ServerProcess by lazy {
            start().also { Runtime.getRuntime().addShutdownHook(Thread(it::close)) }
        }

        fun start() = ServerProcess(
            File.createTempFile("huihua", "data").apply {
                delete()
                mkdirs()
            },
        )
    }
}
