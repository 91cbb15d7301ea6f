//! One conformance suite for every engine, over `&dyn Store`.
