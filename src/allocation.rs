//! Buffers whose size comes from a file or a host: memory that is not there is an error, never the end of the process.

use crate::cancel::CancelToken;
use crate::error::{Error, Result};

/// Returns `len` zeros. `what` names the buffer in the error, for example "the voxels of the CT".
///
/// # Errors
/// [`Error::OutOfMemory`] if the memory cannot be had.
#[cfg_attr(not(feature = "dicom"), allow(dead_code))]
pub(crate) fn zeros<T: Copy + Default>(len: usize, what: &str) -> Result<Vec<T>> {
    let mut buffer = with_capacity(len, what)?;
    buffer.resize(len, T::default());
    Ok(buffer)
}

/// As [`zeros`] for bytes by the gigabyte, which take seconds to fill; ends soon after `cancel` is triggered.
///
/// # Errors
/// [`Error::OutOfMemory`] if the memory cannot be had, [`Error::Cancelled`].
#[cfg_attr(not(feature = "dicom"), allow(dead_code))]
pub(crate) fn zeros_until(len: usize, what: &str, cancel: &CancelToken) -> Result<Vec<u8>> {
    const CHUNK: usize = 16 << 20;
    let mut buffer = with_capacity(len, what)?;
    while buffer.len() < len {
        cancel.check()?;
        buffer.resize(len.min(buffer.len() + CHUNK), 0);
    }
    Ok(buffer)
}

/// Returns an empty vector with room for `len` elements.
///
/// # Errors
/// [`Error::OutOfMemory`] if the memory cannot be had.
pub(crate) fn with_capacity<T>(len: usize, what: &str) -> Result<Vec<T>> {
    let mut buffer = Vec::new();
    buffer
        .try_reserve_exact(len)
        .map_err(|_| out_of_memory::<T>(len, what))?;
    Ok(buffer)
}

/// A page of memory: its alignment tells a probe from a buffer.
#[repr(align(4096))]
#[allow(dead_code)] // only its size and alignment count
struct Page([u8; 4096]);

/// Beyond what glibc ever takes from its heap, so that a probe is one mapping that leaves no trace; and room for the
/// small allocations in between, which cannot fail in Rust without ending the process.
const SPARE_BYTES: usize = 40 << 20;

/// Returns an error unless `bytes`, and some megabytes for what is small, could be allocated now. Nothing is kept, and
/// no page is touched.
///
/// For code that allocates by itself and cannot fail: a codec, a parser, collections.
///
/// # Errors
/// [`Error::OutOfMemory`] if the memory cannot be had.
pub(crate) fn headroom(bytes: usize, what: &str) -> Result<()> {
    let mut probe = Vec::<Page>::new();
    let pages = bytes
        .saturating_add(SPARE_BYTES)
        .div_ceil(size_of::<Page>());
    let had = probe.try_reserve_exact(pages);
    // Unused memory may be optimised away with the question whether it can be had.
    std::hint::black_box(&mut probe);
    had.map_err(|_| out_of_memory::<u8>(bytes.saturating_add(SPARE_BYTES), what))
}

fn out_of_memory<T>(len: usize, what: &str) -> Error {
    Error::OutOfMemory {
        what: what.to_owned(),
        bytes: len.saturating_mul(size_of::<T>()) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_larger_than_any_memory_is_an_error_with_its_size() {
        assert_eq!(zeros::<u16>(3, "three").unwrap(), [0, 0, 0]);
        for bytes in [1usize << 60, usize::MAX] {
            let refused = zeros::<u8>(bytes, "the voxels of the CT").unwrap_err();
            assert!(
                matches!(&refused, Error::OutOfMemory { what, bytes: b } if what == "the voxels of the CT" && *b == bytes as u64),
                "{refused}"
            );
            assert!(headroom(bytes, "a codec").is_err());
        }
        headroom(1 << 20, "a codec").unwrap();
    }
}
