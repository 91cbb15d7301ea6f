// Runs tasks one after the other, in their order, on an executor that may not.
package dev.huihua.sdk.internal

import java.util.concurrent.Executor

/**
 * Runs tasks on [executor] one after the other. What they throw goes to the thread's
 * uncaught-exception handler; an executor that refuses loses none: the platform's takes its place.
 */
internal class Serial(private val executor: Executor) : Executor {
    private val lock = Any()
    private val tasks = ArrayDeque<Runnable>()
    private var running = false

    /** Puts a task in line. Runs no code of the app: may be called under a lock. */
    fun add(task: Runnable) {
        synchronized(lock) { tasks += task }
    }

    /** Has the tasks run that are in line. */
    fun start() {
        synchronized(lock) {
            if (running || tasks.isEmpty()) return
            running = true
        }
        try {
            executor.execute(::drain)
        } catch (_: Throwable) {
            Platform.callbackExecutor.execute(::drain)
        }
    }

    override fun execute(task: Runnable) {
        add(task)
        start()
    }

    private fun drain() {
        while (true) {
            val task = synchronized(lock) {
                tasks.removeFirstOrNull() ?: run {
                    running = false
                    return
                }
            }
            try {
                task.run()
            } catch (thrown: Throwable) {
                reportUncaught(thrown)
            }
        }
    }
}
