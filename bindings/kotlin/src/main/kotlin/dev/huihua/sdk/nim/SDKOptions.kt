// Options of the NIM-shaped door.
package dev.huihua.sdk.nim

import dev.huihua.sdk.TokenProvider
import java.util.concurrent.Executor

/** Options of [NIMClient.init]: plain fields, as NIM's. Read once, by `init`. */
public class SDKOptions {
    /** Base URL of your Huihua server, `https://host[:port][/prefix]`. Must be set. */
    @JvmField
    public var serverUrl: String = ""

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
}
