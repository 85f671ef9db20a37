//! Bundles signed by the exporter: what the host's key proves, and what is refused in which words.

use crate::support;
use dlnms::bundle::{Bundle, Pins};
use dlnms::error::status::*;
use dlnms::{Error, report};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Copies of the tiny bundle and keys of the exporter, in one folder.
pub struct Signing {
    folder: tempfile::TempDir,
}

impl Signing {
    /// Makes the folder with the keys `ours` and `theirs`.
    pub fn new() -> Self {
        let made = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for key in ["ours", "theirs"] {
            let path = made.path(key);
            made.exporter(["keygen", "--no-password", "--key", &path.to_string_lossy()]);
        }
        made
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn exporter<const N: usize>(&self, arguments: [&str; N]) {
        let python = support::root().join("target/venv/bin/python");
        let mut command = Command::new(python);
        command.current_dir(support::root().join("model"));
        support::run(command.args(["-m", "dlnms_model"]).args(arguments));
    }

    /// The text of a public key's file.
    pub fn public(&self, key: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap()
    }

    /// A copy of the tiny bundle under a name, signed with a key.
    pub fn bundle(&self, name: &str, key: &str) -> PathBuf {
        let bundle = self.path(name);
        std::fs::create_dir(&bundle).unwrap();
        for entry in support::tiny_bundle().read_dir().unwrap().flatten() {
            std::fs::copy(entry.path(), bundle.join(entry.file_name())).unwrap();
        }
        self.exporter([
            "sign",
            "--comment",
            "release 7",
            "--key",
            &self.path(key).to_string_lossy(),
            &bundle.to_string_lossy(),
        ]);
        bundle
    }
}

fn open(bundle: &Path, key: &str) -> Result<Bundle, Error> {
    let pins = Pins {
        key: Some(key.to_owned()),
        manifest_sha256: None,
    };
    Bundle::open(bundle, &pins)
}

/// The number of a key, as minisign writes it into the comment of the key's file.
fn number(public: &str) -> &str {
    let comment = public.lines().next().unwrap();
    comment.split_whitespace().last().unwrap()
}

#[test]
fn a_bundle_is_taken_with_the_hosts_signature_alone() {
    let signing = Signing::new();
    let bundle = signing.bundle("bundle", "ours");
    let [ours, theirs] = ["ours", "theirs"].map(|key| signing.public(key));
    let line = ours.lines().nth(1).unwrap();
    for key in [ours.as_str(), line] {
        let signature = open(&bundle, key).unwrap().signature.unwrap();
        assert_eq!(signature.key_id, number(&ours));
        assert_eq!(signature.trusted_comment, "release 7");
    }
    let refused = |key: &str, code: i32, words: &[&str]| {
        let error = open(&bundle, key).expect_err("a refusal");
        assert_eq!(error.status(), code, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "{error}");
        }
    };
    let numbers = [number(&ours), number(&theirs), "is signed by key"];
    refused(&theirs, DLNMS_E_BUNDLE_SIGNER, &numbers);
    refused("", DLNMS_E_INVALID_ARGUMENT, &["bundle_key"]);

    // One byte of the manifest; one bit of a file whose digest the manifest holds.
    let path = bundle.join("manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, manifest.replacen("1.0.0", "1.0.1", 1)).unwrap();
    let altered = "is not the signature of this manifest.json";
    refused(&ours, DLNMS_E_BUNDLE_SIGNATURE, &[altered, number(&ours)]);
    std::fs::write(&path, &manifest).unwrap();
    let weights = bundle.join("tiny.f32");
    let sound = std::fs::read(&weights).unwrap();
    let mut changed = sound.clone();
    changed[40] ^= 1;
    std::fs::write(&weights, changed).unwrap();
    refused(&ours, DLNMS_E_BUNDLE_ALTERED, &["tiny.f32"]);
    std::fs::write(&weights, sound).unwrap();

    let signature = bundle.join("manifest.json.minisig");
    let text = std::fs::read_to_string(&signature).unwrap();
    let malformed = ["manifest.json.minisig", "minisign's format"];
    for cut in [0, 10, text.len() / 2] {
        std::fs::write(&signature, &text[..cut]).unwrap();
        refused(&ours, DLNMS_E_BUNDLE_SIGNATURE, &malformed);
    }
    std::fs::write(&signature, vec![b'a'; 1 << 20]).unwrap();
    refused(&ours, DLNMS_E_BUNDLE_SIGNATURE, &malformed);
    std::fs::remove_file(&signature).unwrap();
    refused(
        &ours,
        DLNMS_E_BUNDLE_UNSIGNED,
        &["is not signed", number(&ours)],
    );
    support::run(Command::new("mkfifo").arg(&signature));
    refused(&ours, DLNMS_E_BUNDLE_MISSING, &["manifest.json.minisig"]);
}

#[test]
fn commands_verify_the_signature_and_say_so() {
    let signing = Signing::new();
    let bundle = signing.bundle("bundle", "theirs");
    let info = |key: &Path| {
        Command::new(env!("CARGO_BIN_EXE_dlnms"))
            .args(["info", "--provider", "cpu", "--json", "--bundle"])
            .arg(&bundle)
            .arg("--bundle-key")
            .arg(key)
            .output()
            .unwrap()
    };
    let output = info(&signing.path("theirs.pub"));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let model = &found["bundle"]["model"];
    assert_eq!(
        model["signature"]["trusted_comment"], "release 7",
        "{found}"
    );
    let output = info(&signing.path("ours.pub"));
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("is signed by key"), "{text}");
}

#[test]
fn a_signature_that_nobody_asked_for_is_not_claimed() {
    let options = dlnms::scorer::ScorerOptions::default();
    let scorer =
        dlnms::scorer::Scorer::new(support::runtime(), &support::tiny_bundle(), options).unwrap();
    assert_eq!(report::model(&scorer)["signature"], Value::Null);
}
