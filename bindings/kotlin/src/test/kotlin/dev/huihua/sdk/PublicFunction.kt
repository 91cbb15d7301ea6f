// The functions of api/huihua.api, so that a test can call each of them and forgets none.
package dev.huihua.sdk

import java.io.File
import java.lang.invoke.MethodType
import java.lang.reflect.Executable

/** Parses one line of api/huihua.api: a function or a constructor. */
internal class PublicFunction(
    val owner: Class<*>,
    val name: String,
    text: String,
    descriptor: String,
) {
    val isStatic = " static " in text || name == "<init>"
    val isAbstract = " abstract " in text
    val ownerName: String get() = owner.simpleName
    private val type = MethodType.fromMethodDescriptorString(descriptor, owner.classLoader)
    val parameters: List<Class<*>> get() = type.parameterList()
    val isConstructor = name == "<init>"

    /** The method or constructor. */
    val declared: Executable
        get() = when {
            isConstructor -> owner.getConstructor(*type.parameterArray())
            else -> owner.getMethod(name, *type.parameterArray())
        }

    fun call(receiver: Any?, arguments: Array<Any?>): Any? {
        if (name == "<init>") {
            return owner.getConstructor(*type.parameterArray()).newInstance(*arguments)
        }
        val method = owner.getMethod(name, *type.parameterArray())
        method.isAccessible = true // An implementation may be private to us.
        return method.invoke(receiver, *arguments)
    }

    override fun toString() = "$ownerName.$name(${parameters.joinToString { it.simpleName }})"

    companion object {
        private val OWNER = Regex("public .*(?:class|interface) ([\\w/$]+).*\\{")
        private val FUNCTION = Regex("\tpublic .*fun ([\\w<>]+) (\\(.*)")

        fun all(): List<PublicFunction> {
            val found = mutableListOf<PublicFunction>()
            var owner: Class<*>? = null
            var isAbstractClass = false
            File(System.getProperty("api.file")).forEachLine { line ->
                OWNER.matchEntire(line)?.let {
                    owner = Class.forName(it.groupValues[1].replace('/', '.'))
                    isAbstractClass = "abstract class" in line
                }
                val function = FUNCTION.matchEntire(line) ?: return@forEachLine
                val (name, descriptor) = function.destructured
                val callable = " synthetic " !in line && !(isAbstractClass && name == "<init>")
                if (callable) found += PublicFunction(checkNotNull(owner), name, line, descriptor)
            }
            return found
        }
    }
}
