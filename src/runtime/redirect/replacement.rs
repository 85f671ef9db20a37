//! What stands in for functions of the system.

use std::ffi::CStr;

/// A function in the place of others.
pub struct Replacement<'a> {
    /// Names of the functions that are replaced; all have the replacement's signature.
    pub names: &'a [&'a CStr],
    /// The replacement's address.
    pub function: *const (),
}
