//! gzip (RFC 1952): every member with its checksum, whatever follows looked at.

use crate::reading::Failure;
use flate2::bufread::GzDecoder;
use std::io::{BufRead, Read};

/// Inflates the members of a file one after another.
///
/// flate2's own reader of several members takes what follows the last one for another, and one that is read only as far
/// as the voxels go never meets its checksum.
pub struct Members<R> {
    state: State<R>,
}

enum State<R> {
    Member(GzDecoder<R>),
    Between(R),
    Ended,
}

impl<R: BufRead> Members<R> {
    /// Begins with the first member, which must be there.
    pub fn new(source: R) -> Self {
        let state = State::Member(GzDecoder::new(source));
        Self { state }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Member(mut member) => match member.read(out)? {
                    0 => self.state = State::Between(member.into_inner()),
                    n => {
                        self.state = State::Member(member);
                        return Ok(n);
                    }
                },
                State::Between(mut source) => {
                    let rest = source.fill_buf()?;
                    if rest.first() == Some(&0x1F) {
                        self.state = State::Member(GzDecoder::new(source));
                        continue;
                    }
                    // Zeros pad files to blocks; anything else is no gzip.
                    while !source.fill_buf()?.is_empty() {
                        let rest = source.fill_buf()?;
                        if rest.iter().any(|b| *b != 0) {
                            let why = "something follows the last gzip member";
                            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why));
                        }
                        let n = rest.len();
                        source.consume(n);
                    }
                }
            }
        }
    }
}

/// Returns what is wrong with a gzip stream; what ends it from outside stays what it is.
pub fn failure(e: std::io::Error) -> Failure {
    match (e.kind(), Failure::from(e)) {
        (std::io::ErrorKind::UnexpectedEof, Failure::Content(_)) => "gzip: it breaks off".into(),
        (_, failure) => failure.within("gzip"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn member(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_are_joined_and_checked_and_nothing_else_may_follow() {
        let read = |bytes: &[u8]| {
            let mut all = Vec::new();
            let read = Members::new(bytes).read_to_end(&mut all);
            read.map(|_| all).map_err(|e| String::from(failure(e)))
        };
        let two = [member(b"one "), member(b"two")].concat();
        assert_eq!(read(&two).unwrap(), b"one two");
        let padded = [two.clone(), vec![0; 512]].concat();
        assert_eq!(read(&padded).unwrap(), b"one two");
        let garbage = [two.clone(), b"\0\0x".to_vec()].concat();
        let why = read(&garbage).unwrap_err();
        assert_eq!(why, "gzip: something follows the last gzip member");
        for cut in [5, 12, member(b"one ").len() + 3, two.len() - 1] {
            assert_eq!(
                read(&two[..cut]).unwrap_err(),
                "gzip: it breaks off",
                "{cut}"
            );
        }
        // The checksum and the length of each member are in its last eight bytes.
        for at in [two.len() - 8, two.len() - 1, member(b"one ").len() - 8] {
            let mut wrong = two.clone();
            wrong[at] ^= 1;
            let why = read(&wrong).unwrap_err();
            assert!(why.starts_with("gzip: corrupt gzip stream"), "{why}");
        }
    }
}
