//! Values that belong to the scores N1 and N2, and lists of named values that are maps in JSON.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// One value for each of the two scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScorePair<T> {
    /// Of the score N1.
    pub n1: T,
    /// Of the score N2.
    pub n2: T,
}

impl<T> ScorePair<T> {
    /// Returns the pair of what `of` returns for 0, which is N1, and for 1, which is N2.
    pub fn from_fn(of: impl Fn(usize) -> T) -> Self {
        Self {
            n1: of(0),
            n2: of(1),
        }
    }
}

/// Values with their names, in an order for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Named<T> {
    /// Returns the value of this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// Returns names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
