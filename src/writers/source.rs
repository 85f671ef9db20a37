//! What objects are made of: a result, where its volumes lie, whose it is, and what the host wishes.

use super::content_time::ContentTime;
use super::identity::Identity;
use crate::error::{Error, Result};
use crate::imaging::StoredGrid;
use crate::scorer::Scores;

/// What the objects of a result say beyond the result.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Write results of weights that were not trained on patients; each object then says so.
    pub allow_not_trained: bool,
    /// When the content was made; `None` is now.
    pub content_time: Option<ContentTime>,
    /// Number of the lesion among those of the study, from 1; 0 is 1.
    pub lesion: u32,
    /// Enters every UID that is made; another text gives other UIDs.
    pub uid_salt: String,
}

/// Where the volumes of a result lie.
#[derive(Clone, Debug)]
pub struct Grids {
    /// Grid of the PET.
    pub pet: StoredGrid,
    /// Grid of the CT.
    pub ct: StoredGrid,
}

/// A result with everything that its objects are made of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The result.
    pub scores: &'a Scores,
    /// Where its volumes lie.
    pub grids: &'a Grids,
    /// Whose it is.
    pub identity: &'a Identity,
    /// What reading the study had to say.
    pub warnings: &'a [String],
}

impl Source<'_> {
    /// Returns an error unless the identity names an image for each slice of both volumes.
    pub(super) fn check_images(&self) -> Result<()> {
        let (identity, grids) = (self.identity, self.grids);
        for (name, series, grid) in [
            ("PET", &identity.pet, &grids.pet),
            ("CT", &identity.ct, &grids.ct),
        ] {
            let (images, slices) = (series.images.len(), grid.view().dims[2]);
            if images != slices {
                let why =
                    format!("the {name} has {slices} slices, its identity names {images} images");
                return Err(Error::DicomWrite(why));
            }
        }
        Ok(())
    }
}
