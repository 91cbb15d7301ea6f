// The rows of a live list as pure state: it converts pages and changes to list operations. I/O and
// threads are in SessionList.kt.
package dev.huihua.sdk.internal

import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionChange
import java.util.Collections

/** Represents one operation of list views, from one list to the next. */
internal sealed interface ListOperation {
    class Inserted(val position: Int, val count: Int) : ListOperation

    class Removed(val position: Int, val count: Int) : ListOperation

    class Moved(val from: Int, val to: Int) : ListOperation

    class Changed(val position: Int, val count: Int) : ListOperation
}

/** Compares by the server's total order: newest first, then by kind, then by the id's bytes. */
internal val listOrder: Comparator<RecentSession> = Comparator { a, b ->
    if (a.updateTime != b.updateTime) return@Comparator b.updateTime.compareTo(a.updateTime)
    val left = a.parseSessionId()
    val right = b.parseSessionId()
    // The enum lists the kinds in the order of the list.
    val byKind = left.first.compareTo(right.first)
    if (byKind != 0) byKind else compareBytes(left.second, right.second)
}

/** Compares bytes of UTF-8: String.compareTo orders characters outside the BMP differently. */
private fun compareBytes(a: String, b: String): Int {
    val left = a.toByteArray()
    val right = b.toByteArray()
    for (i in 0 until minOf(left.size, right.size)) {
        val difference = (left[i].toInt() and 0xFF) - (right[i].toInt() and 0xFF)
        if (difference != 0) return difference
    }
    return left.size - right.size
}

/**
 * Merges the pages of one walk by page token with the changes since its first page.
 *
 * A walk omits sessions that changed since it started; the changes bring them. So a row of a page
 * counts only if its session did not change. A changed row below the last page waits until a page
 * reaches it, so that the rows are always the top of the list, without a gap.
 *
 * After each operation, [rows] is the resulting list, and `onOperation` is called.
 */
internal class SessionRows(private val onOperation: (ListOperation) -> Unit = {}) {
    /** The rows in order; an immutable list. */
    var rows: List<RecentSession> = emptyList()
        private set

    /** Whether there are rows below the last page. */
    var hasMore = true
        private set

    private var byId = HashMap<String, RecentSession>()

    /** Sessions that changed during the walk, null if deleted; empty once it is complete. */
    private var changed = HashMap<String, RecentSession?>()

    /** The last row of the last page of the walk. */
    private var reached: RecentSession? = null

    /** Adds the next page of the walk. */
    fun addPage(page: List<RecentSession>, hasMore: Boolean) {
        reached = page.lastOrNull() ?: reached
        this.hasMore = hasMore
        val waited = changed.values.filter { it != null && shows(it) }.filterNotNull()
        val fresh = (page.filter { it.sessionId !in changed } + waited)
            .filter { it.sessionId !in byId }
        if (!hasMore) changed.clear()
        insert(fresh.sortedWith(listOrder))
    }

    /** Applies one change that happened after the walk's first page. */
    fun apply(change: SessionChange) {
        val session = change.session
        if (hasMore) changed[change.sessionId] = session
        val old = byId[change.sessionId]
        val new = session?.takeIf(::shows)
        when {
            old == null && new == null -> return
            old == null -> insert(listOf(checkNotNull(new)))
            new == null -> removeAt(indexOf(old), 1)
            old != new -> replace(old, new)
        }
    }

    /** Replaces the rows by those of a later walk, with as few operations as possible. */
    fun replaceBy(next: SessionRows) {
        removeAll { it.sessionId !in next.byId }
        val target = next.rows
        val staying = longestStayingRun(next)
        var i = 0
        while (i < target.size) {
            val id = target[i].sessionId
            val here = rows.getOrNull(i)?.sessionId
            when {
                here == id -> i++
                id !in byId -> {
                    val fresh = target.subList(i, target.size).takeWhile { it.sessionId !in byId }
                    insertAt(i, fresh)
                    i += fresh.size
                }
                // It belongs further down and is inserted there later.
                here != null && here !in staying -> removeAt(i, 1)
                else -> move(rows.indexOfFirst { it.sessionId == id }, i)
            }
        }
        refill(target)
        hasMore = next.hasMore
        reached = next.reached
        changed = next.changed
    }

