// The contract of a sync on the JVM.
package dev.huihua.sdk

class SyncJvmTest : SyncContract() {
    override val server get() = ServerProcess.shared
}
