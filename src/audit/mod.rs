//! The audit log: one line of JSON for each case, each naming the digest of the line before it.
//!
//! A line is `{"line":N,"previous":"...",...,"sha256":"..."}`; its digest is that of the bytes before `,"sha256":`. Whoever
//! changes, cuts, inserts or swaps lines breaks the chain, unless everything behind is written anew or cut off too: against that
//! a host keeps the digest of the last line somewhere else.

mod clock;
mod line;
mod locked_file;
mod log;
mod tail;
mod verify;

pub use log::{AuditLog, AuditOptions, Entry, hidden};
pub use verify::{Summary, verify};
