//! What a bundle must be to be used, from the command line.

use dlnms::bundle::Pins;
use dlnms::{Error, Result};
use std::path::Path;
use std::process::Command;

/// Shared by every command that opens a bundle.
#[derive(Clone, clap::Args)]
pub struct TrustArguments {
    /// SHA-256 that the bundle's manifest.json must have, as `dlnms info` shows it
    #[arg(long, value_name = "HEX")]
    expected_manifest_sha256: Option<String>,
    /// Public key of minisign, or its file: the bundle must be signed with it, in manifest.json.minisig
    #[arg(long, value_name = "KEY|FILE")]
    bundle_key: Option<String>,
}

impl TrustArguments {
    /// Returns what the bundle must be. A key that is the path of a file is read from there.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a file that cannot be read.
    pub fn pins(&self) -> Result<Pins> {
        let key = self.bundle_key.as_ref().map(|key| {
            if !Path::new(key).exists() {
                return Ok(key.clone());
            }
            let unreadable = |e| Error::invalid("--bundle-key", format!("{key}: {e}"));
            std::fs::read_to_string(key).map_err(unreadable)
        });
        Ok(Pins {
            manifest_sha256: self.expected_manifest_sha256.clone(),
            key: key.transpose()?,
        })
    }

    /// Gives another process the same.
    pub fn repeat(&self, command: &mut Command) {
        for (flag, value) in [
            ("--expected-manifest-sha256", &self.expected_manifest_sha256),
            ("--bundle-key", &self.bundle_key),
        ] {
            if let Some(value) = value {
                command.arg(flag).arg(value);
            }
        }
    }
}
