//! Files that are there whole or not at all.

use crate::Failure;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A file that is written but does not have its name yet. Dropping it removes it.
struct Pending<'a> {
    temporary: PathBuf,
    target: &'a Path,
}

impl<'a> Pending<'a> {
    fn write(target: &'a Path, content: &[u8]) -> Result<Self> {
        let (mut file, temporary) = Self::create(target)?;
        let pending = Self { temporary, target };
        file.write_all(content)?;
        file.sync_all()?;
        Ok(pending)
    }

    /// Creates a file beside the target whose name no other file has.
    fn create(target: &Path) -> Result<(File, PathBuf)> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!(".dlnms.{}.{number}", std::process::id());
            let temporary = target.with_file_name(name);
            let mut options = OpenOptions::new();
            match options.write(true).create_new(true).open(&temporary) {
                // Left by a process that was killed, and had this one's number.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                file => return Ok((file?, temporary)),
            }
        }
    }

    fn publish(self) -> Result<()> {
        fs::rename(&self.temporary, self.target)?;
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // The error that led here is the one to report.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Writes one file: under another name first, and it gets its own when all of it is on the disk. A file of this name keeps its
/// content until then, and its permissions. What is no regular file, such as /dev/stdout or a pipe, is written to as it is.
pub fn write(path: &Path, content: &[u8]) -> std::result::Result<(), Failure> {
    write_one(path, content).map_err(Failure::output(path))
}

fn write_one(path: &Path, content: &[u8]) -> Result<()> {
    let Ok(existing) = fs::metadata(path) else {
        Pending::write(path, content)?.publish()?;
        sync_folder(path);
        return Ok(());
    };
    if !existing.is_file() {
        return fs::write(path, content);
    }
    // A file that must not be written is not replaced either.
    OpenOptions::new().write(true).open(path)?;
    let target = fs::canonicalize(path)?; // a link keeps leading to it
    let pending = Pending::write(&target, content)?;
    fs::set_permissions(&pending.temporary, existing.permissions())?;
    pending.publish()?;
    sync_folder(&target);
    Ok(())
}

/// Makes the name of a file as lasting as its content. Not every file system can do that.
fn sync_folder(file: &Path) {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty());
    let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|f| f.sync_all());
}

/// Writes files of one folder, which is made if need be: each under another name first, and all get their names when all are
/// on the disk.
pub fn write_all(folder: &Path, files: &[(PathBuf, Vec<u8>)]) -> std::result::Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::output(folder))?;
    let mut pending = Vec::with_capacity(files.len());
    for (path, content) in files {
        pending.push(Pending::write(path, content).map_err(Failure::output(path))?);
    }
    for file in pending {
        let target = file.target;
        file.publish().map_err(Failure::output(target))?;
    }
    if let Some((file, _)) = files.first() {
        sync_folder(file);
    }
    Ok(())
}
