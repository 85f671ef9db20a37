//! The files below what a host named.

use super::source::Source;
use crate::allocation;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::reading::Failure;
use std::path::{Path, PathBuf};

/// Folders this deep below the given one are searched; no archive nests deeper, and a loop ends.
const MAX_DEPTH: usize = 16;
/// Files of one call: a hundred whole-body studies.
const MAX_FILES: usize = 1 << 20;
/// Files between two questions whether there is memory for more.
const FILES_PER_CHECK: usize = 4096;

/// A file or folder.
pub struct FoundFile {
    pub path: PathBuf,
    /// The host named it itself; else it lies inside a folder that the host named.
    pub named: bool,
}

/// What was found.
#[derive(Default)]
pub struct Found {
    /// Files, each once, sorted by the bytes of their paths.
    pub files: Vec<FoundFile>,
    /// Folders that cannot be read, likewise.
    pub unreadable: Vec<FoundFile>,
}

/// Searches files and folders, these recursively.
///
/// # Errors
/// [`Error::DicomRead`] if a path does not exist or is neither a file nor a folder, or if there are more files than one
/// call takes; [`Error::Resources`] if the system opens no more folders; [`Error::Cancelled`].
pub fn search(paths: &[PathBuf], cancel: &CancelToken) -> Result<Found> {
    let mut found = Found::default();
    for path in paths {
        let name = || Source::File(path.clone()).name();
        let refuse = |why| Err(Error::DicomRead(format!("{} {why}", name())));
        match path.metadata() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return refuse("does not exist"),
            Ok(kind) if !kind.is_file() && !kind.is_dir() => {
                return refuse("is neither a file nor a folder");
            }
            _ => found.collect(path, true, 0, cancel)?,
        }
    }
    for list in [&mut found.files, &mut found.unreadable] {
        list.sort_by(|a, b| {
            let [x, y] = [a, b].map(|f| f.path.as_os_str().as_encoded_bytes());
            // What the host named comes before the same file found in a folder.
            x.cmp(y).then(b.named.cmp(&a.named))
        });
        list.dedup_by(|a, b| a.path == b.path);
    }
    Ok(found)
}

impl Found {
    fn collect(
        &mut self,
        path: &Path,
        named: bool,
        depth: usize,
        cancel: &CancelToken,
    ) -> Result<()> {
        cancel.check()?;
        let this = || FoundFile {
            path: path.to_owned(),
            named,
        };
        if path.is_file() {
            match self.files.len() {
                MAX_FILES => {
                    let why = format!("more than {MAX_FILES} files were given");
                    return Err(Error::DicomRead(why));
                }
                n if n % FILES_PER_CHECK == 0 => {
                    let room = (self.files.capacity() + FILES_PER_CHECK) * 512;
                    allocation::headroom(room, "the list of files")?;
                }
                _ => {}
            }
            self.files.push(this());
        } else if named && !path.is_dir() {
            // It exists and cannot be looked at: reading it says why.
            self.files.push(this());
        } else if depth < MAX_DEPTH && path.is_dir() {
            let entries = match path.read_dir().map_err(Failure::from) {
                Ok(entries) => entries,
                Err(Failure::Other(error)) => return Err(error),
                Err(Failure::Content(_)) => {
                    self.unreadable.push(this());
                    return Ok(());
                }
            };
            for entry in entries {
                let Ok(entry) = entry else {
                    self.unreadable.push(this());
                    break;
                };
                // A link to a folder may lead in circles; the folders themselves are enough.
                let follow = entry
                    .file_type()
                    .is_ok_and(|t| !t.is_symlink() || entry.path().is_file());
                if follow {
                    self.collect(&entry.path(), false, depth + 1, cancel)?;
                }
            }
        }
        Ok(())
    }
}
