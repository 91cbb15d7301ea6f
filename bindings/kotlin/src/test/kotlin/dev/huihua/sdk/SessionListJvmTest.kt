// The contract of SessionList on the JVM.
package dev.huihua.sdk

class SessionListJvmTest : SessionListContract() {
    override val server get() = ServerProcess.shared
}
