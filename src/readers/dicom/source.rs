//! Where the bytes of a DICOM file are: in a file, or in a buffer that a host received over the network.

use super::dataset::{self, PixelLayout};
use super::file_meta;
use super::inflate::{Inflate, most_inflated};
use super::raw_header::{self, RawHeader};
use crate::allocation;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::reading::{Cancellable, Failure};
use crate::regular_file;
use dicom_core::Tag;
use dicom_object::InMemDicomObject;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

/// Larger files are refused, which bounds memory; scanners write none.
const MAX_FILE_BYTES: u64 = 4 << 30;
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";

/// Returns how the elements of a data set are written once it is inflated.
fn written_as(transfer_syntax: &str) -> &str {
    match transfer_syntax {
        DEFLATED => EXPLICIT_LITTLE,
        other => other,
    }
}

/// One DICOM file, wherever it is.
#[derive(Clone, Debug)]
pub enum Source {
    /// On disk, and named by the host itself: messages may say its name.
    File(PathBuf),
    /// On disk in a folder that the host named; the number is its place among all files, sorted by path, from 1.
    InFolder(PathBuf, usize),
    /// In memory; the number is its place among the host's buffers.
    Buffer(Arc<[u8]>, usize),
}

/// What a data set is read from.
trait Stream: Read + Seek + Send {}
impl<T: Read + Seek + Send> Stream for T {}

/// Bytes of a data set; position 0 is its first element.
pub struct DataSet {
    stream: Box<dyn Stream>,
    start: u64,
    /// The most that there can be.
    bytes: u64,
}

/// The bytes of a file.
enum Content {
    File(File),
    Buffer(Cursor<Arc<[u8]>>),
}

impl Read for Content {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Content::File(file) => file.read(out),
            Content::Buffer(bytes) => bytes.read(out),
        }
    }
}

impl Seek for Content {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        match self {
            Content::File(file) => file.seek(to),
            Content::Buffer(bytes) => bytes.seek(to),
        }
    }
}

impl Source {
    /// Returns what messages call the file: its name if the host named it, never its folder, which may be named after a
    /// patient; a number for files inside a folder and for buffers.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path
                .file_name()
                .map_or_else(|| "?".into(), |n| n.to_string_lossy().into_owned()),
            Source::InFolder(_, number) => format!("file {number}"),
            Source::Buffer(_, number) => format!("buffer {number}"),
        }
    }

    fn content(&self) -> Result<(Content, u64), Failure> {
        match self {
            Source::File(path) | Source::InFolder(path, _) => {
                let file = regular_file::open(path)?;
                let bytes = file.metadata()?.len();
                if bytes > MAX_FILE_BYTES {
                    return Err(format!("it has {bytes} bytes, which no scanner writes").into());
                }
                Ok((Content::File(file), bytes))
            }
            Source::Buffer(bytes, _) => {
                let n = bytes.len() as u64;
                Ok((Content::Buffer(Cursor::new(bytes.clone())), n))
            }
        }
    }

    /// Returns whether the bytes start like DICOM, or cannot be looked at: nobody knows what a file is that may not be
    /// read.
    pub fn may_be_dicom(&self) -> bool {
        match self.content() {
            Ok((mut content, _)) => {
                file_meta::read(&mut content).map_or_else(|e| e.raw_os_error().is_some(), |_| true)
            }
            Err(_) => true,
        }
    }

    /// Reads the text attributes with these tags, which are sorted, as the bytes that stand in the file.
    pub fn raw_header(&self, wanted: &[Tag], cancel: &CancelToken) -> Result<RawHeader, Failure> {
        let (mut set, transfer_syntax) = self.open(cancel)?;
        set.rewind()?;
        let read = raw_header::read(written_as(&transfer_syntax), &mut set.stream, wanted);
        cancel.check()?;
        read
    }

    /// Returns the data set with its transfer syntax; a deflated one is inflated as it is read. Reads end soon after `cancel`
    /// is triggered.
    pub fn open(&self, cancel: &CancelToken) -> Result<(DataSet, String), Failure> {
        let (content, bytes) = self.content()?;
        let mut stream = Cancellable::new(content, cancel);
        let meta = file_meta::read(&mut stream)?;
        let start = meta.data_set_at;
        let set = match meta.transfer_syntax.as_str() {
            DEFLATED => DataSet {
                stream: Box::new(Inflate::new(stream, start)?),
                start: 0,
                bytes: most_inflated(bytes.saturating_sub(start)),
            },
            _ => DataSet {
                stream: Box::new(stream),
                start,
                bytes: bytes.saturating_sub(start),
            },
        };
        Ok((set, meta.transfer_syntax))
    }
}

impl DataSet {
    /// Reads bytes from `at` on, as many as `out` has.
    pub fn read_exact_at(&mut self, at: u64, out: &mut [u8]) -> Result<(), Failure> {
        self.stream
            .seek(SeekFrom::Start(self.start.saturating_add(at)))?;
        Ok(self.stream.read_exact(out)?)
    }

    /// Appends a part to `out`, which has room for it; one that goes beyond the end is refused.
    pub fn append_part(&mut self, at: u64, bytes: u64, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.check_part(at, bytes)?;
        let first = out.len();
        out.resize(first + bytes as usize, 0);
        self.read_exact_at(at, &mut out[first..])
    }

    /// Returns the bytes of a part; one that goes beyond the end is refused before anything is allocated for it.
    pub fn part(&mut self, at: u64, bytes: u64) -> Result<Vec<u8>, Failure> {
        self.check_part(at, bytes)?;
        let mut out = allocation::with_capacity(bytes as usize, "a part of the pixel data")?;
        self.append_part(at, bytes, &mut out)?;
        Ok(out)
    }

    /// Returns an error if a part goes beyond the end.
    pub fn check_part(&self, at: u64, bytes: u64) -> Result<(), Failure> {
        if bytes > self.bytes.saturating_sub(at) {
            Err("a part of the pixel data is larger than the file".into())
        } else {
            Ok(())
        }
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.stream.seek(SeekFrom::Start(self.start))?;
        Ok(())
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
    /// Bytes that the attributes hold.
    pub attribute_bytes: u64,
}

impl DicomFile {
    /// Reads the attributes of a file; pixels stay where they are.
    pub fn read(source: &Source) -> Result<Self> {
        Self::read_until(source, &CancelToken::default())
    }

    /// As [`DicomFile::read`]; ends soon after `cancel` is triggered.
    pub fn read_until(source: &Source, cancel: &CancelToken) -> Result<Self> {
        Self::parse(source, cancel).map_err(|failure| {
            failure.into_error(|why| Error::DicomRead(format!("{}: {why}", source.name())))
        })
    }

    fn parse(source: &Source, cancel: &CancelToken) -> Result<Self, Failure> {
        let (mut set, transfer_syntax) = source.open(cancel)?;
        set.rewind()?;
        let read = dataset::read(
            written_as(&transfer_syntax),
            set.start,
            &mut set.stream,
            set.bytes,
        );
        // The parser keeps no cause: a read that was cancelled looks like a damaged file to it.
        cancel.check()?;
        let (object, pixels, attribute_bytes) = read?;
        Ok(Self {
            object,
            pixels,
            transfer_syntax,
            attribute_bytes,
        })
    }
}
