// A stand-in for androidx's ViewModel, which this build cannot get: the signatures that snippets
// use, as that library has them.
package androidx.lifecycle

import kotlinx.coroutines.CoroutineScope

public abstract class ViewModel {
    protected open fun onCleared() {}
}

public val ViewModel.viewModelScope: CoroutineScope get() = error("a snippet is not to be run")
