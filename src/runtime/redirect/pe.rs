//! The import address table of a Windows library.
#![allow(unsafe_code)]

use super::super::module::module_of;
use super::replacement::Replacement;
use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use windows_sys::Win32::System::Diagnostics::Debug::{
    IMAGE_DIRECTORY_ENTRY_IMPORT, IMAGE_NT_HEADERS64,
};
use windows_sys::Win32::System::Memory::{PAGE_READWRITE, VirtualProtect};
use windows_sys::Win32::System::SystemServices::{IMAGE_DOS_HEADER, IMAGE_IMPORT_DESCRIPTOR};

/// Set in an entry of the table of names whose function is imported by number.
const BY_NUMBER: usize = 1 << (usize::BITS - 1);

/// Bytes of the hint before the name of an imported function (IMAGE_IMPORT_BY_NAME).
const HINT_BYTES: usize = 2;

/// Has the loaded library that holds the code at `address` call the replacement instead; returns how many places of it did
/// call what is replaced.
///
/// # Errors
/// The reason in words, where the library's tables cannot be read or changed.
pub fn redirect(address: *const c_void, replacement: &Replacement<'_>) -> Result<usize, String> {
    let module = module_of(address).ok_or("the loader does not list it")?;
    // SAFETY: the handle of a loaded module is the address of its image, which stays loaded: it was found through an
    // address in it.
    unsafe { redirect_in(module.cast_const().cast(), replacement) }
}

/// Redirects the imported functions of these names; returns how many there were.
///
/// # Safety
/// `image` is the start of a loaded image that stays loaded.
unsafe fn redirect_in(image: *const u8, replacement: &Replacement<'_>) -> Result<usize, String> {
    // SAFETY: the loader has checked the headers of what it loads.
    let imports = unsafe {
        let dos = &*image.cast::<IMAGE_DOS_HEADER>();
        let headers = &*image
            .add(dos.e_lfanew as usize)
            .cast::<IMAGE_NT_HEADERS64>();
        headers.OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT as usize]
    };
    if imports.VirtualAddress == 0 {
        return Err("it has no table of imported functions".into());
    }
    // SAFETY: within the image, as its headers say.
    let mut library =
        unsafe { image.add(imports.VirtualAddress as usize) }.cast::<IMAGE_IMPORT_DESCRIPTOR>();
    let mut redirected = 0;
    // SAFETY: an array of one entry for each library, which ends with one of zeros.
    while let IMAGE_IMPORT_DESCRIPTOR {
        Anonymous: names,
        FirstThunk: addresses @ 1..,
        ..
    } = unsafe { *library }
    {
        // SAFETY: as the table of libraries, this one is part of the image; the union holds the offset of the names in both.
        let mut name = unsafe { image.add(names.OriginalFirstThunk as usize) }.cast::<usize>();
        // SAFETY: part of the image.
        let mut place = unsafe { image.add(addresses as usize) }.cast::<usize>();
        // SAFETY: both tables have one entry for each function, and the one of names ends with 0.
        while let offset @ 1.. = unsafe { *name } {
            if offset & BY_NUMBER == 0 {
                // SAFETY: a NUL-terminated name after a hint.
                let imported =
                    unsafe { CStr::from_ptr(image.add(offset + HINT_BYTES).cast::<c_char>()) };
                if replacement.names.contains(&imported) {
                    // SAFETY: the entry of the function of this name.
                    unsafe { store(place.cast_mut(), replacement.function) }?;
                    redirected += 1;
                }
            }
            // SAFETY: before the end.
            (name, place) = unsafe { (name.add(1), place.add(1)) };
        }
        // SAFETY: before the end.
        library = unsafe { library.add(1) };
    }
    Ok(redirected)
}

/// Writes the address of a function to an entry of the table.
///
/// # Safety
/// `place` is an entry that holds the address of a function of the same signature.
unsafe fn store(place: *mut usize, function: *const ()) -> Result<(), String> {
    let mut before = 0;
    let mut protect = |protection| {
        // SAFETY: the page of an entry, in which only this call writes now; it is never executable.
        match unsafe { VirtualProtect(place.cast(), size_of::<usize>(), protection, &mut before) } {
            0 => Err(format!(
                "VirtualProtect: {}",
                std::io::Error::last_os_error().kind()
            )),
            _ => Ok(before),
        }
    };
    let protection = protect(PAGE_READWRITE)?;
    // SAFETY: an aligned word that other threads may read as an address at the same time: either is a valid one.
    unsafe { AtomicUsize::from_ptr(place) }.store(function as usize, Ordering::Release);
    protect(protection).map(|_| ())
}
