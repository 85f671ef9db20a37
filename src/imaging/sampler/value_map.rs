//! What a stored value becomes before it is interpolated.

use super::spec::Intensity;

/// Maps a stored value to the value that is interpolated, with the pad value taken off.
///
/// Taking the pad value off first makes "outside is the pad value" a matter of weights: a sample outside is one
/// without weights.
#[derive(Clone, Copy)]
pub(super) struct ValueMap {
    padding: [f64; 2],
    below: f64,
    replacement: f64,
    clip: [f64; 2],
    pub pad: f64,
}

impl ValueMap {
    /// Returns the map of a series with these padding values.
    pub fn new(intensity: &Intensity, padding: Option<[f64; 2]>) -> Self {
        Self {
            // An empty range when the series declares no padding or the spec does not replace it.
            padding: match (intensity.padding_replacement, padding) {
                (Some(_), Some(range)) => range,
                _ => [f64::INFINITY, f64::NEG_INFINITY],
            },
            below: intensity.padding_below.unwrap_or(f64::NEG_INFINITY),
            replacement: intensity.padding_replacement.unwrap_or(0.0),
            clip: intensity.clip.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]),
            pad: intensity.outside,
        }
    }

    /// Maps one stored value with the slope and intercept of its slice.
    #[inline(always)]
    pub fn apply(&self, stored: f64, (slope, intercept): (f64, f64)) -> f64 {
        let value = stored * slope + intercept;
        let padding =
            (stored >= self.padding[0]) & (stored <= self.padding[1]) | (value < self.below);
        let value = if padding { self.replacement } else { value };
        // Comparisons, not min/max: NaN must stay NaN and be refused.
        let value = if value < self.clip[0] {
            self.clip[0]
        } else {
            value
        };
        let value = if value > self.clip[1] {
            self.clip[1]
        } else {
            value
        };
        value - self.pad
    }
}

#[cfg(test)]
mod tests;
