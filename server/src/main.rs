//! Arguments, configuration, engine, run.

fn main() {}
