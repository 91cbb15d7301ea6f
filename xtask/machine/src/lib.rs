//! The base of every build: this machine's programs, child processes, archives, packages of PyPI
//! and Maven's registry, nodes of Cassandra, and Android's ABIs by name. Paths are from the top of
//! the tree, where `xtask` goes before anything else.
#![allow(clippy::print_stdout, reason = "a part of a program for a terminal")]

pub mod abi;
pub mod archive;
pub mod cassandra;
pub mod jvm;
pub mod maven;
pub mod process;
pub mod programs;
pub mod pypi;
