// What a SessionService is made with.
package dev.huihua.sdk

import java.util.concurrent.Executor

/**
 * What a [SessionService] is made with; built by [Builder]. Values are checked when the service is
 * made. Timeouts are milliseconds; null stands for the default.
 */
public class SessionServiceOptions private constructor(builder: Builder) {
    /** Base URL of the server. */
    public val serverUrl: String = builder.serverUrl

    /** Gives the bearer token. */
    public val tokenProvider: TokenProvider = builder.tokenProvider

    /** Roots trusted besides the platform's, DER. */
    public val extraRootCertificates: List<ByteArray> = builder.extraRootCertificates.toList()

    /** Whether `http` is allowed to any host. */
    public val cleartextAllowed: Boolean = builder.cleartextAllowed

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

    /** Where callbacks run; null is the platform's default, see [RequestCallback]. */
    public val callbackExecutor: Executor? = builder.callbackExecutor

    /**
     * Collects options.
     *
     * @param serverUrl `https://host[:port][/prefix]`; `http` only to loopback and to 10.0.2.2 (an
     * emulator's host), unless [cleartextAllowed].
     * @param tokenProvider gives the bearer token.
     */
    public class Builder(
        internal val serverUrl: String,
        internal val tokenProvider: TokenProvider,
    ) {
        internal val extraRootCertificates = mutableListOf<ByteArray>()
        internal var cleartextAllowed = false
        internal var connectTimeoutMs: Long? = null
        internal var attemptTimeoutMs: Long? = null
        internal var callTimeoutMs: Long? = null
        internal var attemptsMax: Int? = null
        internal var callbackExecutor: Executor? = null

        /** Options with one [token] that is never renewed, see [TokenProvider.of]. */
        public constructor(serverUrl: String, token: String) :
            this(serverUrl, TokenProvider.of(token))

        /** Trusts this root too; [der] is copied. It must be one certificate in DER. */
        public fun addRootCertificate(der: ByteArray): Builder =
            apply { extraRootCertificates += der.clone() }

        /** Allows `http` to any host: tokens and messages are then readable on the way. */
        public fun cleartextAllowed(allowed: Boolean): Builder =
            apply { cleartextAllowed = allowed }

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

        /** Where callbacks run. One that refuses a task turns the call's end into `onException`. */
        public fun callbackExecutor(executor: Executor): Builder =
            apply { callbackExecutor = executor }

        /** The options as collected so far. */
        public fun build(): SessionServiceOptions = SessionServiceOptions(this)
    }
}
