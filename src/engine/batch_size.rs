//! How many cases a run of a model has.

/// Cases of one run, which a model is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// Any number from 1 to this.
    UpTo(usize),
    /// This number and no other: providers that build engines build them for one shape.
    Exactly(usize),
}
