//! The folder in which a provider keeps the engines that it builds, for the next start.
//!
//! A folder's name is a digest of everything that its engines depend on. TensorRT writes, reads and checks its engines
//! itself: owner and mode of folder and files alone protect them ([`private_folder`]). Every session is tested with the
//! bundle's self-test vectors, whatever was kept; that finds faults, not forgeries.
//!
//! The CPU keeps nothing: the weights lie in the bundle as they are wanted, and reading them takes as long as a copy would.

use super::batch_size::BatchSize;
use super::{graphics, private_folder};
use crate::bundle::{Digest, Precision};
use crate::regular_file::io_reason;
use crate::runtime::provider;
use serde::Serialize;
use std::fs::File;
use std::path::{Path, PathBuf};

/// What the cache did for a start.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum CacheOutcome {
    /// None was asked for.
    Off,
    /// There is nothing to keep for this provider.
    Unneeded,
    /// The provider had filled the folder before.
    Hit,
    /// It fills the folder now.
    Miss {
        /// Why it was not used: absent.
        reason: String,
    },
    /// The folder could not be used; the model was loaded without it.
    Unusable {
        /// Why: read-only, disk full, a folder that other users can write.
        reason: String,
    },
}

/// Everything that engines depend on.
#[derive(Clone, Debug, Serialize)]
struct Content {
    /// Layout of the folder.
    format: u32,
    /// Of graph and weights.
    model_sha256: String,
    onnxruntime: String,
    provider: String,
    precision: String,
    /// Cases of a run; 0 for any number.
    cases: usize,
    /// Graphics card and driver.
    machine: String,
}

const FORMAT: u32 = 5;

/// The place of one model for one provider in a folder of such places.
pub struct Cache<'a> {
    dir: &'a Path,
    content: Content,
}

impl<'a> Cache<'a> {
    /// The place of one model for one provider on this machine.
    pub fn new(
        dir: &'a Path,
        (precision, model_sha256, cases): (Precision, String, BatchSize),
        used: &provider::ProviderConfig,
        onnxruntime: &str,
    ) -> Self {
        let content = Content {
            format: FORMAT,
            model_sha256,
            onnxruntime: onnxruntime.into(),
            provider: used.provider.name().into(),
            precision: precision.name().into(),
            cases: match cases {
                BatchSize::UpTo(_) => 0,
                BatchSize::Exactly(n) => n,
            },
            machine: format!("{} {}", graphics::describe(), used.device),
        };
        Self { dir, content }
    }

    /// Makes the folder that the provider fills by itself; returns whether it had filled it before.
    ///
    /// # Errors
    /// The reason in words, without the path, for which it must not be used.
    pub fn folder(&self) -> Result<(PathBuf, CacheOutcome), String> {
        let content = serde_json::to_vec(&self.content).map_err(|e| e.to_string())?;
        let name = Digest::from_bytes(&content).sha256;
        let folder = private_folder::make(self.dir)?.join(name);
        let folder = private_folder::make(&folder)?;
        // Found out now: a provider would only complain in a log.
        check_writable(&folder).map_err(io_reason)?;
        let mut filled = false;
        for file in folder.read_dir().map_err(io_reason)? {
            filled = true;
            let path = file.map_err(io_reason)?.path();
            let is_link = path.symlink_metadata().map_err(io_reason)?.is_symlink();
            if is_link || !private_folder::is_own(&path).map_err(io_reason)? {
                return Err("a file in it belongs to another user".into());
            }
        }
        let outcome = if filled {
            CacheOutcome::Hit
        } else {
            CacheOutcome::Miss {
                reason: "not there yet".into(),
            }
        };
        Ok((folder, outcome))
    }
}

/// Write a file and remove it.
fn check_writable(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".{}.part", std::process::id()));
    private_folder::remove(&path);
    File::create_new(&path)?;
    std::fs::remove_file(path)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::runtime::provider::{Provider, ProviderConfig};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn folder(
        dir: &Path,
        provider: Provider,
        precision: Precision,
    ) -> Result<(PathBuf, CacheOutcome), String> {
        let what = (precision, "ab".repeat(32), BatchSize::Exactly(1));
        Cache::new(dir, what, &ProviderConfig::new(provider), "1.32.0").folder()
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn each_model_provider_and_precision_has_a_folder_that_is_a_hit_once_it_is_filled() {
        let out = tempfile::tempdir().unwrap();
        let dir = out.path().join("made/when/needed");
        let of = |provider, precision| folder(&dir, provider, precision).unwrap();
        let (first, outcome) = of(Provider::TensorRt, Precision::Fp16);
        assert!(matches!(outcome, CacheOutcome::Miss { .. }), "{outcome:?}");
        for path in [&dir, &first] {
            let found = path.metadata().unwrap().permissions().mode();
            assert_eq!(found & 0o7777, 0o700);
        }
        std::fs::write(first.join("engine"), "x").unwrap();
        let again = of(Provider::TensorRt, Precision::Fp16);
        assert_eq!(again, (first.clone(), CacheOutcome::Hit));
        for other in [
            of(Provider::TensorRt, Precision::Fp32),
            of(Provider::TensorRtRtx, Precision::Fp16),
        ] {
            assert!(other.0 != first && other.1 != CacheOutcome::Hit);
        }
        symlink("/etc/passwd", first.join("link")).unwrap();
        let refused = folder(&dir, Provider::TensorRt, Precision::Fp16).unwrap_err();
        assert!(refused.contains("another user"), "{refused}");
    }

    #[test]
    fn a_folder_that_others_can_write_replace_or_redirect_is_not_used() {
        let out = tempfile::tempdir().unwrap();
        let dir = out.path().join("cache");
        let of = |dir: &Path| folder(dir, Provider::TensorRt, Precision::Fp16);
        assert!(of(&dir).is_ok());
        let refused = |dir: &Path, word: &str| {
            let why = of(dir).unwrap_err();
            assert!(why.contains(word), "{why}");
        };
        for open in [0o770, 0o707, 0o1777] {
            mode(&dir, open);
            refused(&dir, "its folder can be written by other users");
        }
        mode(&dir, 0o755);
        assert!(of(&dir).is_ok());
        let link = out.path().join("link");
        symlink(&dir, &link).unwrap();
        refused(&link, "link");
        refused(&PathBuf::from(format!("{}/", link.display())), "link");
        // Whoever can write the folder above can put another in its place; in a sticky one, as /tmp is, nobody can.
        mode(out.path(), 0o777);
        refused(&dir, "above it can be written by other users");
        mode(out.path(), 0o1777);
        assert!(of(&dir).is_ok());
        mode(out.path(), 0o700);
        let file = out.path().join("file");
        std::fs::write(&file, "x").unwrap();
        refused(&file, "already exists");
        refused(&PathBuf::from("/proc/dlnms"), "");
        if std::os::unix::fs::chown(&dir, Some(12345), None).is_ok() {
            refused(&dir, "belongs to another user");
        }
    }
}
