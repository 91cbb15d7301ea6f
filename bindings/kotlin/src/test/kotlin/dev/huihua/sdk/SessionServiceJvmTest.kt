// The contract of the four calls on the JVM.
package dev.huihua.sdk

class SessionServiceJvmTest : SessionServiceContract() {
    override val server get() = ServerProcess.shared
    override val callbackThread get() = "huihua-callback"
}
