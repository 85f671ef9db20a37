//! Protocol buffers on the wire: fields are read in order, hashed as they go by, copied or skipped, and written.
//!
//! Nothing in a file is believed: a length is compared with the message that it is in before there is memory for it, and
//! the outermost message is as long as the file.

use crate::bundle::Digest;
use sha2::{Digest as _, Sha256};
use std::io::Read;

/// Wire types of protocol buffers.
pub const VARINT: u64 = 0;
pub const FIXED64: u64 = 1;
pub const BYTES: u64 = 2;
pub const FIXED32: u64 = 5;

/// Bytes that a length takes where it is written before it is known: a number may have leading zeros.
pub const LENGTH: usize = 5;

pub fn put_length(to: &mut [u8], length: u64) {
    for (n, byte) in to.iter_mut().enumerate() {
        let more = if n + 1 < LENGTH { 0x80 } else { 0 };
        *byte = (length >> (7 * n)) as u8 & 0x7f | more;
    }
}

/// Bytes in order, hashed as they go by.
pub struct Input<'a> {
    file: &'a mut dyn Read,
    hash: Sha256,
    /// How many have been read.
    pub at: u64,
}

impl<'a> Input<'a> {
    pub fn new(file: &'a mut dyn Read) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            at: 0,
        }
    }

    /// Of all that has gone by.
    pub fn digest(self) -> Digest {
        Digest::finish(self.at, self.hash)
    }

    /// Fills `to` with the next bytes.
    pub fn fill(&mut self, to: &mut [u8]) -> Result<(), String> {
        self.file.read_exact(to).map_err(crate::regular_file::why)?;
        self.hash.update(&*to);
        self.at += to.len() as u64;
        Ok(())
    }

    /// The next field's number and wire type; `None` at the end of what it is in.
    pub fn tag(&mut self, end: u64) -> Result<Option<(u64, u64)>, String> {
        match self.at.cmp(&end) {
            std::cmp::Ordering::Equal => Ok(None),
            std::cmp::Ordering::Greater => Err("a field passes the end of its message".into()),
            std::cmp::Ordering::Less => {
                let tag = self.varint()?;
                Ok(Some((tag >> 3, tag & 7)))
            }
        }
    }

    pub fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let mut byte = [0u8];
            self.fill(&mut byte)?;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number has more than 64 bits".into())
    }

    /// Where the message that begins here ends.
    pub fn end(&mut self, outer: u64) -> Result<u64, String> {
        let length = self.varint()?;
        let end = self.at.checked_add(length).filter(|end| *end <= outer);
        end.ok_or_else(|| "a message passes the end of what it is in".into())
    }

    pub fn bytes(&mut self, end: u64, limit: u64) -> Result<Vec<u8>, String> {
        let length = self.end(end)? - self.at;
        if length > limit {
            return Err(format!("a field has {length} bytes, more than {limit}"));
        }
        let mut bytes = Vec::new();
        self.append(length, &mut bytes)?;
        Ok(bytes)
    }

    /// The next bytes. Their number was compared with the file's, so there can be as much memory as there is file.
    pub fn append(&mut self, length: u64, to: &mut Vec<u8>) -> Result<(), String> {
        let at = to.len();
        let lacks = |_| format!("there is no memory for {length} bytes of it");
        to.try_reserve(length as usize).map_err(lacks)?;
        to.resize(at + length as usize, 0);
        self.fill(&mut to[at..])
    }

    /// Copy a field whose tag was read.
    pub fn copy(
        &mut self,
        (number, kind): (u64, u64),
        end: u64,
        limit: u64,
        to: &mut Vec<u8>,
    ) -> Result<(), String> {
        put_varint(to, number << 3 | kind);
        match kind {
            VARINT => {
                let value = self.varint()?;
                put_varint(to, value);
            }
            FIXED64 | FIXED32 => {
                let mut bytes = [0u8; 8];
                let bytes = &mut bytes[..if kind == FIXED64 { 8 } else { 4 }];
                self.fill(bytes)?;
                to.extend_from_slice(bytes);
            }
            BYTES => {
                let bytes = self.bytes(end, limit)?;
                put_varint(to, bytes.len() as u64);
                to.extend_from_slice(&bytes);
            }
            other => return Err(format!("wire type {other} is not known")),
        }
        Ok(())
    }
}

pub fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

pub fn put_bytes(to: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(to, number << 3 | BYTES);
    put_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}
