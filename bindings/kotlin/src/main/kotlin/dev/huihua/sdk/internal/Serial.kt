// Runs tasks in order, one after the other, on an executor that may be concurrent.
package dev.huihua.sdk.internal

import java.util.concurrent.Executor

/**
 * Runs tasks on [executor] one after the other. Their exceptions go to the thread's
 * uncaught-exception handler. If the executor rejects a task, the platform's runs it.
 */
internal class Serial(private val executor: Executor) : Executor {
    private val lock = Any()
    private val tasks = ArrayDeque<Runnable>()
    private var running = false

    /** Queues a task without running it: may be called under a lock. */
    fun add(task: Runnable) {
        synchronized(lock) { tasks += task }
    }

    /** Starts the queued tasks. */
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
