//! How loading reports its progress.

/// Called with the number of decoded slices and the number of all slices; returns `false` to cancel.
pub type SliceProgress<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);
