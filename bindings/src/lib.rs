//! The C border: UniFFI types, runtime, callbacks.
