// Converts the records of the native interface to the public types and back, one function each.
package dev.huihua.sdk.internal

import dev.huihua.sdk.AccountInfo
import dev.huihua.sdk.Logger
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.SyncOption
import dev.huihua.sdk.SyncResult
import dev.huihua.sdk.ffi.AccountInfo as NativeAccountInfo
import dev.huihua.sdk.ffi.CacheOptions
import dev.huihua.sdk.ffi.CallFailure
import dev.huihua.sdk.ffi.ListFacts as NativeListFacts
import dev.huihua.sdk.ffi.LogLevel
import dev.huihua.sdk.ffi.Options as NativeOptions
import dev.huihua.sdk.ffi.QueryMySessionOption as NativeOption
import dev.huihua.sdk.ffi.RecentSession as NativeRow
import dev.huihua.sdk.ffi.RecentSessionList as NativePage
import dev.huihua.sdk.ffi.SessionChange as NativeChange
import dev.huihua.sdk.ffi.SessionException as NativeException
import dev.huihua.sdk.ffi.SyncOption as NativeSyncOption
import dev.huihua.sdk.ffi.SyncResult as NativeSyncResult

/** Converts the options; without [cacheAccount] nothing is kept, whatever they say. */
internal fun SessionServiceOptions.toNative(cacheAccount: CacheAccount?): NativeOptions =
    NativeOptions(
        serverUrls = serverUrls.map { requireOptionText("serverUrl", it) },
        rootCertificates = extraRootCertificates,
        certificatePins = certificatePins.map { requireOptionText("certificatePin", it) },
        proxyUrl = proxyUrl?.let { requireOptionText("proxyUrl", it) },
        userAgent = userAgent?.let { requireOptionText("userAgent", it) },
        cleartextAllowed = cleartextAllowed,
        connectTimeoutMs = connectTimeoutMs,
        attemptTimeoutMs = attemptTimeoutMs,
        callTimeoutMs = callTimeoutMs,
        attemptsMax = attemptsMax,
        cache = cacheAccount?.let { toNativeCache(it.name) },
    )

private fun SessionServiceOptions.toNativeCache(account: String?): CacheOptions? {
    val folder = requireOptionText("cacheFolder", (cacheFolder ?: return null).path)
    val appKey = requireOptionText("cacheAppKey", cacheAppKey)
    return CacheOptions(folder, appKey, requireOptionText("cacheAccount", account))
}

internal fun QueryMySessionOption.toNative(): NativeOption {
    val token = pageToken?.let { requireText("pageToken", it) }
    return NativeOption(minTimestamp, maxTimestamp, isNeedLastMsg, limit, token)
}

internal fun NativePage.toPublic(): RecentSessionList =
    RecentSessionList(sessionList.map { it.toPublic() }, hasMore, nextPageToken, syncCursor)

internal fun SyncOption.toNative(): NativeSyncOption {
    val from = cursor?.let { requireText("cursor", it) }
    return NativeSyncOption(from, limit, isNeedLastMsg, waitMs)
}

internal fun NativeSyncResult.toPublic(): SyncResult =
    SyncResult(changes.map { it.toPublic() }, cursor, hasMore, reset)

private fun NativeChange.toPublic(): SessionChange = when (this) {
    is NativeChange.Updated -> SessionChange.Updated(session.toPublic())
    is NativeChange.Deleted -> SessionChange.Deleted(sessionId)
}

internal fun NativeRow.toPublic(): RecentSession =
    SessionRow(sessionId, updateTime, ext, lastMsg, lastMsgType)

internal fun NativeListFacts.toInternal() =
    ListFacts(number, hasMore, isFromCache, isReading, isLoadingMore)

internal fun NativeAccountInfo.toPublic() = AccountInfo(account, appKey, expiresAt)

internal fun CallFailure.toPublic() =
    SessionException.Failed(code, retryable, mayHaveApplied, retryAfterMs, requestId, detail)

/** Converts an exception; [tokenFailure] is that of the token provider, kept in Kotlin. */
internal fun NativeException.toPublic(tokenFailure: Throwable?): SessionException = when (this) {
    is NativeException.Answer -> {
        val text = "unexpected answer (HTTP $status): $reason"
        SessionException.UnexpectedAnswer(status, retryable, mayHaveApplied, retryAfterMs, text)
    }
    is NativeException.TokenProvider ->
        SessionException.TokenProviderFailed(tokenFailure, mayHaveApplied)
    is NativeException.Closed -> SessionException.Closed()
    is NativeException.Internal -> SessionException.Internal("internal error: $reason")
    is NativeException.Option -> SessionException.Internal("option $field: $reason")
}

internal fun LogLevel.toPublic(): Logger.Level = when (this) {
    LogLevel.DEBUG -> Logger.Level.DEBUG
    LogLevel.INFO -> Logger.Level.INFO
    LogLevel.WARN -> Logger.Level.WARN
}
