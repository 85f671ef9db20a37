//! Buffers whose size comes from a file or a host: memory that is not there is an error, never the end of the process.

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
        }
    }
}
