//! A library that nobody can change between its hashing and its loading: on Unix a sealed copy in memory, on Windows the
//! file itself, which nobody else may write.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::PinnedFile;
#[cfg(windows)]
pub use windows::PinnedFile;
