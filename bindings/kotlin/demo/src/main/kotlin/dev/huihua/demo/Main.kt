// The demo's entry point: `tour` against a running server, `down` after it was stopped. Started by
// `cargo xtask demo`; exits with 1 if a result is not as expected.
package dev.huihua.demo

import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.nim.LoginInfo
import dev.huihua.sdk.nim.NIMClient
import dev.huihua.sdk.nim.SDKOptions
import java.nio.file.Path
import kotlin.system.exitProcess

/** Arguments: part, server URL, account, file for the rows seen. `HUIHUA_TOKEN` holds the token. */
fun main(arguments: Array<String>) {
    val (part, serverUrl, account, rowsFile) = arguments
    logIn(serverUrl, account, System.getenv("HUIHUA_TOKEN"))
    try {
        when (part) {
            "tour" -> Tour(serverUrl, account, Path.of(rowsFile)).run()
            "down" -> serverDown()
            else -> error("the part must be tour or down, not $part")
        }
    } catch (unexpected: IllegalStateException) {
        System.err.println("\nNot as expected: ${unexpected.message}")
        exitProcess(1)
    }
}

/** Logs in, as an app does once its own server gave it a token for the user. */
internal fun logIn(serverUrl: String, account: String, token: String) {
    val options = SDKOptions(SessionServiceOptions.Builder(serverUrl).build())
    NIMClient.init(null, LoginInfo(account, token), options)
}
