// The open lists of one service, which learn from it when to rest and when to reconnect.
package dev.huihua.sdk.internal

import dev.huihua.sdk.SessionList
import java.util.concurrent.CopyOnWriteArraySet

internal class OpenLists {
    private val lists = CopyOnWriteArraySet<SessionList>()

    /** Whether lists may keep a request waiting. */
    @Volatile
    var isForeground = true
        private set

    fun add(list: SessionList) {
        lists += list
    }

    fun remove(list: SessionList) {
        lists -= list
    }

    fun setForeground(isForeground: Boolean) {
        this.isForeground = isForeground
        lists.forEach { it.onForeground() }
    }

    fun reconnect(): Unit = lists.forEach { it.onReconnect() }
}
