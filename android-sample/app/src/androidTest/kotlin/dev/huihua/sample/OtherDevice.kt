// Another device of an account, whose calls are synchronous.
package dev.huihua.sample

import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.Recorder
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.TestServer
import dev.huihua.sdk.service

internal class OtherDevice(private val service: SessionService) {
    fun update(sessionId: String, ext: String) {
        Recorder<Void>().also { service.updateMySession(sessionId, ext, it) }.result()
    }

    fun delete(sessionId: String) {
        Recorder<Void>().also { service.deleteMySession(listOf(sessionId), it) }.result()
    }

    fun list(option: QueryMySessionOption): RecentSessionList =
        Recorder<RecentSessionList>().also { service.queryMySessionList(option, it) }.result()

    fun close() = service.close()
}

internal fun TestServer.device(account: String) = OtherDevice(service(account))
