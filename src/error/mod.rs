//! What can go wrong, and the one map from it to the status codes of the C ABI.

pub mod status;

use std::path::PathBuf;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything this library refuses, each with the field, file or value at fault.
///
/// No message holds text from a DICOM header: nothing a patient could be known by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A pointer argument that must not be NULL was.
    #[error("{0} is NULL")]
    NullArgument(&'static str),
    /// `struct_size` is below version 1, absurd, or its unknown tail is not zero.
    #[error("{name}.struct_size is {got}: {why}")]
    StructSize {
        /// C name of the struct.
        name: &'static str,
        /// What the caller wrote.
        got: u32,
        /// What was expected.
        why: String,
    },
    /// An argument has a value that this library does not know or allow.
    #[error("{field}: {why}")]
    InvalidArgument {
        /// The argument or struct field.
        field: String,
        /// Why it was refused.
        why: String,
    },
    /// A handle that was never given out, is freed, or is of another kind.
    #[error("{0}")]
    InvalidHandle(String),
    /// The caller's buffer cannot hold the answer; the needed length was written.
    #[error("the buffer holds {capacity} but {needed} are needed")]
    BufferTooSmall {
        /// Elements the caller has room for.
        capacity: usize,
        /// Elements needed.
        needed: usize,
    },
    /// A string argument is not UTF-8.
    #[error("{0} is not valid UTF-8")]
    NotUtf8(&'static str),
    /// The host cancelled the call.
    #[error("cancelled by the host")]
    Cancelled,
    /// It took longer than the host allowed.
    #[error("it took longer than the host allowed")]
    Deadline,
    /// As many jobs wait as the queue has room for.
    #[error("{0} jobs wait already, the queue has room for no more")]
    QueueFull(usize),
    /// Memory for a buffer could not be had.
    #[error("out of memory: {what} needs {bytes} bytes")]
    OutOfMemory {
        /// The buffer.
        what: String,
        /// Its size.
        bytes: u64,
    },
    /// The system refused a thread, a file descriptor or another resource; the call can be tried again.
    #[error("the system refused a resource: {0}")]
    Resources(String),
    /// The call comes from a callback of a call that holds the same object.
    #[error("{0} is busy with the call from whose callback this one comes")]
    Busy(&'static str),
    /// This process was forked from the one that loaded ONNX Runtime.
    #[error(
        "this process was forked from the one that loaded ONNX Runtime, whose threads do not exist here: only exec, _exit or leaving main is possible"
    )]
    Forked,
    /// The audit log cannot be read or written.
    #[error("audit log: {0}")]
    AuditUnavailable(String),
    /// The audit log is not the one that was written: the first line at fault.
    #[error("audit log: {0}")]
    AuditAltered(String),
    /// Known, but not part of this build or not implemented.
    #[error("not supported: {0}")]
    Unsupported(String),

    /// No ONNX Runtime library at any of the places searched.
    #[error("ONNX Runtime was not found; searched: {}", .searched.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))]
    RuntimeNotFound {
        /// The places, in order.
        searched: Vec<PathBuf>,
    },
    /// The file exists but is not an ONNX Runtime library.
    #[error("{} is not an ONNX Runtime library: {why}", .path.display())]
    RuntimeNotALibrary {
        /// The file.
        path: PathBuf,
        /// The loader's reason.
        why: String,
    },
    /// The library's version is older than the API this build needs.
    #[error("{} is ONNX Runtime {found}, but at least 1.{required} is needed", .path.display())]
    RuntimeVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// Least minor version.
        required: u32,
    },
    /// The process already runs another ONNX Runtime through this library.
    #[error("ONNX Runtime is already loaded from {}; it cannot be replaced by {} in this process", .loaded.display(), .asked.display())]
    RuntimeConflict {
        /// What runs.
        loaded: PathBuf,
        /// What was asked for.
        asked: PathBuf,
    },
    /// The library is not the one whose digest the host expects.
    #[error("{} has the sha256 {found}, the host expects {expected}", .path.display())]
    RuntimeAltered {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The host's.
        expected: String,
    },
    /// ONNX Runtime is loaded already, but not in the way that the host wants now.
    #[error("ONNX Runtime is already loaded, and {0}; a process loads it once")]
    RuntimeMode(&'static str),
    /// ONNX Runtime itself reported an error.
    #[error("ONNX Runtime failed to {doing}: {why}")]
    Runtime {
        /// What was being done.
        doing: &'static str,
        /// Its message.
        why: String,
    },
    /// No provider of the policy can run the model; each with its reason.
    #[error("no execution provider of the policy could be used: {0}")]
    ProviderUnavailable(String),
    /// The provider's answers to the bundle's test vectors are off by more than the bundle allows.
    #[error(
        "self-test failed on {provider}: head {head} of case {case} differs by {difference:.3e}, allowed {tolerance:.1e}"
    )]
    SelfTest {
        /// Execution provider.
        provider: String,
        /// Head name.
        head: String,
        /// Case index.
        case: usize,
        /// Absolute difference.
        difference: f64,
        /// Allowed difference.
        tolerance: f64,
    },

    /// A file of the bundle is missing or unreadable.
    #[error("bundle: {} cannot be read: {why}", .path.display())]
    BundleMissing {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        why: String,
    },
    /// The manifest is malformed, or a field of it is missing, unknown or out of range.
    #[error("bundle: manifest.json: {0}")]
    BundleManifest(String),
    /// The manifest has another format version.
    #[error(
        "bundle: manifest.json: format_version is {found}, this library reads {supported}: export the bundle again with \
         `python -m dlnms_model export`, or `seeded`"
    )]
    BundleVersion {
        /// The file's.
        found: u64,
        /// Ours.
        supported: u64,
    },
    /// A file's content is not what the manifest promises.
    #[error("bundle: {file} was altered: {why}")]
    BundleAltered {
        /// File name inside the bundle.
        file: String,
        /// Size or digest mismatch.
        why: String,
    },
    /// The graph's inputs or outputs are not what the manifest says.
    #[error("bundle: {file} does not fit its manifest: {why}")]
    BundleModel {
        /// File name inside the bundle.
        file: String,
        /// The mismatch.
        why: String,
    },
    /// The bundle has no signature, and the host has a key for one.
    #[error(
        "bundle: it is not signed: manifest.json.minisig is missing, the host expects a signature by key {expected}"
    )]
    BundleUnsigned {
        /// Number of the host's key.
        expected: String,
    },
    /// The signature is none, or does not fit the manifest.
    #[error("bundle: manifest.json.minisig: {0}")]
    BundleSignature(String),
    /// The bundle was signed with another key.
    #[error("bundle: it is signed by key {found}, the host expects key {expected}")]
    BundleSigner {
        /// Number of the key in the signature.
        found: String,
        /// Number of the host's key.
        expected: String,
    },

    /// Dimensions, strides or buffer size of a volume are impossible.
    #[error("{volume}: {why}")]
    VolumeShape {
        /// `ct`, `pet` or `mask`.
        volume: &'static str,
        /// The field and its value.
        why: String,
    },
    /// Origin, spacing or direction of a volume are impossible.
    #[error("{volume}: {why}")]
    VolumeGeometry {
        /// `ct`, `pet` or `mask`.
        volume: &'static str,
        /// The field and its value.
        why: String,
    },
    /// Voxels near the tumour are NaN or infinite.
    #[error("{volume}: a voxel in the window around the centre is NaN or infinite")]
    VoxelNotFinite {
        /// `ct` or `pet`.
        volume: &'static str,
    },
    /// The network's output is not finite for these voxels, while it answers the self-test as it should.
    #[error("the voxels are out of range: {0}")]
    VoxelRange(String),
    /// PET and CT share no space.
    #[error("PET and CT do not overlap: {0}")]
    NoOverlap(String),
    /// The ROI has no voxel.
    #[error("roi: the mask has no voxel set")]
    RoiEmpty,
    /// The ROI's centre is outside a volume.
    #[error("roi: the centre ({:.2}, {:.2}, {:.2}) LPS mm is outside the {volume} volume", .center[0], .center[1], .center[2])]
    RoiOutside {
        /// `ct` or `pet`.
        volume: &'static str,
        /// The centre.
        center: [f64; 3],
    },
    /// The ROI is not finite or not a region.
    #[error("roi: {0}")]
    RoiInvalid(String),
    /// SUV cannot be computed; the message names the field.
    #[error("SUV refused: {0}")]
    Suv(String),
    /// A NIfTI file cannot be used.
    #[error("NIfTI: {0}")]
    Nifti(String),
    /// An NRRD file that cannot be used.
    #[error("NRRD: {0}")]
    Nrrd(String),
    /// Every quality check that found something and that the policy makes a refusal: its name and what it found.
    #[error("{}", .0.iter().map(|(code, why)| format!("quality check {code}: {why}")).collect::<Vec<_>>().join("; "))]
    Quality(Vec<(&'static str, String)>),

    /// A DICOM file or folder cannot be read.
    #[error("DICOM: {0}")]
    DicomRead(String),
    /// No series of the wanted kind.
    #[error("DICOM: no usable {modality} series: {why}")]
    DicomNoSeries {
        /// `CT` or `PT`.
        modality: &'static str,
        /// What was found instead.
        why: String,
    },
    /// The slices of a series do not make one volume.
    #[error("DICOM: {modality} series: {why}")]
    DicomSeries {
        /// `CT` or `PT`.
        modality: &'static str,
        /// The slices and the inconsistency.
        why: String,
    },
    /// The pixel data cannot be decoded.
    #[error("DICOM: pixel data of {file}: {why}")]
    DicomPixels {
        /// File name.
        file: String,
        /// Transfer syntax or codec error.
        why: String,
    },

    /// A result cannot become a DICOM object.
    #[error("DICOM: the result cannot be written: {0}")]
    DicomWrite(String),
    /// The weights were not trained on patients, and nobody allowed to write their results.
    #[error(
        "DICOM: the result cannot be written: the weights are {0}, not trained on patients; allow_not_trained is not set"
    )]
    NotTrained(&'static str),

    /// A defect in this library.
    #[error("internal error (a defect in dlnms, please report it): {0}")]
    Internal(String),
}

