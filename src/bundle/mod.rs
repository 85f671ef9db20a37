//! A model bundle: a folder with `manifest.json`, graphs, weights and self-test vectors, checked before use.
//!
//! The digest of `manifest.json` stands for the whole bundle: the manifest holds cut-offs, preprocessing and the kind of
//! weights, and names every other file with its size and SHA-256, and the place of every tensor in the files of weights. It is part of every result, and a host can pin it.
//! What else lies in the folder is ignored: nothing is read that the manifest does not name.

mod file;
mod manifest;
mod signature;

pub use manifest::{
    BackboneLayer, Backbones, BundleFile, Calibration, Cutoffs, ElementType, Evidence,
    EvidenceSource, FORMAT_VERSION, Graph, Inputs, Manifest, Model, OwnStatement, PERCENTILES,
    Platt, Precision, ReferenceHead, SelfTest, Sources, StoredTensor, TrainingReference, Weights,
};

pub use crate::digest::Digest;
pub use signature::{SIGNATURE_FILE, Signature};

use crate::allocation::with_capacity;
use crate::digest::parse_sha256;
use crate::error::{Error, Result};
use file::{missing, open};
use signature::Key;
use std::fs::File;
use std::path::{Path, PathBuf};

/// An opened bundle: its manifest holds and every file is the one the manifest names.
#[derive(Clone, Debug)]
pub struct Bundle {
    dir: PathBuf,
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of the bytes of `manifest.json`, lower-case hexadecimal: the identity of the bundle.
    pub manifest_sha256: String,
    /// The signature, if the host gave a key to verify it with.
    pub signature: Option<Signature>,
    self_test_inputs: Vec<f32>,
}

/// What a bundle must be to be opened. The default opens any.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    /// SHA-256 of `manifest.json` in hexadecimal.
    pub manifest_sha256: Option<String>,
    /// Public key of minisign whose signature the bundle must have: the line of the key, or the content of its file.
    pub key: Option<String>,
}

/// A manifest is a page of text; anything much larger is not one.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

impl Bundle {
    /// Opens a bundle and verifies every file. Reads each once; about 0.1 s for 190 MB where the processor has SHA
    /// instructions.
    ///
    /// # Errors
    /// As for [`Bundle::open_without_models`].
    pub fn open(dir: &Path, pins: &Pins) -> Result<Self> {
        let bundle = Self::open_without_models(dir, pins)?;
        let test = &bundle.manifest.self_test.file;
        for file in bundle.manifest.files.iter().filter(|f| f.name != *test) {
            verify(dir, file, |_| ())?;
        }
        Ok(bundle)
    }

    /// Opens a bundle and verifies everything but graphs and weights, which are verified as they are read to be used.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for pins that are none; [`Error::BundleAltered`] naming both digests if the manifest has
    /// another; [`Error::BundleUnsigned`], [`Error::BundleSignature`] and [`Error::BundleSigner`] if the key's signature is
    /// missing, does not fit, or is of another key; [`Error::BundleMissing`], [`Error::BundleVersion`] and
    /// [`Error::BundleManifest`].
    pub fn open_without_models(dir: &Path, pins: &Pins) -> Result<Self> {
        let expected = pins.manifest_sha256.as_deref();
        let expected = expected
            .map(|text| parse_sha256("expected_manifest_sha256", text))
            .transpose()?;
        let key = pins.key.as_deref().map(Key::parse).transpose()?;
        let text = read_manifest(&dir.join("manifest.json"))?;
        let manifest_sha256 = Digest::from_bytes(&text).sha256;
        if let Some(expected) = expected.filter(|e| *e != manifest_sha256) {
            return Err(altered(
                "manifest.json",
                format!("its sha256 is {manifest_sha256}, the host expects {expected}"),
            ));
        }
        // Before the text is parsed: nothing is made of what nobody signed.
        let signature = key.map(|key| key.verify(dir, &text)).transpose()?;
        let manifest = Manifest::parse(&text)?;
        let test = manifest.listed("self_test.file", &manifest.self_test.file)?;
        let mut raw = with_capacity(test.bytes as usize, "the self-test vectors of the bundle")?;
        verify(dir, test, |chunk| raw.extend_from_slice(chunk))?;
        let self_test_inputs = raw
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        Ok(Self {
            dir: dir.to_owned(),
            manifest,
            manifest_sha256,
            signature,
            self_test_inputs,
        })
    }

    /// Opens a file of the size that the manifest says, to read it once: what is made of it counts only if
    /// [`Bundle::compare`] agrees at its end.
    pub(crate) fn open_file(&self, file: &BundleFile) -> Result<File> {
        open_sized(&self.dir, file)
    }

    /// Compares what was read of a file with the manifest.
    pub(crate) fn compare(&self, file: &BundleFile, found: &Digest) -> Result<()> {
        compare(file, found)
    }

    /// Returns one digest of a graph and its weights, made of those in the manifest.
    pub(crate) fn digest_of(&self, graph: &Graph) -> String {
        let names = std::iter::once(&graph.file).chain(&graph.weights);
        let files = names.filter_map(|name| self.manifest.file(name));
        let digests: Vec<_> = files.map(|f| f.sha256.as_str()).collect();
        Digest::from_bytes(digests.join(" ").as_bytes()).sha256
    }

    /// Path of a file of the bundle.
    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    /// Self-test cases: PET tensor, CT tensor, expected value of each head.
    pub fn self_test_cases(&self) -> impl Iterator<Item = (&[f32], &[f32], &[f64])> {
        let n = self.manifest.preprocessing.tensor_len();
        let pairs = self
            .self_test_inputs
            .chunks_exact(2 * n)
            .map(move |pair| pair.split_at(n));
        pairs
            .zip(&self.manifest.self_test.expected)
            .map(|((pet, ct), expected)| (pet, ct, expected.as_slice()))
    }
}

fn read_manifest(path: &Path) -> Result<Vec<u8>> {
    let text = file::read(path, file::open(path)?, MAX_MANIFEST_BYTES)?;
    text.ok_or_else(|| Error::BundleManifest(format!("is larger than {MAX_MANIFEST_BYTES} bytes")))
}

fn open_sized(dir: &Path, listed: &BundleFile) -> Result<File> {
    let path = dir.join(&listed.name);
    let file = open(&path)?;
    let found = file.metadata().map_err(|e| missing(&path, e))?.len();
    if found == listed.bytes {
        Ok(file)
    } else {
        Err(altered(
            &listed.name,
            format!("has {found} bytes, the manifest says {}", listed.bytes),
        ))
    }
}

/// Compares size and digest of a file with the manifest's, handing its content on as it is read.
fn verify(dir: &Path, listed: &BundleFile, mut content: impl FnMut(&[u8])) -> Result<()> {
    let mut file = open_sized(dir, listed)?;
    let found = Digest::of_reader(&mut file, &mut content);
    compare(
        listed,
        &found.map_err(|e| missing(&dir.join(&listed.name), e))?,
    )
}

fn compare(listed: &BundleFile, found: &Digest) -> Result<()> {
    let BundleFile { name, sha256, .. } = listed;
    if found.sha256 == *sha256 {
        Ok(())
    } else {
        Err(altered(
            name,
            format!("its sha256 is {}, the manifest says {sha256}", found.sha256),
        ))
    }
}

fn altered(name: &str, why: String) -> Error {
    Error::BundleAltered {
        file: name.into(),
        why,
    }
}
