// The options of a SessionService.
package dev.huihua.sdk

import java.io.File
import java.util.concurrent.Executor

/**
 * Configures a [SessionService]; built by [Builder].
 *
 * The constructor of the service checks the values. Timeouts are in ms; null stands for the
 * default, which [Builder] documents.
 */
public class SessionServiceOptions private constructor(builder: Builder) {
    /** Provides the bearer token; null = only a login of the NIM-shaped API does. */
    public val tokenProvider: TokenProvider? = builder.tokenProvider

    /** Base URLs of the server, the preferred one first. */
    public val serverUrls: List<String> = builder.serverUrls.toList()

    /** Roots that are trusted in addition to the platform's, in DER. */
    public val extraRootCertificates: List<ByteArray> = builder.extraRootCertificates.toList()

    /** Pins of which the server's chain must match one, `sha256/<base64>`; empty = no pinning. */
    public val certificatePins: List<String> = builder.certificatePins.toList()

    /** Whether `http` is allowed to any host. */
    public val cleartextAllowed: Boolean = builder.cleartextAllowed

    /** URL of the HTTP proxy; null = none. */
    public val proxyUrl: String? = builder.proxyUrl

    /** Longest time for a connection, in ms. */
    public val connectTimeoutMs: Long? = builder.connectTimeoutMs

    /** Longest time for one attempt, in ms; a sync's [SyncOption.waitMs] is added. */
    public val attemptTimeoutMs: Long? = builder.attemptTimeoutMs

    /**
     * Longest time for a whole call with its retries and its token, in ms; a sync's
     * [SyncOption.waitMs] is added.
     */
    public val callTimeoutMs: Long? = builder.callTimeoutMs

    /** Limit of the attempts of one call. */
    public val attemptsMax: Int? = builder.attemptsMax

    /** The `User-Agent` of each request; null = `huihua-kotlin/<version>`. */
    public val userAgent: String? = builder.userAgent

    /** Receives the SDK's log; null = no log. */
    public val logger: Logger? = builder.logger

    /** Runs the callbacks; null = the platform's default, see [RequestCallback]. */
    public val callbackExecutor: Executor? = builder.callbackExecutor

    /** The context of [Builder.pauseInBackground]; null = live changes never pause. */
    public val context: PlatformContext? = builder.context

    /** The folder in which lists keep what they showed last; null = nothing is kept. */
    public val cacheFolder: File? = builder.cacheFolder

    /** The app key of the account whose lists are kept. */
    public val cacheAppKey: String? = builder.cacheAppKey

    /** The account whose lists are kept; null = that of a login of the NIM-shaped API. */
    public val cacheAccount: String? = builder.cacheAccount

