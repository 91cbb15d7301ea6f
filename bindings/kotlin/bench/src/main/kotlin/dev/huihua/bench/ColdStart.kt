// The list that an app shows when it opens: kept by an earlier service, without any network.
package dev.huihua.bench

import dev.huihua.sdk.AccountInfo
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionList
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.SessionServiceOptions
import java.io.File
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

private const val KEPT_ROWS = 200
private const val PAGE_ROWS = 100
private const val WARM_UPS = 20
private const val PATIENCE_S = 30L

/** Prints ns and bytes from making the service until [KEPT_ROWS] kept rows show, and the file's. */
fun coldStarts(quick: Boolean, folder: File, url: String, token: String) {
    val kept = File(folder, "kept")
    val owner = ownerOf(url, token)
    // A file belongs to the first URL, behind which nobody listens.
    val options = SessionServiceOptions.Builder("http://127.0.0.1:1", token).attemptsMax(1)
        .cacheFolder(kept, owner.appKey, owner.account)
    val unreachable = options.build()
    keep(options.addServerUrl(url).build(), kept)
    repeat(WARM_UPS) { coldStart(unreachable) }
    val measured = List(if (quick) 30 else 200) {
        val before = allocatedBytes()
        coldStart(unreachable) to allocatedBytes() - before
    }
    figure("kept/open/ns", measured.map { it.first })
    figure("kept/open/bytes", measured.map { it.second })
    figure("kept/file/bytes", kept.listFiles().orEmpty().map { it.length() })
}

private fun ownerOf(url: String, token: String): AccountInfo {
    val owner = CompletableFuture<AccountInfo>()
    SessionService(SessionServiceOptions.Builder(url, token).build()).use { service ->
        service.account(
            object : RequestCallback<AccountInfo> {
                override fun onSuccess(param: AccountInfo) {
                    owner.complete(param)
                }

                override fun onFailed(code: Int) {
                    owner.completeExceptionally(IllegalStateException("account: $code"))
                }

                override fun onException(exception: Throwable) {
                    owner.completeExceptionally(exception)
                }
            },
        )
        return owner.get(PATIENCE_S, TimeUnit.SECONDS)
    }
}

/** Shows the rows of the server once, so that they are kept. */
private fun keep(options: SessionServiceOptions, kept: File) {
    SessionService(options).use { service ->
        val list = SessionList(service, PAGE_ROWS)
        list.setListener(Waiting())
        list.open()
        awaitTrue { list.sessions.size == PAGE_ROWS && list.state == SessionList.State.Ready }
        list.loadMore()
        awaitTrue { list.sessions.size == KEPT_ROWS && list.state == SessionList.State.Ready }
        list.close()
        awaitTrue { keptRows(kept) == KEPT_ROWS }
    }
}

private fun keptRows(kept: File): Int =
    kept.listFiles().orEmpty().filter { it.extension == "list" }
        .sumOf { it.readText().split("\"sessionId\"").size - 1 }

private fun awaitTrue(condition: () -> Boolean) {
    val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S)
    while (!condition()) {
        check(System.nanoTime() < deadline) { "the list was not kept" }
        Thread.sleep(5)
    }
}

/** Returns ns until the rows are there. */
private fun coldStart(options: SessionServiceOptions): Long {
    val start = System.nanoTime()
    SessionService(options).use { service ->
        SessionList(service, PAGE_ROWS).use { list ->
            val shown = Waiting()
            list.setListener(shown)
            list.open()
            check(shown.isShown.await(PATIENCE_S, TimeUnit.SECONDS)) { "nothing shows" }
            check(list.isFromCache && list.sessions.size == KEPT_ROWS) { "another list" }
            return System.nanoTime() - start
        }
    }
}

/** Waits for the first rows. */
private class Waiting : SessionList.Listener {
    val isShown = CountDownLatch(1)

    override fun onInserted(position: Int, count: Int) = isShown.countDown()

    override fun onRemoved(position: Int, count: Int) = Unit

    override fun onMoved(from: Int, to: Int) = Unit

    override fun onChanged(position: Int, count: Int) = Unit

    override fun onState(state: SessionList.State) = Unit
}
