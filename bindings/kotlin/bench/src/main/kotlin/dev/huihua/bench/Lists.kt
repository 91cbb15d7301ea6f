// List calls against the real server, all contestants interleaved: times and bytes allocated.
package dev.huihua.bench

import com.sun.management.ThreadMXBean
import java.lang.management.ManagementFactory
import java.net.HttpURLConnection
import java.net.URI

private const val WARM_UP_BLOCKS = 120
private const val BLOCK_CALLS = 25

/** Prints of each contestant, for lists only received and for rows read: ns and bytes a call. */
fun lists(quick: Boolean, url: String, token: String) {
    val contestants = listOf(
        Sdk("sdk", url, token, executor = null),
        Sdk("sdk-direct", url, token) { it.run() },
        OkHttp("okhttp-enqueue", url, token, waits = false),
        OkHttp("okhttp-execute", url, token, waits = true),
    )
    for (reads in listOf(false, true)) {
        val seen = contestants.map { it.list(reads) }.toSet()
        check(seen.size == 1) { "the contestants saw different lists: $seen" }
        repeat(if (quick) WARM_UP_BLOCKS / 2 else WARM_UP_BLOCKS) {
            contestants.forEach { it.block(reads) }
        }
        val rounds = if (quick) 10 else 60
        val measured = contestants.associateWith { mutableListOf<Block>() }
        repeat(rounds) { round ->
            // Each begins as often as any other.
            for (at in contestants.indices) {
                val contestant = contestants[(at + round) % contestants.size]
                measured.getValue(contestant) += contestant.block(reads)
            }
        }
        val what = if (reads) "read" else "list"
        for ((contestant, blocks) in measured) {
            figure("$what/${contestant.name}/ns", blocks.flatMap { it.ns.asList() })
            figure("$what/${contestant.name}/bytes", blocks.map { it.bytes / BLOCK_CALLS })
        }
    }
    contestants.forEach { it.close() }
}

private class Block(val ns: LongArray, val bytes: Long)

private fun Contestant.block(reads: Boolean): Block {
    val before = allocatedBytes()
    val ns = LongArray(BLOCK_CALLS)
    for (at in ns.indices) {
        val start = System.nanoTime()
        list(reads)
        ns[at] = System.nanoTime() - start
    }
    return Block(ns, allocatedBytes() - before)
}

private val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean

/** Of all threads that live; those of the contestants outlive a block. */
fun allocatedBytes(): Long =
    threads.getThreadAllocatedBytes(threads.allThreadIds).filter { it > 0 }.sum()

/** Returns the server's answer to a list call. */
fun pageOf(url: String, token: String): ByteArray {
    val connection = URI("$url/v1/sessions").toURL().openConnection() as HttpURLConnection
    connection.setRequestProperty("Authorization", "Bearer $token")
    return connection.inputStream.use { it.readBytes() }
}

/** Of the calling thread. */
fun ownAllocatedBytes(): Long = threads.getThreadAllocatedBytes(Thread.currentThread().id)
