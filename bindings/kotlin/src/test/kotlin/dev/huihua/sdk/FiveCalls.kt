// The calls of a service behind one function, for tests that do the same with each.
package dev.huihua.sdk

/** Starts one call of [service], with valid arguments. */
enum class FiveCalls(val start: (SessionService, RequestCallback<Any>) -> Call) {
    LIST({ service, to -> service.queryMySessionList(null, to.cast()) }),
    SESSION({ service, to -> service.queryMySession("p2p|amy", to.cast()) }),
    UPDATE({ service, to -> service.updateMySession("p2p|amy", "x", to.cast()) }),
    DELETE({ service, to -> service.deleteMySession(listOf("p2p|ben"), to.cast()) }),
    SYNC({ service, to -> service.sync(null, to.cast()) }),
}

@Suppress("UNCHECKED_CAST")
private fun <T> RequestCallback<Any>.cast() = this as RequestCallback<T>
