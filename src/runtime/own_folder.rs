//! Where this library lies.
#![allow(unsafe_code)]

use std::path::PathBuf;

/// Returns the folder of the shared library or program that holds this code, without links.
pub fn own_folder() -> Option<PathBuf> {
    let file = own_file()?;
    // For the main program the loader may keep argv[0]; the system knows its file exactly.
    let file = file
        .canonicalize()
        .or_else(|_| std::env::current_exe())
        .ok()?;
    file.parent().map(std::path::Path::to_path_buf)
}

#[cfg(unix)]
fn own_file() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    let here = own_file as fn() -> Option<PathBuf>;
    // SAFETY: dladdr only looks the address up and fills `info`, which is large enough; it fails with 0.
    let found = unsafe { libc::dladdr(here as *const libc::c_void, info.as_mut_ptr()) };
    // SAFETY: zeroed or filled by dladdr, both valid for this plain struct of pointers.
    let info = unsafe { info.assume_init() };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: dli_fname is a NUL-terminated string owned by the loader for as long as the object is mapped: it is ours.
    let name = unsafe { std::ffi::CStr::from_ptr(info.dli_fname) };
    Some(std::ffi::OsStr::from_bytes(name.to_bytes()).into())
}

#[cfg(windows)]
fn own_file() -> Option<PathBuf> {
    use std::os::windows::ffi::OsStringExt;
    use windows_sys::Win32::System::LibraryLoader::GetModuleFileNameW;
    /// No path of Windows is longer.
    const LONGEST: usize = 1 << 15;
    let here = own_file as fn() -> Option<PathBuf>;
    let module = super::module::module_of(here as *const std::ffi::c_void)?;
    let mut path = vec![0; LONGEST];
    // SAFETY: the module is this one, and the buffer holds so many units.
    let length = unsafe { GetModuleFileNameW(module, path.as_mut_ptr(), LONGEST as u32) } as usize;
    // A length of the whole buffer means that the path was cut.
    (1..LONGEST)
        .contains(&length)
        .then(|| std::ffi::OsString::from_wide(&path[..length]).into())
}
