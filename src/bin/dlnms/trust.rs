//! What is trusted, and who is told, from the command line: bundle, ONNX Runtime, audit log.

use crate::whole_file;
use dlnms::audit::AuditOptions;
use dlnms::bundle::Pins;
use dlnms::runtime::RuntimeOptions;
use dlnms::scorer::Case;
use dlnms::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most bytes of a file that holds a key or a salt.
const MAX_SECRET_BYTES: u64 = 64 << 10;

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
            let unreadable = |why| Error::invalid("--bundle-key", format!("{key}: {why}"));
            let text = whole_file::read(Path::new(key), MAX_SECRET_BYTES);
            let text = text.map_err(|e| unreadable(e.to_string()))?;
            String::from_utf8(text).map_err(|e| unreadable(e.to_string()))
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

/// Which ONNX Runtime; shared by every command.
#[derive(Clone, clap::Args)]
pub struct RuntimeArguments {
    /// libonnxruntime.so or its folder [default: $DLNMS_ONNXRUNTIME, else beside this program]
    #[arg(long, global = true, value_name = "PATH")]
    onnxruntime: Option<PathBuf>,
    /// SHA-256 that the file of ONNX Runtime must have
    #[arg(long, global = true, value_name = "HEX")]
    expected_onnxruntime_sha256: Option<String>,
    /// Look for nothing that is not named: no environment variable, no folder but one that is given
    #[arg(long, global = true)]
    hardened: bool,
}

impl RuntimeArguments {
    /// As the library wants them.
    pub fn options(&self) -> RuntimeOptions {
        RuntimeOptions {
            library: self.onnxruntime.clone(),
            expected_sha256: self.expected_onnxruntime_sha256.clone(),
            hardened: self.hardened,
        }
    }
}

/// Gives another process the same ONNX Runtime.
pub fn repeat_runtime(options: &RuntimeOptions, command: &mut Command) {
    if let Some(library) = &options.library {
        command.arg("--onnxruntime").arg(library);
    }
    if let Some(expected) = &options.expected_sha256 {
        command.arg("--expected-onnxruntime-sha256").arg(expected);
    }
    if options.hardened {
        command.arg("--hardened");
    }
}

/// Who asks, and the audit log that is to say so.
#[derive(Clone, clap::Args)]
pub struct AuditArguments {
    /// Add a line for each case to this audit log, which is made if it does not exist
    #[arg(long, value_name = "FILE", requires_all = ["audit_salt", "actor"])]
    audit: Option<PathBuf>,
    /// File of at least 16 secret bytes: UIDs stand in the audit log as HMAC-SHA256 with this key
    #[arg(long, value_name = "FILE", requires = "audit")]
    audit_salt: Option<PathBuf>,
    /// Digest of a line that the audit log must hold, as `dlnms audit verify` showed it
    #[arg(long, value_name = "HEX", requires = "audit")]
    audit_expected_head: Option<String>,
    /// Who asks, for the audit log
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Name of this call for the JSON, and for the audit log
    #[arg(long, value_name = "TEXT")]
    correlation_id: Option<String>,
}

impl AuditArguments {
    /// Returns the audit log that is to be written.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a salt that cannot be read.
    pub fn options(&self) -> Result<Option<AuditOptions>> {
        let Some((path, salt)) = self.audit.as_ref().zip(self.audit_salt.as_deref()) else {
            return Ok(None);
        };
        Ok(Some(AuditOptions {
            path: path.clone(),
            salt: read_salt(salt)?,
            expected_head: self.audit_expected_head.clone(),
        }))
    }

    /// Adds who asks to a case.
    pub fn complete<'a>(&'a self, case: &mut Case<'a>) {
        case.context.actor = self.actor.as_deref();
        case.context.correlation_id = self.correlation_id.as_deref();
    }
}

/// Reads the salt of an audit log.
///
/// # Errors
/// [`Error::InvalidArgument`].
pub fn read_salt(file: &Path) -> Result<Vec<u8>> {
    let unreadable = |e| Error::invalid("--audit-salt", format!("{}: {e}", file.display()));
    whole_file::read(file, MAX_SECRET_BYTES).map_err(unreadable)
}
