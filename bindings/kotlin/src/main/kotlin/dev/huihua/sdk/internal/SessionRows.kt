// The rows of a view as pure state: it converts one list into the next by list operations. What the
// list is, the native library decides.
package dev.huihua.sdk.internal

import dev.huihua.sdk.RecentSession
import java.util.Collections

/** Represents one operation of list views, from one list to the next. */
internal sealed interface ListOperation {
    class Inserted(val position: Int, val count: Int) : ListOperation

    class Removed(val position: Int, val count: Int) : ListOperation

    class Moved(val from: Int, val to: Int) : ListOperation

    class Changed(val position: Int, val count: Int) : ListOperation
}

/** Holds the rows. After each operation, [rows] is the resulting list; then it is reported. */
internal class SessionRows(private val onOperation: (ListOperation) -> Unit = {}) {
    /** The rows in order; an immutable list. */
    var rows: List<RecentSession> = emptyList()
        private set

    /**
     * Makes [target] of the rows, with as few operations as possible. Rows that do not differ stay
     * the same objects, with what they have derived from their message.
     */
    fun replaceBy(target: List<RecentSession>) {
        val both = minOf(rows.size, target.size)
        var top = 0
        while (top < both && isSame(rows[top], target[top])) top++
        var bottom = 0
        while (bottom < both - top &&
            isSame(rows[rows.size - 1 - bottom], target[target.size - 1 - bottom])
        ) {
            bottom++
        }
        Window(top, bottom, target.subList(top, target.size - bottom)).replace()
    }

    /** Compares by identity first: most rows are those of the last time. */
    private fun isSame(a: RecentSession, b: RecentSession) = a === b || a == b

    /** Replaces the rows between the first [top] and the last [bottom] ones by those of `next`. */
    private inner class Window(
        private val top: Int,
        private val bottom: Int,
        next: List<RecentSession>,
    ) {
        private val target = keepingRows(next)
        private val places = HashMap<String, Int>()
        private val present = HashSet<String>()
        private val end get() = rows.size - bottom

        fun replace() {
            target.forEachIndexed { i, row -> places[row.sessionId] = i }
            removeGone()
            for (i in top until end) present += rows[i].sessionId
            val staying = longestStayingRun()
            moveTheOnlyOne(staying)
            var i = 0
            while (i < target.size) {
                val id = target[i].sessionId
                val here = if (top + i < end) rows[top + i].sessionId else null
                when {
                    here == id -> i++
                    id !in present -> {
                        val fresh = target.subList(i, target.size)
                            .takeWhile { it.sessionId !in present }
                        insertAt(top + i, fresh)
                        i += fresh.size
                    }
                    // It belongs further down and is inserted there later.
                    here != null && here !in staying -> {
                        present -= here
                        removeAt(top + i, 1)
                    }
                    else -> move(indexOf(id), top + i)
                }
            }
            refill()
        }

        /** One session that moved down is one move, and no removal. */
        private fun moveTheOnlyOne(staying: Set<String>) {
            if (present.size != target.size || staying.size != target.size - 1) return
            val from = (top until end).first { rows[it].sessionId !in staying }
            move(from, top + places.getValue(rows[from].sessionId))
        }

        private fun indexOf(id: String) =
            (top until end).first { rows[it].sessionId == id }

        private fun removeGone() {
            var to = end
            while (to > top) {
                if (rows[to - 1].sessionId in places) {
                    to--
                    continue
                }
                var from = to - 1
                while (from > top && rows[from - 1].sessionId !in places) from--
                removeAt(from, to - from)
                to = from
            }
        }

        /** Updates the content of rows in place; each run of neighbours is one operation. */
        private fun refill() {
            var i = 0
            while (i < target.size) {
                if (isSame(rows[top + i], target[i])) {
                    i++
                    continue
                }
                val start = i
                while (i < target.size && !isSame(rows[top + i], target[i])) i++
                step(ListOperation.Changed(top + start, i - start)) {
                    for (n in start until i) this[top + n] = target[n]
                }
            }
        }

        /** Returns the largest set of sessions that can stay in place while the others move. */
        private fun longestStayingRun(): Set<String> {
            val order = (top until end).map { places.getValue(rows[it].sessionId) }
            val before = IntArray(order.size) { -1 }
            val tails = ArrayList<Int>() // tails[n]: the end, with the least place, of n + 1 rows.
            for (i in order.indices) {
                val found = tails.binarySearchBy(order[i]) { order[it] }
                val length = if (found < 0) -found - 1 else found
                before[i] = tails.getOrElse(length - 1) { -1 }
                if (length < tails.size) tails[length] = i else tails += i
            }
            val staying = HashSet<String>()
            var at = tails.lastOrNull() ?: -1
            while (at >= 0) {
                staying += rows[top + at].sessionId
                at = before[at]
            }
            return staying
        }
    }

    /** Returns [next] with the objects of now for each row that does not differ. */
    private fun keepingRows(next: List<RecentSession>): List<RecentSession> {
        val byId = rows.associateBy { it.sessionId }
        return next.map { row -> byId[row.sessionId]?.takeIf { it == row } ?: row }
    }

    private fun insertAt(position: Int, fresh: List<RecentSession>) =
        step(ListOperation.Inserted(position, fresh.size)) { addAll(position, fresh) }

    private fun removeAt(position: Int, count: Int) = step(ListOperation.Removed(position, count)) {
        subList(position, position + count).clear()
    }

    private fun move(from: Int, to: Int) =
        step(ListOperation.Moved(from, to)) { add(to, removeAt(from)) }

    private inline fun step(operation: ListOperation, edit: MutableList<RecentSession>.() -> Unit) {
        rows = Collections.unmodifiableList(ArrayList(rows).apply(edit))
        onOperation(operation)
    }
}
