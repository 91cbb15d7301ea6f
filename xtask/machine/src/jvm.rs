//! How programs of Java are started that soon end.

/// For a JVM that ends before the optimising compiler has paid for itself: it takes a third of the
/// processor's time. The other compiler's code needs more room than it has by default without it.
pub const SHORT_LIVED: [&str; 2] = ["-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m"];
