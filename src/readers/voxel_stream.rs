//! The voxels of a NIfTI or NRRD file: as many as its header says, in this machine's byte order.

use crate::allocation;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::imaging::DType;
use crate::reading::{Cancellable, Failure, ReadOptions};
use crate::regular_file;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Decoded volumes above this are refused: a 1024^3 volume of 16 bits is not.
const MAX_BYTES: u64 = 2 << 30;
/// Deflate makes at most so many bytes of one.
pub(super) const MAX_RATIO: u64 = 1032;

/// The limits of reading a file, and its cancel.
pub(super) struct Reading<'a> {
    pub options: &'a ReadOptions,
    pub cancel: &'a CancelToken,
}

/// A file of voxels, with its size.
pub(super) type Opened = (BufReader<Cancellable<File>>, u64);

impl Reading<'_> {
    /// Opens a file of voxels.
    pub fn open(&self, path: &Path) -> Result<Opened, Failure> {
        let file = regular_file::open(path)?;
        let bytes = file.metadata()?.len();
        let stream = BufReader::new(Cancellable::new(file, self.cancel));
        Ok((stream, bytes))
    }

    /// Reads the voxels of a stream, which must hold as many as the header says and not a slice more. `at_most` is what
    /// the file can hold.
    pub fn voxels(
        &self,
        stream: &mut impl Read,
        at_most: u64,
        layout: &Layout,
        failure: fn(std::io::Error) -> Failure,
    ) -> Result<(DType, Vec<u8>), Failure> {
        let bytes = layout.bytes()?;
        let decoded = bytes * if layout.signed_byte { 2 } else { 1 };
        self.options.check_study_bytes(decoded, "the volume")?;
        let short = |have: u64| format!("it has {have} bytes of voxels, {bytes} are needed");
        if bytes > at_most {
            return Err(short(at_most).into());
        }
        let what = "the voxels of a file";
        let mut data = allocation::zeros_until(bytes as usize, what, self.cancel)?;
        let mut have = 0;
        while have < data.len() {
            match stream.read(&mut data[have..]) {
                Ok(0) => return Err(short(have as u64).into()),
                Ok(n) => have += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failure(e)),
            }
        }
        // Reading on to the end meets the checksum. A few bytes more are padding; a slice more is another volume.
        let slice = bytes / layout.dims[2] as u64;
        let more = std::io::copy(&mut stream.take(slice), &mut std::io::sink());
        if more.map_err(failure)? >= slice {
            let why = "it holds more voxels than its dimensions say";
            return Err(why.into());
        }
        if layout.swapped {
            let size = layout.dtype.size();
            for part in data.chunks_mut(PART_BYTES) {
                self.cancel.check()?;
                part.chunks_exact_mut(size).for_each(<[u8]>::reverse);
            }
        }
        if layout.signed_byte {
            Ok((DType::I16, self.widened(&data)?))
        } else {
            Ok((layout.dtype, data))
        }
    }

    fn widened(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let what = "the voxels of a file";
        let mut wide = allocation::zeros_until(2 * bytes.len(), what, self.cancel)?;
        for (to, from) in wide
            .chunks_mut(2 * PART_BYTES)
            .zip(bytes.chunks(PART_BYTES))
        {
            self.cancel.check()?;
            for (word, byte) in to.as_chunks_mut::<2>().0.iter_mut().zip(from) {
                *word = i16::from(*byte as i8).to_ne_bytes();
            }
        }
        Ok(wide)
    }
}

/// Bytes between two checks for a cancel; a multiple of the size of every voxel type.
const PART_BYTES: usize = 16 << 20;

/// How the voxels lie in a file.
pub(super) struct Layout {
    pub dims: [usize; 3],
    pub dtype: DType,
    /// Signed bytes, which [`DType`] does not have: they become signed words.
    pub signed_byte: bool,
    /// The other byte order than this machine's.
    pub swapped: bool,
}

impl Layout {
    /// Returns the bytes of all voxels, if they are not too many.
    pub fn bytes(&self) -> Result<u64, Failure> {
        let dims = self.dims;
        dims.iter()
            .try_fold(self.dtype.size() as u64, |n, d| n.checked_mul(*d as u64))
            .filter(|n| (1..=MAX_BYTES).contains(n))
            .ok_or_else(|| format!("{dims:?} voxels are none, or too many").into())
    }
}

#[cfg(test)]
mod tests;
