// Converts the records of the native interface to the public types and back, one function each.
package dev.huihua.sdk.internal

import dev.huihua.sdk.AccountInfo
import dev.huihua.sdk.IMMessage
import dev.huihua.sdk.Logger
import dev.huihua.sdk.MsgAttachment
import dev.huihua.sdk.MsgStatusEnum
import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentContact
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.RevokeMsgNotification
import dev.huihua.sdk.RevokeType
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.SessionTypeEnum
import dev.huihua.sdk.SyncOption
import dev.huihua.sdk.SyncResult
import dev.huihua.sdk.ffi.AccountInfo as NativeAccountInfo
import dev.huihua.sdk.ffi.CallFailure
import dev.huihua.sdk.ffi.JsonValue
import dev.huihua.sdk.ffi.LogLevel
import dev.huihua.sdk.ffi.MessageStub as NativeStub
import dev.huihua.sdk.ffi.Options as NativeOptions
import dev.huihua.sdk.ffi.QueryMySessionOption as NativeOption
import dev.huihua.sdk.ffi.RecentSession as NativeRow
import dev.huihua.sdk.ffi.RecentSessionList as NativePage
import dev.huihua.sdk.ffi.RevokeMsgNotification as NativeNotice
import dev.huihua.sdk.ffi.SessionChange as NativeChange
import dev.huihua.sdk.ffi.SessionException as NativeException
import dev.huihua.sdk.ffi.SyncOption as NativeSyncOption
import dev.huihua.sdk.ffi.SyncResult as NativeSyncResult
import dev.huihua.sdk.ffi.parseJsonObject
import dev.huihua.sdk.nim.Pair

internal fun SessionServiceOptions.toNative(): NativeOptions =
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
    )

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

internal fun NativeRow.toPublic(): RecentSession = SessionRow(
    sessionId = sessionId,
    updateTime = updateTime,
    ext = ext,
    lastMsg = lastMsg,
    lastMsgType = lastMsgType,
    revokeNotification = revokeNotification?.toPublic(),
    contact = recentContact.run {
        ContactRow(
            contactId = contactId,
            fromAccount = fromAccount,
            fromNick = fromNick,
            sessionType = SessionTypeEnum.typeOfValue(sessionType),
            recentMessageId = recentMessageId,
            msgType = MsgTypeEnum.typeOfValue(msgType),
            content = content,
            time = time,
            attachment = attachment.ifEmpty { null }?.let(::TextAttachment),
        )
    },
    extensionJson = recentContact.extension,
)

private fun NativeNotice.toPublic() = RevokeMsgNotification(
    message = recalled.toPublic(),
    attach = attach,
    revokeAccount = revokeAccount,
    customInfo = customInfo,
    revokeType = RevokeType.typeOfValue(revokeType),
    callbackExt = callbackExt,
)

private fun NativeStub.toPublic() = IMMessage(clientId, serverId, fromAccount, time)

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

private class SessionRow(
    override val sessionId: String,
    override val updateTime: Long,
    override val ext: String,
    override val lastMsg: String,
    override val lastMsgType: Int,
    override val revokeNotification: RevokeMsgNotification?,
    private val contact: ContactRow,
    private val extensionJson: String,
) : RecentSession {
    override fun toRecentContact(): RecentContact = contact.copyWith(
        // A deserialized row needs no service, so the library may be missing here, too.
        if (NativeLibrary.failure != null) {
            mapOf(RecentSession.KEY_EXT to ext)
        } else {
            parseJsonObject(extensionJson).toPublic()
        },
    )

    override fun parseSessionId() = Pair(contact.sessionType, contact.contactId)

    private companion object {
        private const val serialVersionUID = 1L
    }
}

private class ContactRow(
    override val contactId: String,
    override val fromAccount: String,
    override val fromNick: String,
    override val sessionType: SessionTypeEnum,
    override val recentMessageId: String,
    override val msgType: MsgTypeEnum,
    override val content: String,
    override val time: Long,
    override val attachment: MsgAttachment?,
    override var extension: Map<String, Any?> = emptyMap(),
) : RecentContact {
    override var msgStatus = MsgStatusEnum.success
    override var tag = 0L
    override val unreadCount get() = 0

    fun copyWith(extension: Map<String, Any?>) = ContactRow(
        contactId, fromAccount, fromNick, sessionType, recentMessageId, msgType, content, time,
        attachment, extension,
    )

    private companion object {
        private const val serialVersionUID = 1L
    }
}

private class TextAttachment(private val text: String) : MsgAttachment {
    override fun toJson(send: Boolean) = text

    private companion object {
        private const val serialVersionUID = 1L
    }
}

private fun Map<String, JsonValue>.toPublic(): Map<String, Any?> =
    mapValuesTo(LinkedHashMap()) { it.value.toPublic() }

/** Converts a value; numbers as Android's own JSON reader does: Int if it fits, else Long. */
private fun JsonValue.toPublic(): Any? = when (this) {
    is JsonValue.Null -> null
    is JsonValue.Flag -> value
    is JsonValue.Whole -> if (value == value.toInt().toLong()) value.toInt() else value
    is JsonValue.Decimal -> value
    is JsonValue.Text -> value
    is JsonValue.Array -> values.mapTo(ArrayList()) { it.toPublic() }
    is JsonValue.Dictionary -> fields.toPublic()
}
