//! Reads a file once, from front to back, and hashes it as it goes by.

use crate::bundle::Digest;
use sha2::{Digest as _, Sha256};
use std::io::Read;

/// A file of which every byte that was read is in the digest.
pub(super) struct HashingReader<'a> {
    file: &'a mut dyn Read,
    hash: Sha256,
    at: u64,
}

impl<'a> HashingReader<'a> {
    /// Begins at the front of `file`.
    pub fn new(file: &'a mut dyn Read) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            at: 0,
        }
    }

    /// Returns how many bytes have been read.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Appends the next `length` bytes to `to`.
    ///
    /// # Errors
    /// That there are fewer, that they cannot be read, or that there is no memory for them, in words.
    pub fn append(&mut self, length: u64, to: &mut Vec<u8>) -> Result<(), String> {
        let at = to.len();
        let lacks = |_| format!("there is no memory for {length} bytes of it");
        to.try_reserve(length as usize).map_err(lacks)?;
        to.resize(at + length as usize, 0);
        let read = self.file.read_exact(&mut to[at..]);
        read.map_err(crate::regular_file::io_reason)?;
        self.hash.update(&to[at..]);
        self.at += length;
        Ok(())
    }

    /// Returns the digest of all that was read.
    pub fn digest(self) -> Digest {
        Digest::finish(self.at, self.hash)
    }
}
