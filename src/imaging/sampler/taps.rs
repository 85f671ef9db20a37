//! Which two samples a position lies between, and their weights.

/// Where output pixel `o` of the align-corners resize lies among the samples: the lower one and the weight of the next.
#[inline]
pub(super) fn resize_source(o: usize, samples: usize, output: usize) -> (usize, f64) {
    if output == 1 {
        return (0, 0.0);
    }
    let r = (o * (samples - 1)) as f64 / (output - 1) as f64;
    let low = (r as usize).min(samples.saturating_sub(2));
    (low, r - low as f64)
}

/// The voxels on both sides of a continuous index and the weight of the upper one; `None` outside (NUMERICS 1).
#[inline]
pub(super) fn linear_taps(index: f64, n: usize) -> Option<(usize, usize, f64)> {
    if !crate::imaging::inside(index, n) {
        return None;
    }
    let clamped = index.clamp(0.0, (n - 1) as f64);
    let low = clamped as usize;
    Some((low, (low + 1).min(n - 1), clamped - low as f64))
}

#[cfg(test)]
mod tests;
