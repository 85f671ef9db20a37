//! A deflated data set (PS3.5 A.5), inflated as it is read: nothing of it is kept.

use crate::reading::Cancellable;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// What a deflated data set may grow to.
const MAX_INFLATED_BYTES: u64 = 256 << 20;
/// Deflate makes at most so many bytes of one (a match of 258 bytes for two bits), which a data set cannot exceed.
const MAX_RATIO: u64 = 1032;
const BUFFER: usize = 64 << 10;

/// Reads the inflated bytes of a source; seeking back starts again from the first.
pub struct Inflate<R> {
    source: Cancellable<R>,
    /// First compressed byte.
    start: u64,
    decoder: Decompress,
    input: Box<[u8]>,
    used: usize,
    filled: usize,
    /// Position in the inflated bytes.
    at: u64,
    ended: bool,
}

/// Returns the most that so many compressed bytes may be inflated to.
pub fn most_inflated(compressed: u64) -> u64 {
    compressed.saturating_mul(MAX_RATIO).min(MAX_INFLATED_BYTES)
}

impl<R: Read + Seek> Inflate<R> {
    /// Begins at byte `start` of the source.
    pub fn new(mut source: Cancellable<R>, start: u64) -> Result<Self> {
        source.seek(SeekFrom::Start(start))?;
        Ok(Self {
            source,
            start,
            decoder: Decompress::new(false),
            input: vec![0; BUFFER].into(),
            used: 0,
            filled: 0,
            at: 0,
            ended: false,
        })
    }

    fn restart(&mut self) -> Result<()> {
        self.source.seek(SeekFrom::Start(self.start))?;
        self.decoder.reset(false);
        (self.used, self.filled, self.at, self.ended) = (0, 0, 0, false);
        Ok(())
    }
}

impl<R: Read + Seek> Read for Inflate<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let broken = |why| Error::new(ErrorKind::InvalidData, why);
        if out.is_empty() || self.ended {
            return Ok(0);
        }
        let n = out.len().min(BUFFER);
        let out = &mut out[..n];
        // A few compressed bytes may be many inflated ones: reading the source alone is not often enough to look.
        self.source.check()?;
        loop {
            if self.used == self.filled {
                self.filled = self.source.read(&mut self.input)?;
                self.used = 0;
            }
            let (read, written) = (self.decoder.total_in(), self.decoder.total_out());
            let input = &self.input[self.used..self.filled];
            let status = self
                .decoder
                .decompress(input, out, FlushDecompress::None)
                .map_err(|_| broken("the deflated data set is damaged"))?;
            self.used += (self.decoder.total_in() - read) as usize;
            let made = (self.decoder.total_out() - written) as usize;
            self.at += made as u64;
            self.ended = status == Status::StreamEnd;
            if self.at > MAX_INFLATED_BYTES {
                return Err(broken("the deflated data set grows beyond 256 MiB"));
            }
            if made > 0 || self.ended {
                return Ok(made);
            }
            if self.filled == 0 {
                return Err(broken("the deflated data set breaks off"));
            }
        }
    }
}

impl<R: Read + Seek> Seek for Inflate<R> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let wanted = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        let wanted = wanted.ok_or(ErrorKind::InvalidInput)?;
        if wanted < self.at {
            self.restart()?;
        }
        let distance = wanted - self.at;
        let skipped = std::io::copy(&mut self.take(distance), &mut std::io::sink())?;
        if skipped == distance {
            Ok(wanted)
        } else {
            Err(ErrorKind::UnexpectedEof.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::CancelToken;
    use crate::reading::Failure;
    use std::io::{Cursor, Write};

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn from_bytes(bytes: Vec<u8>, cancel: &CancelToken) -> Inflate<Cursor<Vec<u8>>> {
        Inflate::new(Cancellable::new(Cursor::new(bytes), cancel), 0).unwrap()
    }

    #[test]
    fn every_position_is_reached_and_a_cut_stream_is_refused_wherever_it_ends() {
        let cancel = CancelToken::default();
        let plain: Vec<u8> = (0..200_000u32)
            .flat_map(|n| n.wrapping_mul(n).to_le_bytes())
            .collect();
        let packed = deflated(&plain);
        let mut stream = from_bytes(packed.clone(), &cancel);
        for at in [0usize, 700_000, 3, 799_990, 400_000] {
            stream.seek(SeekFrom::Start(at as u64)).unwrap();
            let mut found = [0; 10];
            stream.read_exact(&mut found).unwrap();
            assert_eq!(found, plain[at..at + 10]);
        }
        for cut in [0, 1, packed.len() / 2, packed.len() - 1] {
            let mut all = Vec::new();
            let failure = from_bytes(packed[..cut].to_vec(), &cancel).read_to_end(&mut all);
            let why = failure.unwrap_err().to_string();
            assert_eq!(why, "the deflated data set breaks off", "{cut}");
        }
    }

    #[test]
    fn a_bomb_ends_at_the_limit_and_a_cancelled_one_before() {
        let cancel = CancelToken::default();
        let bomb = deflated(&vec![0; 300 << 20]);
        let mut stream = from_bytes(bomb.clone(), &cancel);
        let failure = std::io::copy(&mut stream, &mut std::io::sink()).unwrap_err();
        assert!(failure.to_string().contains("beyond 256 MiB"), "{failure}");
        let mut stream = from_bytes(bomb, &cancel);
        stream.seek(SeekFrom::Start(1 << 20)).unwrap();
        cancel.trigger();
        let failure = Failure::from(stream.seek(SeekFrom::Start(2 << 20)).unwrap_err());
        assert!(matches!(failure, Failure::Other(crate::Error::Cancelled)));
    }
}
