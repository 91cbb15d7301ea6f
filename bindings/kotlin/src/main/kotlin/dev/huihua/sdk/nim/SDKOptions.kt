// The options of the NIM-shaped API.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Logger
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.TokenProvider
import java.util.concurrent.Executor

/**
 * Configures [NIMClient.init], by plain fields as in NIM's `SDKOptions`.
 *
 * `init` reads them once. [SessionServiceOptions.Builder] documents the options of the same names,
 * their ranges and their defaults, for which null stands.
 */
public class SDKOptions {
    /** Base URL of the Huihua server, `https://host[:port][/prefix]`. Required. */
    @JvmField
    public var serverUrl: String = ""

    /** Other base URLs of the same server, used if the ones before cannot be reached. */
    @JvmField
    public var fallbackServerUrls: List<String> = emptyList()

    /** Allows `http` to hosts other than loopback and an emulator's 10.0.2.2. */
    @JvmField
    public var cleartextAllowed: Boolean = false

    /** Replaces the token of [LoginInfo] once the server refuses it; null = never. */
    @JvmField
    public var tokenProvider: TokenProvider? = null

    /** Runs the callbacks; null = the platform's default, see `RequestCallback`. */
    @JvmField
    public var callbackExecutor: Executor? = null

    /** Roots that are trusted in addition to the platform's, in DER. */
    @JvmField
    public var extraRootCertificates: List<ByteArray> = emptyList()

    /** Pins of which the server's chain must match one, `sha256/<base64>`; empty = none. */
    @JvmField
    public var certificatePins: List<String> = emptyList()

    /** URL of the HTTP proxy; null = direct connections. */
    @JvmField
    public var proxyUrl: String? = null

    /** Longest time for a connection, in ms. */
    @JvmField
    public var connectTimeoutMs: Long? = null

    /** Longest time for one attempt, in ms. */
    @JvmField
    public var attemptTimeoutMs: Long? = null

    /** Longest time for a whole call, in ms. */
    @JvmField
    public var callTimeoutMs: Long? = null

    /** Limit of the attempts of one call. */
    @JvmField
    public var attemptsMax: Int? = null

    /** The `User-Agent` of each request. */
    @JvmField
    public var userAgent: String? = null

    /** Receives the SDK's log; null = no log. */
    @JvmField
    public var logger: Logger? = null

    /**
     * Whether live changes continue in the background, which keeps a request open.
     *
     * By default they pause, and resume without a loss when the app returns.
     */
    @JvmField
    public var liveInBackground: Boolean = false

    /** Converts to the options of a service. Each login sets its token provider. */
    internal fun toBuilder(context: Any?): SessionServiceOptions.Builder {
        val builder = SessionServiceOptions.Builder(serverUrl, "")
            .cleartextAllowed(cleartextAllowed)
        fallbackServerUrls.forEach { builder.addServerUrl(it) }
        extraRootCertificates.forEach { builder.addRootCertificate(it) }
        certificatePins.forEach { builder.addCertificatePin(it) }
        callbackExecutor?.let { builder.callbackExecutor(it) }
        proxyUrl?.let { builder.proxyUrl(it) }
        connectTimeoutMs?.let { builder.connectTimeoutMs(it) }
        attemptTimeoutMs?.let { builder.attemptTimeoutMs(it) }
        callTimeoutMs?.let { builder.callTimeoutMs(it) }
        attemptsMax?.let { builder.attemptsMax(it) }
        userAgent?.let { builder.userAgent(it) }
        logger?.let { builder.logger(it) }
        if (!liveInBackground && context != null) builder.pauseInBackground(context)
        return builder
    }
}
