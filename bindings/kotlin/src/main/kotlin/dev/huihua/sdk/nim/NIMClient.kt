// The entrance of the NIM-shaped door.
package dev.huihua.sdk.nim

import dev.huihua.sdk.InvocationFuture
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.TokenProvider

/** One account's services for the whole process, as NIM's users know them. */
public object NIMClient {
    @Volatile
    private var service: SessionService? = null

    /**
     * Makes the services of [info]'s account. Called again, it ends the calls that run in
     * `onException` and starts anew, for another account or with other options. No I/O.
     *
     * @param context Android's `Context`, as NIM's users pass it, or null: the SDK needs none. Any
     * object is taken, so that one signature serves Android and the JVM.
     * @throws IllegalArgumentException names the option that is wrong.
     */
    @JvmStatic
    @Suppress("UNUSED_PARAMETER")
    public fun init(context: Any?, info: LoginInfo, options: SDKOptions) {
        val next = SessionService(sessionServiceOptions(info, options))
        synchronized(this) { service.also { service = next } }?.close()
    }

    /**
     * The service of this type: [MsgService]. May be kept: it follows a later [init].
     *
     * @throws IllegalStateException before [init].
     * @throws IllegalArgumentException for any other type.
     */
    @JvmStatic
    public fun <T : Any> getService(type: Class<T>): T {
        require(type == MsgService::class.java) { "there is no service ${type.name}" }
        current()
        return checkNotNull(type.cast(CurrentMsgService))
    }

    internal fun current(): SessionService =
        checkNotNull(service) { "NIMClient.init must be called first" }

    private fun sessionServiceOptions(info: LoginInfo, options: SDKOptions): SessionServiceOptions {
        val renewal = options.tokenProvider
        val tokens = TokenProvider { refresh ->
            if (refresh && renewal != null) renewal.getToken(true) else info.token
        }
        val builder = SessionServiceOptions.Builder(options.serverUrl, tokens)
            .cleartextAllowed(options.cleartextAllowed)
        options.extraRootCertificates.forEach { builder.addRootCertificate(it) }
        options.callbackExecutor?.let { builder.callbackExecutor(it) }
        return builder.build()
    }
}

private object CurrentMsgService : MsgService {
    override fun queryMySessionList(
        option: QueryMySessionOption?,
    ): InvocationFuture<RecentSessionList> = NIMClient.current().startQueryMySessionList(option)

    @Deprecated("Say it by name.")
    override fun queryMySessionList(
        minTimestamp: Long,
        maxTimestamp: Long?,
        needLastMsg: Int?,
        limit: Int?,
        hasMore: Int?,
    ): InvocationFuture<RecentSessionList> {
        val option = QueryMySessionOption(minTimestamp)
        maxTimestamp?.let { option.maxTimestamp = it }
        needLastMsg?.let { option.isNeedLastMsg = it != 0 }
        limit?.let { option.limit = it }
        return queryMySessionList(option)
    }

    override fun queryMySession(sessionId: String): InvocationFuture<RecentSession> =
        NIMClient.current().startQueryMySession(sessionId)

    override fun updateMySession(sessionId: String, ext: String): InvocationFuture<Void> =
        NIMClient.current().startUpdateMySession(sessionId, ext)

    override fun deleteMySession(sessionIdArr: Array<String>): InvocationFuture<Void> =
        NIMClient.current().startDeleteMySession(sessionIdArr.asList())
}
