//! The process that owns ONNX Runtime. Its threads do not exist in a process that is forked from it, so that every call
//! there would wait for them for ever.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicU32, Ordering};

/// The process that loads ONNX Runtime, by its number; 0 before.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Makes this process the owner, unless it has one already. Called before the first thread of ONNX Runtime is made.
pub(crate) fn own() {
    // The first process that asks is the owner for good: in its children the number stays what it was.
    let _ = OWNER.compare_exchange(0, std::process::id(), Ordering::AcqRel, Ordering::Acquire);
}

/// Returns whether this process was forked from the owner.
pub(crate) fn is_forked() -> bool {
    let owner = OWNER.load(Ordering::Acquire);
    owner != 0 && owner != std::process::id()
}

/// Returns an error in a process that was forked from the owner.
///
/// # Errors
/// [`Error::Forked`].
pub(crate) fn check() -> Result<()> {
    if is_forked() {
        Err(Error::Forked)
    } else {
        Ok(())
    }
}
