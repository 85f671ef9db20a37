//! The detached signature of a bundle, in the format of minisign: `manifest.json.minisig`.
//!
//! It is a signature of the manifest, which names every other file with its digest.

use super::file;
use crate::error::{Error, Result};
use crate::regular_file;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::{PublicKey, Signature as Minisig};
use serde::Serialize;
use std::io::ErrorKind;
use std::path::Path;

/// Name of the signature's file.
pub const SIGNATURE_FILE: &str = "manifest.json.minisig";

/// Four lines: two comments of at most 8 KiB, and two signatures.
const MAX_BYTES: u64 = 32 << 10;

/// A signature that was verified with the key of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// Number of the key, 16 hexadecimal digits, as minisign shows it.
    pub key_id: String,
    /// The signer's comment, which is signed as well.
    pub trusted_comment: String,
}

/// The public key of a host.
pub(super) struct Key {
    key: PublicKey,
    id: String,
}

impl Key {
    /// Reads a key: the line of a public key, or the whole content of a file of minisign with its comment.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let line = text.lines().last().unwrap_or_default().trim();
        let key = if text.contains('\n') {
            PublicKey::decode(text)
        } else {
            PublicKey::from_base64(text)
        };
        let key = key.map_err(|_| {
            Error::invalid("bundle_key", "is not a public key in minisign's format")
        })?;
        let id = key_id(line);
        Ok(Self { key, id })
    }

    /// Verifies the signature in a bundle's folder over the bytes of its manifest.
    ///
    /// # Errors
    /// [`Error::BundleUnsigned`], [`Error::BundleSigner`], [`Error::BundleSignature`]; [`Error::BundleMissing`] for a signature
    /// that cannot be read.
    pub fn verify(&self, dir: &Path, manifest: &[u8]) -> Result<Signature> {
        let text = self.read(&dir.join(SIGNATURE_FILE))?;
        let refused = |why: &str| Error::BundleSignature(why.to_owned());
        let signature = Minisig::decode(&text).map_err(|e| match e {
            minisign_verify::Error::UnsupportedAlgorithm => {
                refused("its algorithm is not one of minisign's")
            }
            _ => refused("is not a signature in minisign's format"),
        })?;
        // Both ways of minisign, which differ in whether the bytes or their digest are signed.
        match self.key.verify(manifest, &signature, true) {
            Ok(()) => Ok(Signature {
                key_id: self.id.clone(),
                trusted_comment: printable(signature.trusted_comment())?,
            }),
            Err(minisign_verify::Error::UnexpectedKeyId) => Err(Error::BundleSigner {
                found: key_id(text.lines().nth(1).unwrap_or_default()),
                expected: self.id.clone(),
            }),
            Err(_) => Err(Error::BundleSignature(format!(
                "is not the signature of this manifest.json by key {}: one of them was altered, or the key is another one",
                self.id
            ))),
        }
    }

    fn read(&self, path: &Path) -> Result<String> {
        let opened = match regular_file::open(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Err(Error::BundleUnsigned {
                    expected: self.id.clone(),
                });
            }
            opened => opened.map_err(|e| file::missing(path, e))?,
        };
        let bytes = file::read(path, opened, MAX_BYTES)?;
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| Error::BundleSignature("is not a signature in minisign's format".into()))
    }
}

/// Refuses a comment with control characters, which would reach reports and terminals.
fn printable(comment: &str) -> Result<String> {
    // minisign separates time and file name by a tab.
    if comment.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Error::BundleSignature(
            "its trusted comment holds control characters".into(),
        ));
    }
    Ok(comment.to_owned())
}

/// Returns the number of the key in a line of minisign: a little-endian integer behind the two letters of the algorithm.
fn key_id(line: &str) -> String {
    let bytes = STANDARD.decode(line.trim()).unwrap_or_default();
    let id = bytes.get(2..10).and_then(|b| <[u8; 8]>::try_from(b).ok());
    id.map_or_else(|| "?".into(), |b| format!("{:016X}", u64::from_le_bytes(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The key of the documentation of minisign.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==
";

    fn verify(key: &str, signature: &[u8], signed: &[u8]) -> Result<Signature> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(SIGNATURE_FILE), signature).unwrap();
        Key::parse(key)?.verify(dir.path(), signed)
    }

    #[test]
    fn the_signature_of_minisigns_documentation_holds() {
        let file = format!("untrusted comment: minisign public key\r\n{KEY}\r\n");
        for key in [KEY, &format!(" {KEY}\n"), &file] {
            let found = verify(key, SIGNATURE.as_bytes(), b"test").unwrap();
            assert_eq!(found.key_id, "E7620F1842B4E81F");
            assert_eq!(
                found.trusted_comment,
                "timestamp:1633700835\tfile:test\tprehashed"
            );
        }
    }

    #[test]
    fn every_changed_character_is_refused() {
        // The first line is a comment that nobody signed; the last byte is the end of the line.
        let begin = SIGNATURE.find('\n').unwrap() + 1;
        for at in begin..SIGNATURE.len() - 1 {
            let mut changed = SIGNATURE.as_bytes().to_vec();
            changed[at] ^= 1;
            let refused = verify(KEY, &changed, b"test").expect_err(&at.to_string());
            let code = refused.status();
            assert!((206..=207).contains(&code), "{at}: {refused}");
        }
        let refused = verify(KEY, SIGNATURE.as_bytes(), b"tesu").unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("is not the signature of this manifest.json by key E7620F1842B4E81F"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for key in ["", "\n", "RWQ", &KEY[..50], &format!("{KEY}\n"), SIGNATURE] {
            let kept = Key::parse(key);
            assert_eq!(kept.is_ok(), key.trim() == KEY, "{key:?}");
            if let Err(e) = kept {
                assert!(e.to_string().starts_with("bundle_key: is not"), "{e}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_ends_the_process(
            key in "\\PC{0,80}\n?\\PC{0,80}",
            signature in prop::collection::vec(any::<u8>(), 0..400),
            lines in prop::collection::vec("[A-Za-z0-9+/=]{0,120}", 0..6),
        ) {
            prop_assert!(Key::parse(&key).is_err());
            prop_assert!(verify(KEY, &signature, b"test").is_err());
            let lines = format!("untrusted comment: x\n{}", lines.join("\n"));
            prop_assert!(verify(KEY, lines.as_bytes(), b"test").is_err());
        }
    }
}
