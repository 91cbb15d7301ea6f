// Options of the NIM-shaped door.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Logger
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.TokenProvider
import java.util.concurrent.Executor

/**
 * Options of [NIMClient.init]: plain fields, as NIM's. Read once, by `init`. Each means what the
 * option of its name means in [SessionServiceOptions.Builder]; null stands for its default.
 */
public class SDKOptions {
    /** Base URL of your Huihua server, `https://host[:port][/prefix]`. Must be set. */
    @JvmField
    public var serverUrl: String = ""

    /** Other ways to the same server, taken when those before cannot be reached. */
    @JvmField
    public var fallbackServerUrls: List<String> = emptyList()

    /** Allows `http` to hosts other than loopback and an emulator's 10.0.2.2. */
    @JvmField
    public var cleartextAllowed: Boolean = false

    /** Renews the token of [LoginInfo] once the server refuses it; null never does. */
    @JvmField
    public var tokenProvider: TokenProvider? = null

    /** Where callbacks run; null is the platform's default, see `RequestCallback`. */
    @JvmField
    public var callbackExecutor: Executor? = null

    /** Roots trusted besides the platform's, DER. */
    @JvmField
    public var extraRootCertificates: List<ByteArray> = emptyList()

    /** Pins of which the server's chain must hold one, `sha256/<base64>`. */
    @JvmField
    public var certificatePins: List<String> = emptyList()

    /** URL of the proxy; null goes straight. */
    @JvmField
    public var proxyUrl: String? = null

    /** Longest wait for a connection, ms. */
    @JvmField
    public var connectTimeoutMs: Long? = null

    /** Longest wait for one attempt, ms. */
    @JvmField
    public var attemptTimeoutMs: Long? = null

    /** Longest wait for a whole call, ms. */
    @JvmField
    public var callTimeoutMs: Long? = null

    /** Attempts of one call. */
    @JvmField
    public var attemptsMax: Int? = null

    /** The `User-Agent` of each request. */
    @JvmField
    public var userAgent: String? = null

    /** Told what the SDK does; null = nobody. */
    @JvmField
    public var logger: Logger? = null

    /**
     * Whether live changes go on while the app is in the background, at the cost of a request that
     * is always open. By default they rest and, when the app returns, go on where they were.
     */
    @JvmField
    public var liveInBackground: Boolean = false

    /** The same options for a service; whose tokens it has, each login says. */
    internal fun toBuilder(context: Any?): SessionServiceOptions.Builder {
        val builder = SessionServiceOptions.Builder(serverUrl, "").cleartextAllowed(cleartextAllowed)
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
