//! Slices -> one buffer of stored values, on the threads that the host allows.

use super::instance::Instance;
use super::pixels::{self, OpenFiles};
use super::slice_progress::SliceProgress;
use crate::allocation;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::parallel;
use crate::reading::ReadOptions;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Decodes slices of one size and type, in their order. The threads end with the call.
///
/// Every header, and every compressed frame's own, is checked before the buffer is allocated.
///
/// # Errors
/// [`Error::DicomPixels`] that names the slice, [`Error::OutOfMemory`], [`Error::Cancelled`].
pub fn slices(
    slices: &[&Instance],
    options: &ReadOptions,
    progress: SliceProgress,
    cancel: &CancelToken,
) -> Result<Vec<u8>> {
    let bytes = pixels::plausible_bytes(slices)?;
    options.check_study_bytes(bytes, "the series")?;
    let files = OpenFiles::default();
    // Frames of a file one after another: what is deflated is read from its beginning.
    let mut order: Vec<usize> = (0..slices.len()).collect();
    order.sort_by_key(|n| (Arc::as_ptr(&slices[*n].file).addr(), slices[*n].frame));
    let on_all = |step: &(dyn Fn(usize) -> Result<()> + Sync)| {
        let failed = AtomicBool::new(false);
        let outcomes = parallel::map(slices.len(), options.threads, |n| {
            // After the first failure the rest is left alone.
            if failed.load(Ordering::Relaxed) {
                return Ok(());
            }
            let outcome = cancel.check().and_then(|()| step(order[n]));
            outcome.inspect_err(|_| failed.store(true, Ordering::Relaxed))
        });
        outcomes.into_iter().collect::<Result<()>>()
    };
    on_all(&|n| pixels::check_stream(slices[n], &files, cancel))?;

    let mut data = buffer(slices, bytes, options, cancel)?;
    let slice_bytes = data.len() / slices.len();
    let places: Vec<_> = data.chunks_exact_mut(slice_bytes).map(Mutex::new).collect();
    let done = AtomicUsize::new(0);
    on_all(&|n| {
        let mut place = crate::lock::lock(&places[n]);
        pixels::decode(slices[n], &mut place, &files, cancel)?;
        if progress(done.fetch_add(1, Ordering::Relaxed) + 1, slices.len()) {
            Ok(())
        } else {
            Err(Error::Cancelled)
        }
    })?;
    drop(places);
    Ok(data)
}

/// Decodes one image.
pub fn image(instance: &Instance, cancel: &CancelToken) -> Result<Vec<u8>> {
    let options = ReadOptions {
        threads: 1,
        ..ReadOptions::default()
    };
    slices(&[instance], &options, &|_, _| true, cancel)
}

/// Returns the buffer, if there is memory for it and for the decoders beside it.
fn buffer(
    slices: &[&Instance],
    bytes: u64,
    options: &ReadOptions,
    cancel: &CancelToken,
) -> Result<Vec<u8>> {
    let threads = match options.threads {
        0 => parallel::default_threads(),
        given => given,
    };
    let working = slices.iter().map(|s| pixels::working_bytes(s)).max();
    let working = working.unwrap_or(0).saturating_mul(threads);
    let what = "the pixels of a series";
    allocation::headroom((bytes as usize).saturating_add(working), what)?;
    allocation::zeros_until(bytes as usize, what, cancel)
}
