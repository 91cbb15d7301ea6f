//! `huihua-server import-nim`: the real command, from a stub that plays NIM or from a real server.

mod moving;
mod races;
mod refusals;
mod run;
mod stub;
mod whims;
