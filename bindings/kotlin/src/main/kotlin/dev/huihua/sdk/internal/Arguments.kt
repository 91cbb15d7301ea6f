// The texts that the app passes: checked once, before they reach the native library, which can
// neither take null (from Java) nor half of a surrogate pair.
package dev.huihua.sdk.internal

import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.TokenProvider

/** Provides the one token that the app passed, which each call checks. */
internal class FixedToken(val token: String?) : TokenProvider {
    override fun getToken(refresh: Boolean): String = token.orEmpty()
}

/** Names the account whose lists a service keeps; null = the app has named none. */
internal class CacheAccount(val name: String?) {
    companion object {
        /** How the message about a name that is none begins. */
        const val FAULT = "option cacheAccount: "
    }
}

/**
 * Returns [value], the argument [name] of a call.
 *
 * @throws SessionException.Failed with code 414 if it is null or no valid Unicode.
 */
internal fun requireText(name: String, value: String?): String {
    val fault = textFault(value)
    if (value == null || fault != null) throw invalidArgument("$name: $fault")
    return value
}

/** Returns [values], the argument [name] of a call; throws as [requireText]. */
internal fun requireTexts(name: String, values: List<String?>?): List<String> {
    if (values == null) throw invalidArgument("$name: $NULL_FAULT")
    return values.map { requireText(name, it) }
}

/**
 * Returns [value], the option [name] of a service.
 *
 * @throws IllegalArgumentException if it is null or no valid Unicode.
 */
internal fun requireOptionText(name: String, value: String?): String {
    val fault = textFault(value)
    require(value != null && fault == null) { "option $name: $fault" }
    return value
}

/** Returns the token provider of a service that is made without a login. */
internal fun requireTokenProvider(options: SessionServiceOptions): TokenProvider =
    requireNotNull(options.tokenProvider) { "option tokenProvider: $NULL_FAULT" }

/**
 * Returns [token], that of the app or of its provider.
 *
 * @throws SessionException.Failed with code 414 if no request can carry it.
 */
internal fun requireToken(token: String?): String {
    val fault = tokenFault(token)
    if (token == null || fault != null) throw invalidArgument("token: $fault")
    return token
}

/** Says what is wrong with a token; null if a request can carry it. */
internal fun tokenFault(token: String?): String? = when {
    token == "" -> EMPTY_FAULT
    textFault(token) != null -> textFault(token)
    token.orEmpty().any { it !in '!'..'~' } -> "must be printable ASCII without spaces"
    else -> null
}

internal fun invalidArgument(detail: String) = SessionException.Failed(
    code = Codes.INVALID_PARAMETER,
    retryable = false,
    mayHaveApplied = false,
    retryAfterMs = null,
    requestId = null,
    detail = detail,
)

/** The codes that the facade itself reports or decides by; core's table has all of them. */
internal object Codes {
    const val TOKEN_REFUSED = 302
    const val FORBIDDEN = 403
    const val TIMEOUT = 408
    const val INVALID_PARAMETER = 414
    const val NO_CONNECTION = 415
    const val ACCOUNT_BLOCKED = 422
}

/** Says what is wrong with a text; null if the native library can take it. */
internal fun textFault(text: String?): String? = when {
    text == null -> NULL_FAULT
    !Charsets.UTF_8.newEncoder().canEncode(text) -> "must not contain half of a surrogate pair"
    else -> null
}

private const val NULL_FAULT = "must not be null"
internal const val EMPTY_FAULT = "must not be empty"
