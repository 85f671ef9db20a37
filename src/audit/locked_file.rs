//! The log's file, which one writer has at a time.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind, Result};
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

/// How long another process may hold the file. Adding a line takes milliseconds, verifying a log seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A file that is locked until this is dropped.
pub struct LockedFile(File);

impl LockedFile {
    /// Waits until nobody else reads or writes the log.
    ///
    /// # Errors
    /// Those of the system; [`ErrorKind::TimedOut`].
    pub fn exclusive(file: File) -> Result<Self> {
        wait(file, File::try_lock)
    }

    /// Waits until nobody writes the log. A file system without locks has no writer either.
    ///
    /// # Errors
    /// As for [`exclusive`](Self::exclusive).
    pub fn shared(file: File) -> Result<Self> {
        wait(file, |file| match file.try_lock_shared() {
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => Ok(()),
            other => other,
        })
    }
}

fn wait(
    file: File,
    lock: fn(&File) -> std::result::Result<(), TryLockError>,
) -> Result<LockedFile> {
    let begun = Instant::now();
    loop {
        match lock(&file) {
            Ok(()) => return Ok(LockedFile(file)),
            Err(TryLockError::Error(e)) => return Err(e),
            Err(TryLockError::WouldBlock) if begun.elapsed() > LONGEST_WAIT => {
                let why = "another process has held its lock for 10 s";
                return Err(Error::new(ErrorKind::TimedOut, why));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing alone would leave the lock with a process that was forked from this one meanwhile.
        let _ = self.0.unlock();
    }
}

impl Deref for LockedFile {
    type Target = File;
    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for LockedFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}
