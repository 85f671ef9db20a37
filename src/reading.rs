//! What a host allows reading to cost, and why bytes could not be read.

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::regular_file;
use std::io;

/// Bytes that the decoded CT, PET and ROI masks of a study may take together unless the caller says otherwise.
pub const DEFAULT_MAX_STUDY_BYTES: u64 = 8 << 30;

/// Limits of reading DICOM, NIfTI and NRRD, and whether messages may hold names of files.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Threads that read headers and decode slices, the calling one among them; 0 means the processor's cores, at most
    /// four.
    pub threads: usize,
    /// Bytes that the decoded CT and PET together, or an ROI mask beside them, may take. A study that needs more is
    /// refused before anything is allocated for it.
    pub max_study_bytes: u64,
    /// Names of files inside a folder may appear in messages, warnings and JSON. Without it such a file is called by its
    /// number among all files that were given, sorted by path, from 1: "file 17". Folders are often named after
    /// patients, and so are the files in them.
    pub verbose_names: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            threads: 0,
            max_study_bytes: DEFAULT_MAX_STUDY_BYTES,
            verbose_names: false,
        }
    }
}

impl ReadOptions {
    /// Returns an error if `bytes` are more than a study may have. `what` names them.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] that names the option and both sizes.
    pub(crate) fn check_study_bytes(&self, bytes: u64, what: &str) -> Result<()> {
        if bytes <= self.max_study_bytes {
            return Ok(());
        }
        Err(Error::invalid(
            "max_study_bytes",
            format!(
                "{what} would take {bytes} bytes, {} are allowed",
                self.max_study_bytes
            ),
        ))
    }
}

/// Why bytes could not be read: what they hold, or something that has nothing to do with them.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What is wrong with them.
    Content(String),
    /// Cancelled, out of memory, out of file descriptors.
    Other(Error),
}

impl Failure {
    /// Returns the error, with `content` making one of what is wrong with the bytes.
    pub fn into_error(self, content: impl FnOnce(String) -> Error) -> Error {
        match self {
            Failure::Content(why) => content(why),
            Failure::Other(error) => error,
        }
    }

    /// Puts a word before what is wrong with the bytes.
    pub fn within(self, what: &str) -> Self {
        match self {
            Failure::Content(why) => Failure::Content(format!("{what}: {why}")),
            other => other,
        }
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Failure::Content(why)
    }
}

impl From<&str> for Failure {
    fn from(why: &str) -> Self {
        Failure::Content(why.to_owned())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Other(error)
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Content(why) => why,
            Failure::Other(error) => error.to_string(),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        if let Some(reason) = regular_file::too_many_open_files(&e) {
            return Failure::Other(Error::Resources(reason.into()));
        }
        if e.kind() == io::ErrorKind::OutOfMemory && e.raw_os_error().is_some() {
            return Failure::Other(Error::OutOfMemory {
                what: "a file".into(),
                bytes: 0,
            });
        }
        match e.downcast::<Error>() {
            Ok(error) => Failure::Other(error),
            Err(e) => Failure::Content(regular_file::io_reason(e)),
        }
    }
}

/// Reads at most a mebibyte at a time and looks at the token before each, so that a long read ends soon after it is
/// cancelled.
pub(crate) struct Cancellable<R> {
    inner: R,
    cancel: CancelToken,
}

/// Bytes between two looks at the token.
const CHUNK: usize = 1 << 20;

impl<R> Cancellable<R> {
    /// Wraps a reader.
    pub fn new(inner: R, cancel: &CancelToken) -> Self {
        let cancel = cancel.clone();
        Self { inner, cancel }
    }

    /// Returns an error once the call was cancelled, for work between two reads that takes long by itself.
    ///
    /// # Errors
    /// [`Error::Cancelled`] as an I/O error.
    pub fn check(&self) -> io::Result<()> {
        self.cancel.check().map_err(io::Error::other)
    }
}

impl<R: io::Read> io::Read for Cancellable<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let n = out.len().min(CHUNK);
        self.inner.read(&mut out[..n])
    }
}

impl<R: io::Seek> io::Seek for Cancellable<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.check()?;
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_cancelled_read_and_a_lack_of_descriptors_are_no_fault_of_the_file() {
        let cancel = CancelToken::default();
        let mut zeros = Cancellable::new(io::repeat(0), &cancel);
        assert_eq!(zeros.read(&mut vec![1; 3 << 20]).unwrap(), CHUNK);
        cancel.trigger();
        let failure = Failure::from(zeros.read(&mut [0]).unwrap_err());
        assert!(matches!(failure, Failure::Other(Error::Cancelled)));
        for code in [libc::EMFILE, libc::ENFILE] {
            let failure = Failure::from(io::Error::from_raw_os_error(code));
            let Failure::Other(error) = failure else {
                panic!("{failure:?}")
            };
            assert!(error.to_string().contains("too many open files"), "{error}");
        }
        let failure = Failure::from(io::Error::from_raw_os_error(libc::EACCES));
        assert!(matches!(failure, Failure::Content(why) if why == "permission denied"));
    }
}
