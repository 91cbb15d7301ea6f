// Reads the certificates of Java's trust store, a file, as they are in it: core alone parses them.
package dev.huihua.sdk.internal

import java.io.ByteArrayInputStream
import java.io.DataInputStream
import java.io.File
import java.io.IOException

/** First bytes of a file in Java's own format, JKS. */
private const val MAGIC = 0xFEEDFEED.toInt()
private const val VERSION = 2

/** Tag of an entry that is a trusted certificate and no key. */
private const val CERTIFICATE = 2

/** Limits the file that is read; Java's own store has 0.2 MB. */
private const val FILE_BYTES_MAX = 16L * 1024 * 1024

/**
 * Returns the certificates of the store that JSSE trusts by default, in DER; null if they are not
 * in a JKS file of certificates alone, or need a password, so that Java must read them.
 *
 * Java parses every certificate for that: of 145, it takes 60 ms of the 90 ms that a process
 * otherwise spends on its roots.
 */
internal fun certificatesOfDefaultStore(): List<ByteArray>? {
    // Java checks the store's digest if it has the password; another provider reads other stores.
    val special = listOf("Password", "Provider").map { "javax.net.ssl.trustStore$it" }
    if (special.any { !System.getProperty(it).isNullOrEmpty() }) return null
    val type = System.getProperty("javax.net.ssl.trustStoreType").orEmpty()
    if (type.isNotEmpty() && type.lowercase() !in setOf("jks", "pkcs12")) return null
    return try {
        defaultStore().takeIf { it.length() in 1..FILE_BYTES_MAX }?.let { readJks(it.readBytes()) }
    } catch (_: IOException) {
        null
    } catch (_: SecurityException) {
        null
    }
}

private fun defaultStore(): File {
    val named = System.getProperty("javax.net.ssl.trustStore")
    if (named != null) return File(named)
    val folder = File(System.getProperty("java.home"), "lib/security")
    return File(folder, "jssecacerts").takeIf { it.exists() } ?: File(folder, "cacerts")
}

/** Returns the certificates of a JKS file; null if it holds anything else. */
internal fun readJks(file: ByteArray): List<ByteArray>? {
    val input = DataInputStream(ByteArrayInputStream(file))
    if (input.readInt() != MAGIC || input.readInt() != VERSION) return null
    val certificates = ArrayList<ByteArray>()
    repeat(input.readInt()) {
        if (input.readInt() != CERTIFICATE) return null
        // Its alias and the time when it was added.
        input.readUTF()
        input.readLong()
        if (input.readUTF() != "X.509") return null
        val length = input.readInt()
        // A damaged length must not reserve more than the file has.
        if (length < 0 || length > input.available()) return null
        certificates += ByteArray(length).also(input::readFully)
    }
    return certificates
}
