// A process with a slow trust store, as on a device, where reading it may take seconds: making a
// service and starting a call must not wait for it. NothingBlocksTest runs it as a process of its
// own, because a JVM reads its store only once.
package dev.huihua.sdk

import java.net.InetAddress
import java.net.ServerSocket
import java.security.KeyStore
import java.security.Provider
import java.security.Security
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import javax.net.ssl.ManagerFactoryParameters
import javax.net.ssl.TrustManager
import javax.net.ssl.TrustManagerFactorySpi
import kotlin.system.exitProcess

private val asked = CountDownLatch(1)

class SlowTrustManagerFactory : TrustManagerFactorySpi() {
    override fun engineInit(store: KeyStore?) {
        asked.countDown()
        CountDownLatch(1).await()
    }

    override fun engineInit(parameters: ManagerFactoryParameters?) = engineInit(null as KeyStore?)

    override fun engineGetTrustManagers(): Array<TrustManager> = emptyArray()
}

private class SlowStore : Provider("SlowStore", "1", "for tests") {
    init {
        put("TrustManagerFactory.PKIX", SlowTrustManagerFactory::class.java.name)
    }
}

fun main() {
    Security.insertProviderAt(SlowStore(), 1)
    val silent = ServerSocket(0, 50, InetAddress.getLoopbackAddress())
    val url = "https://127.0.0.1:${silent.localPort}"
    val ended = CountDownLatch(1)
    val user = Thread {
        val options = SessionServiceOptions.Builder(url, "token").build()
        val service = SessionService(options)
        service.observeSessionChanges {}
        SessionList(service).open()
        service.queryMySessionList(null, Recorder<RecentSessionList> { ended.countDown() })
        check(asked.await(10, TimeUnit.SECONDS)) { "the store was not asked for" }
        service.close()
        check(ended.await(10, TimeUnit.SECONDS)) { "closing ends no call" }
        println("done")
        exitProcess(0)
    }
    user.start()
    user.join(SLOW_MS)
    println("blocked in\n  ${user.stackTrace.joinToString("\n  ")}")
    exitProcess(1)
}

private const val SLOW_MS = 15_000L
