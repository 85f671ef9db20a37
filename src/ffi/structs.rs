//! Versioned structs: read the smaller of their size and ours, refuse what we cannot know, write no byte too many.

use crate::error::{Error, Result};
use std::mem::MaybeUninit;

/// A `#[repr(C)]` struct that begins with `uint32_t struct_size`. Implemented by [`versioned!`] alone.
///
/// # Safety
/// `#[repr(C)]`, first field `u32`, no implicit padding, and all-zero bytes are a valid value (they are what fields unknown
/// to an older caller read as, so zero must mean "off" in every field added after version 1).
pub unsafe trait Versioned: Copy {
    /// C name.
    const NAME: &'static str;
    /// Size in version 1 of the ABI.
    const V1_SIZE: usize;

    /// Returns the first field that must be zero and is not, with its value.
    fn reserved_in_use(&self) -> Option<(&'static str, u64)>;
}

/// Implements [`Versioned`] for a struct: `versioned!(name, size of version 1, { fields } reserved { fields })`.
///
/// Every field is listed, or the macro does not compile. Those in the second list - reserved fields and flags of which none
/// is known - must be zero in every struct that a caller hands over. A field whose name begins with `reserved` is refused
/// in the first list, and so is a struct with implicit padding.
macro_rules! versioned {
    ($name:ident, $v1_size:expr, { struct_size $(, $field:ident)* $(,)? } reserved { $($zero:ident),* $(,)? }) => {
        // SAFETY: repr(C) and a leading u32 are asserted by the layout tests; integers, floats, pointers and optional
        // function pointers are valid as all-zero bytes; padding is ruled out below.
        unsafe impl $crate::ffi::structs::Versioned for $name {
            const NAME: &'static str = stringify!($name);
            const V1_SIZE: usize = $v1_size;

            fn reserved_in_use(&self) -> Option<(&'static str, u64)> {
                let Self { struct_size: _, $($field: _,)* $($zero),* } = *self;
                let zeros: &[(&'static str, u64)] = &[$((stringify!($zero), u64::from($zero))),*];
                zeros.iter().copied().find(|(_, value)| *value != 0)
            }
        }

        const _: () = {
            use $crate::ffi::structs::{is_reserved, size_of_field};
            $(assert!(!is_reserved(stringify!($field)), "a reserved field belongs into the list of reserved ones");)*
            assert!(std::mem::offset_of!($name, struct_size) == 0);
            let fields = size_of_field::<$name, _>(|s| &s.struct_size)
                $(+ size_of_field::<$name, _>(|s| &s.$field))* $(+ size_of_field::<$name, _>(|s| &s.$zero))*;
            // Offsets of the binary contract are those of 64-bit targets.
            let wide = cfg!(target_pointer_width = "64");
            assert!(!wide || fields == size_of::<$name>(), "the struct has implicit padding");
        };
    };
}
pub(super) use versioned;

/// Returns whether a field's name says that it is reserved.
pub const fn is_reserved(name: &str) -> bool {
    let (name, prefix) = (name.as_bytes(), b"reserved");
    let mut i = 0;
    while i < prefix.len() {
        if i >= name.len() || name[i] != prefix[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Returns the size of the field that `_field` leads to.
pub const fn size_of_field<T, F>(_field: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Sizes beyond this are an uninitialised field, not a future version.
const MAX_SIZE: usize = 1 << 16;

/// Reads a caller's struct.
///
/// # Errors
/// [`Error::NullArgument`]; [`Error::StructSize`] for a size below version 1, an absurd one, or fields beyond ours that are
/// not zero; [`Error::InvalidArgument`] for a reserved field that is not zero.
///
/// # Safety
/// `ptr` is NULL or points to a struct whose first `struct_size` bytes are readable.
pub unsafe fn read<T: Versioned>(ptr: *const T) -> Result<T> {
    // SAFETY: handed on from the caller.
    let size = unsafe { caller_size(ptr) }?;
    let ours = size_of::<T>();
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: at most `size` bytes are read (the caller's promise) and at most `ours` written; all-zero is valid by
    // the trait's contract, and so is any pattern the caller wrote, for fields are integers, floats and pointers.
    let value = unsafe {
        std::ptr::copy_nonoverlapping(
            ptr.cast::<u8>(),
            value.as_mut_ptr().cast::<u8>(),
            size.min(ours),
        );
        value.assume_init()
    };
    if size > ours {
        // SAFETY: within the caller's `struct_size` bytes.
        let tail = unsafe { std::slice::from_raw_parts(ptr.cast::<u8>().add(ours), size - ours) };
        if tail.iter().any(|b| *b != 0) {
            return Err(wrong_size::<T>(
                size,
                "it holds fields that this version of the library does not know".into(),
            ));
        }
    }
    if let Some((field, got)) = value.reserved_in_use() {
        return Err(Error::invalid(
            format!("{}.{field}", T::NAME),
            format!("{got}: no version of the library knows a value but 0"),
        ));
    }
    Ok(value)
}

/// Writes as much of `value` as the caller's struct has room for, keeping its `struct_size`.
///
/// # Safety
/// `out` is NULL or points to a struct whose first `struct_size` bytes are writable.
pub unsafe fn write<T: Versioned>(out: *mut T, value: &T) -> Result<()> {
    // SAFETY: handed on from the caller.
    let size = unsafe { caller_size(out) }?;
    let skip = size_of::<u32>();
    // SAFETY: both sides have at least min(size, ours) bytes; the first field stays the caller's.
    unsafe {
        let from = std::ptr::from_ref(value).cast::<u8>().add(skip);
        std::ptr::copy_nonoverlapping(
            from,
            out.cast::<u8>().add(skip),
            size.min(size_of::<T>()) - skip,
        );
    }
    Ok(())
}

/// Writes defaults into a caller's struct of `size` bytes; what lies beyond ours becomes zero.
///
/// # Safety
/// `out` is NULL or has `size` writable bytes.
pub unsafe fn init<T: Versioned>(out: *mut T, size: u32, defaults: &T) {
    let n = size as usize;
    if out.is_null() || !(T::V1_SIZE..=MAX_SIZE).contains(&n) {
        return;
    }
    // SAFETY: `n` bytes are writable by the caller's promise; no more are touched.
    unsafe {
        out.cast::<u8>().write_bytes(0, n);
        std::ptr::copy_nonoverlapping(
            std::ptr::from_ref(defaults).cast::<u8>(),
            out.cast::<u8>(),
            n.min(size_of::<T>()),
        );
        out.cast::<u32>().write_unaligned(size);
    }
}

/// As [`init`] for structs that are only written by the library: all zero.
///
/// # Safety
/// As for [`init`].
pub unsafe fn init_zero<T: Versioned>(out: *mut T, size: u32) {
    // SAFETY: all-zero bytes are a valid value by the trait's contract.
    let zero = unsafe { MaybeUninit::<T>::zeroed().assume_init() };
    // SAFETY: handed on from the caller.
    unsafe { init(out, size, &zero) };
}

unsafe fn caller_size<T: Versioned>(ptr: *const T) -> Result<usize> {
    if ptr.is_null() {
        return Err(Error::NullArgument(T::NAME));
    }
    if !ptr.is_aligned() {
        return Err(Error::invalid(T::NAME, "the pointer is not aligned"));
    }
    // SAFETY: not NULL and aligned; the first field is readable by the caller's promise.
    let size = unsafe { ptr.cast::<u32>().read() } as usize;
    if size < T::V1_SIZE {
        return Err(wrong_size::<T>(
            size,
            format!(
                "at least {} is needed; call {}_init first",
                T::V1_SIZE,
                T::NAME
            ),
        ));
    }
    if size > MAX_SIZE {
        return Err(wrong_size::<T>(
            size,
            format!("no version has it; call {}_init first", T::NAME),
        ));
    }
    Ok(size)
}

fn wrong_size<T: Versioned>(got: usize, why: String) -> Error {
    Error::StructSize {
        name: T::NAME,
        got: got as u32,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Now {
        struct_size: u32,
        a: u32,
        added_later: u32,
        reserved: u32,
    }
    versioned!(Now, 8, { struct_size, a, added_later } reserved { reserved });

    #[test]
    fn an_old_client_with_a_smaller_struct_still_works() {
        let old = [8u32, 5, 0xFFFF_FFFF, 0xFFFF_FFFF]; // what lies behind an old struct is not ours to read
        let aligned = Aligned(old);
        // SAFETY: 8 readable bytes, as struct_size says, aligned as the struct is.
        let value = unsafe { read(std::ptr::from_ref(&aligned).cast::<Now>()) }.unwrap();
        assert_eq!((value.a, value.added_later), (5, 0));
        let mut out = Aligned([8u32, 0, 7, 7]);
        // SAFETY: as above, writable.
        unsafe {
            write(
                std::ptr::from_mut(&mut out).cast::<Now>(),
                &Now {
                    struct_size: 16,
                    a: 9,
                    added_later: 9,
                    reserved: 0,
                },
            )
        }
        .unwrap();
        assert_eq!(
            out.0,
            [8, 9, 7, 7],
            "nothing is written past the caller's size"
        );
    }

    #[repr(C, align(8))]
    struct Aligned<const N: usize>([u32; N]);

    #[test]
    fn future_structs_are_read_if_their_tail_is_zero() {
        for (tail, ok) in [(0, true), (1, false)] {
            let future = Aligned([24u32, 5, 6, 0, 0, tail]);
            // SAFETY: 24 readable bytes.
            let value = unsafe { read(std::ptr::from_ref(&future).cast::<Now>()) };
            assert_eq!(value.is_ok(), ok);
        }
        for size in [0u32, 7, 1 << 20] {
            let wrong = Aligned([size, 0, 0, 0]);
            // SAFETY: refused before anything but the size is read.
            let result = unsafe { read(std::ptr::from_ref(&wrong).cast::<Now>()) };
            assert!(matches!(result, Err(Error::StructSize { .. })));
        }
    }

    #[test]
    fn a_reserved_field_in_use_is_refused_by_name() {
        let of = |size: u32| Aligned([size, 5, 6, 7]);
        // SAFETY: as many readable bytes as struct_size says, aligned as the struct is.
        let refused = unsafe { read(std::ptr::from_ref(&of(16)).cast::<Now>()) };
        let text = refused.err().unwrap().to_string();
        assert_eq!(
            text,
            "Now.reserved: 7: no version of the library knows a value but 0"
        );
        // SAFETY: as above; a caller without the field cannot have set it.
        unsafe { read(std::ptr::from_ref(&of(12)).cast::<Now>()) }.unwrap();
        assert!(is_reserved("reserved") && is_reserved("reserved2") && !is_reserved("reserve"));
    }
}
