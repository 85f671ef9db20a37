//! The heap that the library uses: a program of its own, for its allocator counts.

#[path = "../support/mod.rs"]
mod support;

mod claims;
mod counting;
mod damaged_files;
mod long_series;
mod scoring;
