// A stand-in for androidx's RecyclerView, which this build cannot get: the signatures that snippets
// use, as that library has them.
@file:Suppress("UNUSED_PARAMETER")

package androidx.recyclerview.widget

import android.view.View
import android.view.ViewGroup

/** Declares what an adapter needs. */
public class RecyclerView private constructor() {
    public abstract class ViewHolder(@JvmField public val itemView: View)

    public abstract class Adapter<VH : ViewHolder> {
        public abstract fun onCreateViewHolder(parent: ViewGroup, viewType: Int): VH

        public abstract fun onBindViewHolder(holder: VH, position: Int)

        public abstract fun getItemCount(): Int

        public open fun getItemId(position: Int): Long = never()

        public fun setHasStableIds(hasStableIds: Boolean): Unit = never()

        public fun notifyItemRangeInserted(positionStart: Int, itemCount: Int): Unit = never()

        public fun notifyItemRangeRemoved(positionStart: Int, itemCount: Int): Unit = never()

        public fun notifyItemRangeChanged(positionStart: Int, itemCount: Int): Unit = never()

        public fun notifyItemMoved(fromPosition: Int, toPosition: Int): Unit = never()

        private fun never(): Nothing = error("a snippet is not to be run")
    }
}