    private fun shows(row: RecentSession): Boolean {
        val last = reached ?: return !hasMore
        return !hasMore || listOrder.compare(row, last) <= 0
    }

    private fun indexOf(row: RecentSession) = Collections.binarySearch(rows, row, listOrder)

    /** Inserts the ordered rows [fresh]; each run of neighbours is one operation. */
    private fun insert(fresh: List<RecentSession>) {
        var from = 0
        while (from < fresh.size) {
            val position = -indexOf(fresh[from]) - 1
            val below = rows.getOrNull(position)
            var to = from + 1
            while (to < fresh.size && (below == null || listOrder.compare(fresh[to], below) < 0)) {
                to++
            }
            insertAt(position, fresh.subList(from, to))
            from = to
        }
    }

    private fun insertAt(position: Int, fresh: List<RecentSession>) {
        fresh.forEach { byId[it.sessionId] = it }
        step(ListOperation.Inserted(position, fresh.size)) { addAll(position, fresh) }
    }

    private fun removeAt(position: Int, count: Int) {
        rows.subList(position, position + count).forEach { byId.remove(it.sessionId) }
        step(ListOperation.Removed(position, count)) {
            subList(position, position + count).clear()
        }
    }

    private fun removeAll(gone: (RecentSession) -> Boolean) {
        var end = rows.size
        while (end > 0) {
            if (!gone(rows[end - 1])) {
                end--
                continue
            }
            var start = end - 1
            while (start > 0 && gone(rows[start - 1])) start--
            removeAt(start, end - start)
            end = start
        }
    }

    private fun replace(old: RecentSession, new: RecentSession) {
        val from = indexOf(old)
        val rest = rows.toMutableList().apply { removeAt(from) }
        val to = -Collections.binarySearch(rest, new, listOrder) - 1
        if (from != to) move(from, to)
        byId[new.sessionId] = new
        step(ListOperation.Changed(to, 1)) { this[to] = new }
    }

    private fun move(from: Int, to: Int) =
        step(ListOperation.Moved(from, to)) { add(to, removeAt(from)) }

    /** Updates the content of rows in place; each run of neighbours is one operation. */
    private fun refill(target: List<RecentSession>) {
        var i = 0
        while (i < target.size) {
            if (rows[i] == target[i]) {
                i++
                continue
            }
            val start = i
            while (i < target.size && rows[i] != target[i]) i++
            step(ListOperation.Changed(start, i - start)) {
                for (n in start until i) this[n] = target[n]
            }
        }
        target.forEach { byId[it.sessionId] = it }
    }

    private inline fun step(operation: ListOperation, edit: MutableList<RecentSession>.() -> Unit) {
        rows = Collections.unmodifiableList(ArrayList(rows).apply(edit))
        onOperation(operation)
    }

    /** Returns the largest set of sessions that can stay in place while the others move. */
    private fun longestStayingRun(next: SessionRows): Set<String> {
        val places = next.rows.withIndex().associate { (i, row) -> row.sessionId to i }
        val order = rows.map { places.getValue(it.sessionId) }
        val before = IntArray(order.size) { -1 }
        val tails = ArrayList<Int>() // tails[n]: the end, with the least place, of a run of n + 1.
        for (i in order.indices) {
            val found = tails.binarySearchBy(order[i]) { order[it] }
            val length = if (found < 0) -found - 1 else found
            before[i] = tails.getOrElse(length - 1) { -1 }
            if (length < tails.size) tails[length] = i else tails += i
        }
        val staying = HashSet<String>()
        var at = tails.lastOrNull() ?: -1
        while (at >= 0) {
            staying += rows[at].sessionId
            at = before[at]
        }
        return staying
    }
}
