// The program of `cargo xtask bench sdk`: measures the SDK beside OkHttp in one JVM, the border by
// itself, and first calls in fresh JVMs. It prints one line a figure: name, tab, values.
package dev.huihua.bench

import java.io.File
import kotlin.system.exitProcess

/** `all FOLDER URL quick|full`, or `first CONTESTANT URL`. `HUIHUA_TOKEN` holds the token. */
fun main(arguments: Array<String>) {
    val token = System.getenv("HUIHUA_TOKEN")
    if (arguments[0] == "first") {
        println(firstCall(arguments[1], arguments[2], token))
        // OkHttp's threads would keep the process for a minute.
        exitProcess(0)
    }
    val (_, folder, url, length) = arguments
    val quick = length == "quick"
    val java = System.getProperty("java.vm.name") + " " + System.getProperty("java.version")
    val system = System.getProperty("os.name") + " " + System.getProperty("os.version")
    val cores = Runtime.getRuntime().availableProcessors()
    println("environment/machine\tMachine: $cores cores, $system; $java")
    border(quick, pageOf(url, token))
    lists(quick, url, token)
    coldStarts(quick, File(folder), url, token)
    FirstCalls(File(folder), token, pageOf(url, token)).use { it.measure(if (quick) 3 else 15) }
    exitProcess(0)
}

/** Prints one figure; the values of a list are measurements of the same thing. */
fun figure(name: String, values: Collection<Number>) = println("$name\t${values.joinToString(" ")}")
