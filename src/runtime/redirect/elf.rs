//! The global offset table of an ELF library.
#![allow(unsafe_code)]

use super::replacement::Replacement;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Relocations whose place holds the address of a function: of calls, of data, and plain pointers (ELF psABI).
#[cfg(target_arch = "x86_64")]
const FUNCTION_ADDRESS: [u64; 3] = [7, 6, 1];
#[cfg(target_arch = "aarch64")]
const FUNCTION_ADDRESS: [u64; 3] = [1026, 1025, 257];

/// An entry of the dynamic section (Elf64_Dyn).
#[repr(C)]
struct Dynamic {
    tag: u64,
    value: usize,
}

/// A relocation (Elf64_Rela).
#[repr(C)]
struct Relocation {
    offset: usize,
    info: u64,
    addend: i64,
}

/// Tags of the dynamic section (elf.h).
mod tag {
    pub const END: u64 = 0;
    pub const PLT_BYTES: u64 = 2;
    pub const STRINGS: u64 = 5;
    pub const SYMBOLS: u64 = 6;
    pub const RELOCATIONS: u64 = 7;
    pub const RELOCATION_BYTES: u64 = 8;
    pub const PLT: u64 = 23;
}

/// Where a loaded library is, as its program headers say.
#[derive(Default)]
struct Object {
    /// An address within it.
    address: usize,
    base: usize,
    dynamic: usize,
    /// First and last address of what the loader made read-only after relocation.
    read_only: (usize, usize),
    found: bool,
}

/// Has the loaded library that holds the code at `address` call the replacement instead; returns how many places of it did
/// call what is replaced.
///
/// # Errors
/// The reason in words, where the library's tables cannot be read or changed.
pub fn redirect(address: *const c_void, replacement: &Replacement<'_>) -> Result<usize, String> {
    let mut object = Object {
        address: address as usize,
        ..Object::default()
    };
    // SAFETY: the callback gets back the pointer to `object`, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(examine), (&raw mut object).cast()) };
    if !object.found || object.dynamic == 0 {
        return Err("the loader does not list it".into());
    }
    // SAFETY: the object is loaded and relocated, and stays: it was found through an address in it.
    unsafe { object.redirect(replacement) }
}

/// Fills the [`Object`] at `data` if this is the one that holds its address; then ends the walk.
///
/// # Safety
/// `info` is what dl_iterate_phdr hands over, `data` points to an [`Object`].
unsafe extern "C" fn examine(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: by the caller's promise.
    let (info, object) = unsafe { (&*info, &mut *data.cast::<Object>()) };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: the loader's own array of so many headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let base = info.dlpi_addr as usize;
    let range = |header: &libc::Elf64_Phdr| {
        let first = base.wrapping_add(header.p_vaddr as usize);
        first..first.wrapping_add(header.p_memsz as usize)
    };
    let holds =
        |h: &libc::Elf64_Phdr| h.p_type == libc::PT_LOAD && range(h).contains(&object.address);
    if !headers.iter().any(holds) {
        return 0;
    }
    object.found = true;
    object.base = base;
    for header in headers {
        match header.p_type {
            libc::PT_DYNAMIC => object.dynamic = range(header).start,
            libc::PT_GNU_RELRO => object.read_only = (range(header).start, range(header).end),
            _ => {}
        }
    }
    1
}

impl Object {
    /// Redirects the relocated addresses of functions of these names; returns how many there were.
    ///
    /// # Safety
    /// The object is loaded, relocated and stays loaded; its dynamic section is the linker's.
    unsafe fn redirect(&self, replacement: &Replacement<'_>) -> Result<usize, String> {
        let (mut strings, mut symbols) = (0, 0);
        let (mut tables, mut bytes) = ([0; 2], [0; 2]);
        let mut entry = self.dynamic as *const Dynamic;
        // SAFETY: an array that ends with a tag of 0, by ELF.
        while let Dynamic { tag, value } = unsafe { &*entry }
            && *tag != tag::END
        {
            // glibc turns offsets into addresses here, others leave them.
            let address = if *value < self.base {
                self.base + value
            } else {
                *value
            };
            match *tag {
                tag::STRINGS => strings = address,
                tag::SYMBOLS => symbols = address,
                tag::PLT => tables[0] = address,
                tag::PLT_BYTES => bytes[0] = *value,
                tag::RELOCATIONS => tables[1] = address,
                tag::RELOCATION_BYTES => bytes[1] = *value,
                _ => {}
            }
            // SAFETY: before the end.
            entry = unsafe { entry.add(1) };
        }
        if strings == 0 || symbols == 0 {
            return Err("it has no table of symbols".into());
        }
        let mut redirected = 0;
        for (table, bytes) in tables.into_iter().zip(bytes) {
            for n in 0..if table == 0 {
                0
            } else {
                bytes / size_of::<Relocation>()
            } {
                // SAFETY: within the table, whose size the dynamic section states.
                let relocation = unsafe { &*(table as *const Relocation).add(n) };
                let (symbol, kind) = (
                    (relocation.info >> 32) as usize,
                    relocation.info & 0xffff_ffff,
                );
                if symbol == 0 || !FUNCTION_ADDRESS.contains(&kind) {
                    continue;
                }
                // SAFETY: the linker's index into its table of symbols, and that symbol's NUL-terminated name.
                let name = unsafe {
                    let symbol = &*(symbols as *const libc::Elf64_Sym).add(symbol);
                    CStr::from_ptr((strings + symbol.st_name as usize) as *const c_char)
                };
                if replacement.names.contains(&name) {
                    // SAFETY: the place of a relocation of an address, aligned and within the object.
                    unsafe { self.store(self.base + relocation.offset, replacement.function) }?;
                    redirected += 1;
                }
            }
        }
        Ok(redirected)
    }

    /// Writes the address of a function to a relocated place.
    ///
    /// # Safety
    /// `place` holds the address of a function of the same signature, in data of this object.
    unsafe fn store(&self, place: usize, function: *const ()) -> Result<(), String> {
        // SAFETY: a question without side effects.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        if page == 0 || !place.is_multiple_of(align_of::<usize>()) {
            return Err("its table of functions is not aligned".into());
        }
        let (start, down) = (place & !(page - 1), |address: usize| address & !(page - 1));
        // As the loader rounds: whole pages alone were made read-only.
        let read_only = (down(self.read_only.0)..down(self.read_only.1)).contains(&start);
        let protect = |protection| {
            // SAFETY: one page of the object's own data, in which only this call writes now; it is never executable.
            match unsafe { libc::mprotect(start as *mut c_void, page, protection) } {
                0 => Ok(()),
                _ => Err(format!(
                    "mprotect: {}",
                    std::io::Error::last_os_error().kind()
                )),
            }
        };
        if read_only {
            protect(libc::PROT_READ | libc::PROT_WRITE)?;
        }
        // SAFETY: an aligned word that other threads may read as an address at the same time: either is a valid one.
        unsafe { AtomicUsize::from_ptr(place as *mut usize) }
            .store(function as usize, Ordering::Release);
        if read_only {
            protect(libc::PROT_READ)
        } else {
            Ok(())
        }
    }
}
