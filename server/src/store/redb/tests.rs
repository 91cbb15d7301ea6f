//! The redb engine against the conformance suite, and what only a file can do wrong.
