// What the signatures of api/huihua.api may name: nothing generated, nothing internal, no `Any`.
package dev.huihua.sdk

import java.lang.reflect.Method
import java.lang.reflect.Type
import kotlin.coroutines.Continuation
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class PublicSignaturesTest {
    @Test
    fun noSignatureHoldsAnyOrATypeThatAppsCannotName() {
        val functions = PublicFunction.all().filterNot { it.name == "equals" }
        assertTrue("${functions.size} read from the dump", functions.size > 200)
        val wrong = functions.filter { function ->
            val types = typesOf(function)
            types.any { it == Any::class.java || HIDDEN.containsMatchIn(it.typeName) }
        }
        assertEquals(emptyList<PublicFunction>(), wrong)
    }

    /** What only NIM's users need is in their package; the root package knows it by its rows. */
    @Test
    fun onlyRowsReturnTypesOfNimsDoor() {
        val isNims = { type: Type -> "dev.huihua.sdk.nim." in type.typeName }
        val root = PublicFunction.all().filter { it.owner.`package`.name == "dev.huihua.sdk" }
        val naming = root.filter { typesOf(it).any(isNims) }.map { "${it.ownerName}.${it.name}" }
        val rows = listOf("getRevokeNotification", "parseSessionId", "toRecentContact")
        assertEquals(rows.map { "RecentSession.$it" }, naming.sorted())
    }

    private fun typesOf(function: PublicFunction): List<Type> {
        val declared = function.declared
        val parameters = declared.genericParameterTypes.toList()
        // The JVM sees `Any` as the result of each suspend function.
        val isSuspend = Continuation::class.java in function.parameters
        val result = (declared as? Method)?.genericReturnType.takeUnless { isSuspend }
        return parameters + listOfNotNull(result)
    }

    private companion object {
        val HIDDEN = Regex("dev\\.huihua\\.sdk\\.(ffi|internal)\\.|com\\.sun\\.jna")
    }
}
