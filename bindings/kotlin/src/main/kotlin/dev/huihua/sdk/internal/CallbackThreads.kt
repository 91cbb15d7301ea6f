// Loads the native library and keeps its threads attached to the JVM as daemons.
package dev.huihua.sdk.internal

import com.sun.jna.Callback
import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Native
import dev.huihua.sdk.ffi.uniffiCallbackInterfaceCallCallback
import dev.huihua.sdk.ffi.uniffiCallbackInterfaceListListener
import dev.huihua.sdk.ffi.uniffiCallbackInterfaceLogger
import dev.huihua.sdk.ffi.uniffiCallbackInterfaceRootProvider
import dev.huihua.sdk.ffi.uniffiCallbackInterfaceTokenProvider
import dev.huihua.sdk.ffi.uniffiCallbackInterfaceWatchListener
import dev.huihua.sdk.ffi.uniffiEnsureInitialized

/**
 * Configures the threads of callbacks and loads the library.
 *
 * By default JNA makes a new non-daemon Java thread for each callback of Rust: measured, 130,000
 * threads for 130,000 callbacks. The configuration must precede the callback's function pointer,
 * which JNA makes when the library is initialised: hence one place for both.
 */
internal object CallbackThreads {
    /** All callbacks of Rust. UniFFI generates the names; a test finds a missing one. */
    val callbacks: List<Callback> = listOf(
        uniffiCallbackInterfaceCallCallback.onEnd,
        uniffiCallbackInterfaceCallCallback.uniffiFree,
        uniffiCallbackInterfaceCallCallback.uniffiClone,
        uniffiCallbackInterfaceWatchListener.onChanges,
        uniffiCallbackInterfaceWatchListener.onStatus,
        uniffiCallbackInterfaceWatchListener.uniffiFree,
        uniffiCallbackInterfaceWatchListener.uniffiClone,
        uniffiCallbackInterfaceListListener.onEvent,
        uniffiCallbackInterfaceListListener.uniffiFree,
        uniffiCallbackInterfaceListListener.uniffiClone,
        uniffiCallbackInterfaceLogger.log,
        uniffiCallbackInterfaceLogger.uniffiFree,
        uniffiCallbackInterfaceLogger.uniffiClone,
        uniffiCallbackInterfaceRootProvider.rootCertificates,
        uniffiCallbackInterfaceRootProvider.uniffiFree,
        uniffiCallbackInterfaceRootProvider.uniffiClone,
        uniffiCallbackInterfaceTokenProvider.token,
        uniffiCallbackInterfaceTokenProvider.uniffiFree,
        uniffiCallbackInterfaceTokenProvider.uniffiClone,
    )

    init {
        val attachedDaemon = CallbackThreadInitializer(true, false, "huihua-runtime")
        callbacks.forEach { Native.setCallbackThreadInitializer(it, attachedDaemon) }
        uniffiEnsureInitialized()
    }

    /** Loads the library once. */
    fun load(): Unit = Unit
}

/** Loads the library, once for the process. It must precede any use of the generated code. */
internal object NativeLibrary {
    /**
     * Says why the library cannot be used (no file for this ABI, a damaged one, another version);
     * null if it is loaded. Kept, because the JVM gives the reason only at the first attempt.
     */
    val failure: Throwable? = try {
        CallbackThreads.load()
        null
    } catch (thrown: Throwable) {
        // Errors too: that of the linker, or NoClassDefFoundError if JNA itself cannot be loaded.
        thrown
    }
}
