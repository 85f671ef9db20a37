//! The machine that a library is for: the system's loader says of another one only that it cannot load the file.

#[cfg(unix)]
mod elf;
#[cfg(windows)]
mod pe;
mod reason;

#[cfg(unix)]
pub(crate) use elf::foreign_machine;
#[cfg(windows)]
pub(crate) use pe::foreign_machine;