    /**
     * Builds the options. Each method sets one and returns the builder.
     *
     * @param serverUrl `https://host[:port][/prefix]`; `http` only to loopback and to 10.0.2.2 (an
     * emulator's host), unless [cleartextAllowed].
     * @param tokenProvider provides the bearer token. A [SessionService] requires one; in the
     * NIM-shaped API the login passes the token, and the provider renews it.
     */
    public class Builder @JvmOverloads constructor(
        serverUrl: String,
        internal val tokenProvider: TokenProvider? = null,
    ) {
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
        internal var context: PlatformContext? = null
        internal var cacheFolder: File? = null
        internal var cacheAppKey: String? = null
        internal var cacheAccount: String? = null

        /** Uses one [token] that is never refreshed, see [TokenProvider.of]. */
        public constructor(serverUrl: String, token: String?) :
            this(serverUrl, TokenProvider.of(token))

        /**
         * Adds another base URL of the same server, at most 7 in all.
         *
         * The SDK switches to it when it cannot reach the ones before, or they answer 502, 503 or
         * 504. The rules of the first URL apply to it too.
         */
        public fun addServerUrl(url: String): Builder = apply { serverUrls += url }

        /** Trusts another root; [der] is copied and must be one certificate in DER. */
        public fun addRootCertificate(der: ByteArray?): Builder =
            apply { extraRootCertificates += der?.clone() ?: ByteArray(0) }

        /**
         * Adds a pin of the server's key.
         *
         * [pin] is `sha256/` and the Base64 of the SHA-256 of a certificate's SubjectPublicKeyInfo,
         * as in OkHttp. With pins, a certificate of the trusted chain must match one of them,
         * otherwise calls end in `onFailed(415)`. Add the pin of a backup key too: if the only
         * pinned key is lost, no call succeeds.
         */
        public fun addCertificatePin(pin: String): Builder = apply { certificatePins += pin }

        /** Allows `http` to any host: others can then read tokens and messages on the way. */
        public fun cleartextAllowed(allowed: Boolean): Builder =
            apply { cleartextAllowed = allowed }

        /**
         * Sets the HTTP proxy of all connections: `http[s]://[user:password@]host[:port]`.
         *
         * There is none by default and with null: the device's proxy settings are ignored.
         */
        public fun proxyUrl(url: String?): Builder = apply { proxyUrl = url }

        /** Limits the time for a connection (DNS, TCP, TLS): 1..=3,600,000 ms, default 5,000. */
        public fun connectTimeoutMs(ms: Long): Builder = apply { connectTimeoutMs = ms }

        /**
         * Limits the time for one attempt: 1..=3,600,000 ms, default 15,000.
         *
         * A sync's [SyncOption.waitMs] is added.
         */
        public fun attemptTimeoutMs(ms: Long): Builder = apply { attemptTimeoutMs = ms }

        /**
         * Limits the time for a whole call: 1..=3,600,000 ms, default 30,000.
         *
         * It includes retries and the token. A sync's [SyncOption.waitMs] is added, once.
         */
        public fun callTimeoutMs(ms: Long): Builder = apply { callTimeoutMs = ms }

        /** Limits the attempts of one call: at least 1, default 3. */
        public fun attemptsMax(count: Int): Builder = apply { attemptsMax = count }

        /** Sets the `User-Agent`: printable ASCII, default and null: `huihua-kotlin/<version>`. */
        public fun userAgent(text: String?): Builder = apply { userAgent = text }

        /** Sets the receiver of the SDK's log, see [Logger]; by default and with null: no log. */
        public fun logger(logger: Logger?): Builder = apply { this.logger = logger }

        /**
         * Sets the executor that runs callbacks, observers and the listeners of lists; null stands
         * for the platform's default.
         *
         * If it rejects a task, the call ends in `onException`; that, and the events of observers
         * and lists, then run on the platform's default thread.
         */
        public fun callbackExecutor(executor: Executor?): Builder =
            apply { callbackExecutor = executor }

        /**
         * Pauses live changes (observers, `Flow`s and [SessionList]) in the background.
         *
         * No request runs while none of the app's Activities is started. When the app returns,
         * changes resume without a loss. By default they continue in the background. The service
         * observes the app's Activities until it is closed.
         *
         * @param context any `Context` of the app; null has no effect. A program on the JVM has
         * neither a context nor a background.
         */
        public fun pauseInBackground(context: PlatformContext?): Builder =
            apply { this.context = context }

        /**
         * Makes each [SessionList] keep what it shows in [folder], and open with it the next time:
         * at once, and without a network. Then the list brings it up to date.
         *
         * It is off by default and with a null folder: nothing lies on the device. One file an
         * account holds the newest 500 sessions with their last messages, 1 MiB at most, readable
         * by the app alone, but not encrypted. Other calls neither read nor write it.
         * [SessionService.eraseCache] and a logout of the NIM-shaped API erase it, and so does a
         * server that says that the account is blocked.
         *
         * @param folder the folder of the files, which is made if it is missing: on Android a folder
         * in `context.noBackupFilesDir`, or in `cacheDir`, which the system may clear.
         * @param appKey the app key of the account's app.
         * @param account the account that the token is of; it decides whose list shows before the
         * server has answered, and the server confirms it before anything is kept. The NIM-shaped
         * API takes that of the login instead.
         */
        @JvmOverloads
        public fun cacheFolder(folder: File?, appKey: String?, account: String? = null): Builder =
            apply {
                cacheFolder = folder
                cacheAppKey = appKey
                cacheAccount = account
            }

        /** Builds the options. */
        public fun build(): SessionServiceOptions = SessionServiceOptions(this)
    }
}
