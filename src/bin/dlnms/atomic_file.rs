//! Files that are there whole or not at all.

use crate::Failure;
use std::fs::{self, File, OpenOptions};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

/// A file that is written but does not have its name yet. Dropping it removes it.
struct Pending<'a> {
    temporary: PathBuf,
    target: &'a Path,
}

impl<'a> Pending<'a> {
    fn write(target: &'a Path, content: &[u8]) -> Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let temporary = target.with_file_name(format!(".{name}.{}", std::process::id()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        let pending = Self { temporary, target };
        file.write_all(content)?;
        file.sync_all()?;
        Ok(pending)
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
    // The names are as lasting as the content once the folder is on the disk; not every file system can do that.
    let _ = File::open(folder).and_then(|f| f.sync_all());
    Ok(())
}
