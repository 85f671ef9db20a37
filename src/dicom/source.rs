//! Where the bytes of a DICOM file are: in a file, or in a buffer that a host received over the network.

use super::meta;
use super::structure::{self, PixelLayout};
use crate::error::{Error, Result};
use crate::regular::{self, why};
use dicom_object::InMemDicomObject;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

/// Nothing a scanner writes as one file is larger; keeps memory bounded.
const MAX_FILE_BYTES: u64 = 4 << 30;
/// What a deflated data set may grow to.
const MAX_INFLATED_BYTES: u64 = 256 << 20;
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";

/// One DICOM file, wherever it is.
#[derive(Clone, Debug)]
pub enum Source {
    /// On disk.
    File(PathBuf),
    /// In memory; the number is its place among the host's buffers.
    Buffer(Arc<[u8]>, usize),
}

/// What a data set is read from.
trait Stream: Read + Seek {}
impl<T: Read + Seek> Stream for T {}

/// Bytes of a data set; position 0 is its first element.
pub struct DataSet {
    stream: Box<dyn Stream>,
    start: u64,
    bytes: u64,
}

impl Source {
    /// For messages: the file's name, never its folder, which may be named after a patient.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path
                .file_name()
                .map_or_else(|| "?".into(), |n| n.to_string_lossy().into_owned()),
            Source::Buffer(_, number) => format!("buffer {number}"),
        }
    }

    fn stream(&self) -> Result<(Box<dyn Stream>, u64), String> {
        match self {
            Source::File(path) => {
                let file = regular::open(path).map_err(why)?;
                let bytes = file.metadata().map_err(why)?.len();
                if bytes > MAX_FILE_BYTES {
                    return Err(format!("it has {bytes} bytes, which no scanner writes"));
                }
                Ok((Box::new(file), bytes))
            }
            Source::Buffer(bytes, _) => {
                let n = bytes.len() as u64;
                Ok((Box::new(Cursor::new(bytes.clone())), n))
            }
        }
    }

    /// Whether the bytes start like DICOM, or cannot be looked at: nobody knows what a file is that may not be read.
    pub fn may_be_dicom(&self) -> bool {
        match self.stream() {
            Ok((mut stream, _)) => {
                meta::read(&mut stream).map_or_else(|e| e.raw_os_error().is_some(), |_| true)
            }
            Err(_) => true,
        }
    }

    /// The data set with its transfer syntax; a deflated one is inflated.
    pub fn data_set(&self) -> Result<(DataSet, String), String> {
        let (mut stream, bytes) = self.stream()?;
        let meta = meta::read(&mut stream).map_err(why)?;
        let start = meta.data_set_at;
        if meta.transfer_syntax != DEFLATED {
            let set = DataSet {
                stream,
                start,
                bytes,
            };
            return Ok((set, meta.transfer_syntax));
        }
        stream.seek(SeekFrom::Start(start)).map_err(why)?;
        let mut inflated = Vec::new();
        // A stream that breaks off is the parser's to refuse.
        let _ = flate2::read::DeflateDecoder::new(stream)
            .take(MAX_INFLATED_BYTES)
            .read_to_end(&mut inflated);
        let set = DataSet {
            bytes: inflated.len() as u64,
            stream: Box::new(Cursor::new(inflated)),
            start: 0,
        };
        Ok((set, meta.transfer_syntax))
    }
}

impl DataSet {
    /// Bytes from `at` on, as many as `out` has.
    pub fn read_exact_at(&mut self, at: u64, out: &mut [u8]) -> Result<(), String> {
        self.stream
            .seek(SeekFrom::Start(self.start.saturating_add(at)))
            .map_err(why)?;
        self.stream.read_exact(out).map_err(why)
    }

    /// Bytes of a part; one that goes beyond the end is refused before anything is allocated for it.
    pub fn part(&mut self, at: u64, bytes: u64) -> Result<Vec<u8>, String> {
        if bytes > self.bytes.saturating_sub(at) {
            return Err("a part of the pixel data is larger than the file".into());
        }
        let mut out = vec![0; bytes as usize];
        self.read_exact_at(at, &mut out)?;
        Ok(out)
    }

    fn rewind(&mut self) -> Result<(), String> {
        self.stream
            .seek(SeekFrom::Start(self.start))
            .map(|_| ())
            .map_err(why)
    }
}

/// The attributes of a file and where its pixels are.
pub struct DicomFile {
    /// Everything before the pixel data.
    pub object: InMemDicomObject,
    /// Where the pixels are; `None` without pixel data.
    pub pixels: Option<PixelLayout>,
    /// Transfer Syntax UID.
    pub transfer_syntax: String,
}

impl DicomFile {
    /// Read the attributes of a file; pixels stay where they are.
    pub fn read(source: &Source) -> Result<Self> {
        Self::parse(source).map_err(|e| Error::DicomRead(format!("{}: {e}", source.name())))
    }

    fn parse(source: &Source) -> Result<Self, String> {
        let (mut set, transfer_syntax) = source.data_set()?;
        let written_as = match transfer_syntax.as_str() {
            DEFLATED => EXPLICIT_LITTLE,
            other => other,
        };
        set.rewind()?;
        let (object, pixels) = structure::read(written_as, set.start, &mut set.stream, set.bytes)?;
        Ok(Self {
            object,
            pixels,
            transfer_syntax,
        })
    }
}
