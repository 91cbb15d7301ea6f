// The contract of live changes on the JVM.
package dev.huihua.sdk

class LiveJvmTest : LiveContract() {
    override val server get() = ServerProcess.shared
}
