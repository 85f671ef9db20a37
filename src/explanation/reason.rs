//! Why a part of an explanation is not there, in words for people.

use crate::error::Error;

/// Returns what an error says, without the frame around the words of a region that is refused.
pub fn reason(error: Error) -> String {
    match error {
        Error::RoiInvalid(why) => why,
        other => other.to_string(),
    }
}
