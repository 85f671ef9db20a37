//! How loading reports its progress.

/// Told how many of how many slices are decoded; returns `false` to cancel.
pub type SliceProgress<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);
