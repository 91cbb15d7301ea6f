// The services that NIMClient returns: each serves the account that is logged in at that moment.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Observer
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.internal.Delivery

internal object CurrentMsgService : MsgService {
    override fun queryMySessionList(
        option: QueryMySessionOption?,
    ): InvocationFuture<RecentSessionList> = call { startQueryMySessionList(option) }

    @Deprecated("Use the overload with an option.")
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

    override fun queryMySession(sessionId: String?): InvocationFuture<RecentSession> =
        call { startQueryMySession(sessionId) }

    override fun updateMySession(sessionId: String?, ext: String?): InvocationFuture<Void> =
        call { startUpdateMySession(sessionId, ext) }

    override fun deleteMySession(sessionIdArr: Array<out String?>?): InvocationFuture<Void> =
        call { startDeleteMySession(sessionIdArr?.asList()) }

    private inline fun <T> call(start: SessionService.() -> Delivery<T>): InvocationFuture<T> =
        CallFuture(Logins.service?.start() ?: Logins.refuseCall())
}

internal object CurrentMsgServiceObserve : MsgServiceObserve {
    override fun observeUpdateMySession(observer: Observer<RecentSession>?, register: Boolean) =
        Logins.observe(observer?.let(::UpdateObserver), register)

    override fun observeSessionChanges(observer: Observer<SessionChange>?, register: Boolean) =
        Logins.observe(observer?.let(::ChangeObserver), register)
}

internal object CurrentAuthService : AuthService {
    override fun login(info: LoginInfo?): AbortableFuture<LoginInfo> = Logins.login(info)

    override fun logout() = Logins.logout()
}

internal object CurrentAuthObserver : AuthServiceObserver {
    override fun observeOnlineStatus(observer: Observer<StatusCode>?, register: Boolean) =
        Logins.observe(observer?.let(::StatusObserver), register)
}
