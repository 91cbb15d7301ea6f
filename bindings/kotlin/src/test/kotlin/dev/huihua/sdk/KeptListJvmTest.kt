// The contract of kept lists on the JVM.
package dev.huihua.sdk

class KeptListJvmTest : KeptListContract() {
    override val server get() = ServerProcess.shared
}
