//! The machine that a library is for: the system's loader says of another one only that it cannot load the file.

#[cfg(unix)]
mod elf;
#[cfg(windows)]
mod pe;

#[cfg(unix)]
pub(crate) use elf::foreign_machine;
#[cfg(windows)]
pub(crate) use pe::foreign_machine;

/// Returns the reason in words for which a library for one machine cannot be loaded by a process for another.
fn other_architecture(theirs: impl std::fmt::Display, ours: impl std::fmt::Display) -> String {
    format!("it is for {theirs}, and this process is for {ours}: it has another architecture")
}
