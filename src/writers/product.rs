//! This library as the maker of objects.

/// Manufacturer.
pub const MANUFACTURER: &str = "dlnms project";
/// Model name.
pub const MODEL: &str = "dlnms";
/// Version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Implementation Class UID of the files.
pub const IMPLEMENTATION_CLASS: &str = "2.25.331470283926170905443172180146052338449";
