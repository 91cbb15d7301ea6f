// What a SessionService is made with.
package dev.huihua.sdk

import java.util.concurrent.Executor

/**
 * What a [SessionService] is made with; built by [Builder]. Values are checked when the service is
 * made. Timeouts are milliseconds; null stands for the default.
 */
public class SessionServiceOptions private constructor(
    builder: Builder,
    /** Gives the bearer token. */
    public val tokenProvider: TokenProvider,
) {
    /** Base URLs of the server, the preferred one first. */
    public val serverUrls: List<String> = builder.serverUrls.toList()

    /** Roots trusted besides the platform's, DER. */
    public val extraRootCertificates: List<ByteArray> = builder.extraRootCertificates.toList()

    /** Pins of which the server's chain must hold one, `sha256/<base64>`; empty = no pinning. */
    public val certificatePins: List<String> = builder.certificatePins.toList()

    /** Whether `http` is allowed to any host. */
    public val cleartextAllowed: Boolean = builder.cleartextAllowed

    /** URL of the proxy; null = none. */
    public val proxyUrl: String? = builder.proxyUrl

    /** Longest wait for a connection. */
    public val connectTimeoutMs: Long? = builder.connectTimeoutMs

    /** Longest wait for one attempt; a sync's [SyncOption.waitMs] comes on top. */
    public val attemptTimeoutMs: Long? = builder.attemptTimeoutMs

    /**
     * Longest wait for a whole call, its retries and its token included; a sync's
     * [SyncOption.waitMs] comes on top.
     */
    public val callTimeoutMs: Long? = builder.callTimeoutMs

    /** Attempts of one call. */
    public val attemptsMax: Int? = builder.attemptsMax

    /** The `User-Agent` of each request; null = the SDK's own. */
    public val userAgent: String? = builder.userAgent

    /** Told what the SDK does; null = nobody. */
    public val logger: Logger? = builder.logger

    /** Where callbacks run; null is the platform's default, see [RequestCallback]. */
    public val callbackExecutor: Executor? = builder.callbackExecutor

    /** Whose Activities tell whether the app is in the background; null = not looked at. */
    public val androidContext: Any? = builder.androidContext

    /**
     * Collects options.
     *
     * @param serverUrl `https://host[:port][/prefix]`; `http` only to loopback and to 10.0.2.2 (an
     * emulator's host), unless [cleartextAllowed].
     * @param tokenProvider gives the bearer token.
     */
    public class Builder(serverUrl: String, private val tokenProvider: TokenProvider) {
        internal val serverUrls = mutableListOf(serverUrl)
        internal val extraRootCertificates = mutableListOf<ByteArray>()
        internal val certificatePins = mutableListOf<String>()
        internal var cleartextAllowed = false
        internal var proxyUrl: String? = null
        internal var connectTimeoutMs: Long? = null
        internal var attemptTimeoutMs: Long? = null
        internal var callTimeoutMs: Long? = null
        internal var attemptsMax: Int? = null
        internal var userAgent: String? = null
        internal var logger: Logger? = null
        internal var callbackExecutor: Executor? = null
        internal var androidContext: Any? = null

        /** Options with one [token] that is never renewed, see [TokenProvider.of]. */
        public constructor(serverUrl: String, token: String) :
            this(serverUrl, TokenProvider.of(token))

        /**
         * Another way to the same server, taken when those before it cannot be reached. The rules
         * of the first URL hold for it too.
         */
        public fun addServerUrl(url: String): Builder = apply { serverUrls += url }

        /** Trusts this root too; [der] is copied. It must be one certificate in DER. */
        public fun addRootCertificate(der: ByteArray): Builder =
            apply { extraRootCertificates += der.clone() }

        /**
         * Pins the server's key: `sha256/` and the Base64 of the SHA-256 of a certificate's
         * SubjectPublicKeyInfo, as OkHttp writes it. With pins, a certificate of the server's chain
         * must match one of them, besides being trusted; else calls end in `onFailed(415)`. Give a
         * second one of a key in reserve: an app with a lost key reaches nobody.
         */
        public fun addCertificatePin(pin: String): Builder = apply { certificatePins += pin }

        /** Allows `http` to any host: tokens and messages are then readable on the way. */
        public fun cleartextAllowed(allowed: Boolean): Builder =
            apply { cleartextAllowed = allowed }

        /**
         * Goes through this proxy: `http://[user:password@]host:port`. Without it there is none:
         * the device's own proxy settings are not read.
         */
        public fun proxyUrl(url: String): Builder = apply { proxyUrl = url }

        /** Longest wait for a connection (DNS, TCP and TLS): 1..=3,600,000 ms, default 5,000. */
        public fun connectTimeoutMs(ms: Long): Builder = apply { connectTimeoutMs = ms }

        /**
         * Longest wait for one attempt: 1..=3,600,000 ms, default 15,000. A sync's
         * [SyncOption.waitMs] comes on top.
         */
        public fun attemptTimeoutMs(ms: Long): Builder = apply { attemptTimeoutMs = ms }

        /**
         * Longest wait for a whole call, its retries and its token included: 1..=3,600,000 ms,
         * default 30,000. A sync's [SyncOption.waitMs] comes on top, once.
         */
        public fun callTimeoutMs(ms: Long): Builder = apply { callTimeoutMs = ms }

        /** Attempts of one call, at least 1, default 3. */
        public fun attemptsMax(count: Int): Builder = apply { attemptsMax = count }

        /** The `User-Agent` of each request, visible ASCII; default `huihua-kotlin/<version>`. */
        public fun userAgent(text: String): Builder = apply { userAgent = text }

        /** Told what the SDK does, see [Logger]; without one it is silent. */
        public fun logger(logger: Logger): Builder = apply { this.logger = logger }

        /**
         * Where callbacks run. One that refuses a task turns the call's end into `onException`;
         * what observers and lists are told then comes on the platform's default thread.
         */
        public fun callbackExecutor(executor: Executor): Builder =
            apply { callbackExecutor = executor }

        /**
         * Lets live changes (observers, `Flow`s and [SessionList]) rest while the app is in the
         * background: no request runs while none of its Activities is started, and on its return
         * they go on where they were. Without it they go on in the background too. The app's
         * Activities are listened to until the service is closed.
         *
         * @param context any Android `Context` of the app; ignored on the JVM.
         */
        public fun pauseInBackground(context: Any): Builder = apply { androidContext = context }

        /** The options as collected so far. */
        public fun build(): SessionServiceOptions = build(tokenProvider)

        /** The same options, but with tokens from [tokens]. */
        internal fun build(tokens: TokenProvider) = SessionServiceOptions(this, tokens)
    }
}
