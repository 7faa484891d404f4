//! The table of `docs/security.md`: what an attacker may try, and what comes of it.

mod bodies;
mod guesses;
mod http2;
mod names;
mod requests;
mod secrets;
mod table;
