//! Replaces functions of the system for one loaded library alone: the entries in its table of imported functions point
//! elsewhere. No other library sees a difference, and nothing has to be put back where the library stays loaded for the
//! life of the process.

#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod elf;
#[cfg(all(windows, target_pointer_width = "64"))]
mod pe;
mod replacement;

#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use elf::redirect;
#[cfg(all(windows, target_pointer_width = "64"))]
pub use pe::redirect;
pub use replacement::Replacement;

#[cfg(not(any(
    all(unix, any(target_arch = "x86_64", target_arch = "aarch64")),
    all(windows, target_pointer_width = "64")
)))]
pub fn redirect(
    _address: *const std::ffi::c_void,
    _replacement: &Replacement<'_>,
) -> Result<usize, String> {
    Err("not known for this processor".into())
}
