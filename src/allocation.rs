//! Buffers whose size comes from a file or a host: memory that is not there is an error, never the end of the process.

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::memory_reserve::{self, SPARE_BYTES};

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
    let refused = buffer.try_reserve_exact(len).is_err();
    // A buffer that came out of the reserve is given back: the reserve is for what cannot fail.
    if refused || memory_reserve::is_short() {
        Err(out_of_memory::<T>(len, what))
    } else {
        Ok(buffer)
    }
}

/// Returns an error unless `bytes`, and some megabytes for what is small, could be allocated now. Nothing is kept, and
/// no page is touched.
///
/// For code that allocates by itself and cannot fail: a codec, a parser, collections.
///
/// # Errors
/// [`Error::OutOfMemory`] if the memory cannot be had.
pub(crate) fn headroom(bytes: usize, what: &str) -> Result<()> {
    let bytes = bytes.saturating_add(SPARE_BYTES);
    if memory_reserve::can_allocate(bytes) && !memory_reserve::is_short() {
        Ok(())
    } else {
        Err(out_of_memory::<u8>(bytes, what))
    }
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
