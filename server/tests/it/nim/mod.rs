//! What NIM sends us and what NIM's server SDKs ask of us, held to NIM's documents.

mod copies;
mod seed;
mod stream;