impl Error {
    /// An [`Error::InvalidArgument`].
    pub fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        Error::InvalidArgument {
            field: field.into(),
            why: why.into(),
        }
    }

    /// The status code of the C ABI. Numbers are never reused or changed.
    pub fn status(&self) -> i32 {
        use status::*;
        match self {
            Error::NullArgument(_) => DLNMS_E_NULL_ARGUMENT,
            Error::StructSize { .. } => DLNMS_E_STRUCT_SIZE,
            Error::InvalidArgument { .. } => DLNMS_E_INVALID_ARGUMENT,
            Error::InvalidHandle(_) => DLNMS_E_INVALID_HANDLE,
            Error::BufferTooSmall { .. } => DLNMS_E_BUFFER_TOO_SMALL,
            Error::NotUtf8(_) => DLNMS_E_UTF8,
            Error::Cancelled => DLNMS_E_CANCELLED,
            Error::Deadline => DLNMS_E_DEADLINE,
            Error::QueueFull(_) => DLNMS_E_QUEUE_FULL,
            Error::OutOfMemory { .. } => DLNMS_E_OUT_OF_MEMORY,
            Error::Resources(_) => DLNMS_E_RESOURCES,
            Error::Busy(_) => DLNMS_E_BUSY,
            Error::Forked => DLNMS_E_FORKED,
            Error::AuditUnavailable(_) => DLNMS_E_AUDIT,
            Error::AuditAltered(_) => DLNMS_E_AUDIT_ALTERED,
            Error::Unsupported(_) => DLNMS_E_UNSUPPORTED,
            Error::RuntimeNotFound { .. } => DLNMS_E_RUNTIME_NOT_FOUND,
            Error::RuntimeNotALibrary { .. } => DLNMS_E_RUNTIME_NOT_A_LIBRARY,
            Error::RuntimeVersion { .. } => DLNMS_E_RUNTIME_VERSION,
            Error::RuntimeConflict { .. } | Error::RuntimeMode(_) => DLNMS_E_RUNTIME_CONFLICT,
            Error::RuntimeAltered { .. } => DLNMS_E_RUNTIME_ALTERED,
            Error::Runtime { .. } => DLNMS_E_RUNTIME,
            Error::ProviderUnavailable(_) => DLNMS_E_PROVIDER_UNAVAILABLE,
            Error::SelfTest { .. } => DLNMS_E_SELF_TEST,
            Error::BundleMissing { .. } => DLNMS_E_BUNDLE_MISSING,
            Error::BundleManifest(_) => DLNMS_E_BUNDLE_MANIFEST,
            Error::BundleVersion { .. } => DLNMS_E_BUNDLE_VERSION,
            Error::BundleAltered { .. } => DLNMS_E_BUNDLE_ALTERED,
            Error::BundleModel { .. } => DLNMS_E_BUNDLE_MODEL,
            Error::BundleUnsigned { .. } => DLNMS_E_BUNDLE_UNSIGNED,
            Error::BundleSignature(_) => DLNMS_E_BUNDLE_SIGNATURE,
            Error::BundleSigner { .. } => DLNMS_E_BUNDLE_SIGNER,
            Error::VolumeShape { .. } => DLNMS_E_VOLUME_SHAPE,
            Error::VolumeGeometry { .. } => DLNMS_E_VOLUME_GEOMETRY,
            Error::VoxelNotFinite { .. } => DLNMS_E_VOXEL_NOT_FINITE,
            Error::VoxelRange(_) => DLNMS_E_VOXEL_RANGE,
            Error::NoOverlap(_) => DLNMS_E_NO_OVERLAP,
            Error::RoiEmpty => DLNMS_E_ROI_EMPTY,
            Error::RoiOutside { .. } => DLNMS_E_ROI_OUTSIDE,
            Error::RoiInvalid(_) => DLNMS_E_ROI_INVALID,
            Error::Suv(_) => DLNMS_E_SUV,
            Error::Nifti(_) => DLNMS_E_NIFTI,
            Error::Nrrd(_) => DLNMS_E_NRRD,
            Error::Quality(_) => DLNMS_E_QUALITY,
            Error::DicomRead(_) => DLNMS_E_DICOM_READ,
            Error::DicomNoSeries { .. } => DLNMS_E_DICOM_NO_SERIES,
            Error::DicomSeries { .. } => DLNMS_E_DICOM_SERIES,
            Error::DicomPixels { .. } => DLNMS_E_DICOM_PIXELS,
            Error::DicomWrite(_) => DLNMS_E_DICOM_WRITE,
            Error::NotTrained(_) => DLNMS_E_NOT_TRAINED,
            Error::Internal(_) => DLNMS_E_INTERNAL,
        }
    }
}
