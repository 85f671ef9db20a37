//! Status codes of the C ABI. 1-99 caller, 100s runtime and providers, 200s bundle, 300s image and ROI, 400s DICOM,
//! 900 internal. A number is never changed or given again.

use std::ffi::CStr;

/// Success.
pub const DLNMS_OK: i32 = 0;
/// A required pointer is NULL.
pub const DLNMS_E_NULL_ARGUMENT: i32 = 1;
/// A struct's `struct_size` is wrong.
pub const DLNMS_E_STRUCT_SIZE: i32 = 2;
/// A value is unknown or out of range.
pub const DLNMS_E_INVALID_ARGUMENT: i32 = 3;
/// A handle is dead or of another kind.
pub const DLNMS_E_INVALID_HANDLE: i32 = 4;
/// The buffer is too small.
pub const DLNMS_E_BUFFER_TOO_SMALL: i32 = 5;
/// A string is not UTF-8.
pub const DLNMS_E_UTF8: i32 = 6;
/// The host cancelled.
pub const DLNMS_E_CANCELLED: i32 = 7;
/// Not part of this build.
pub const DLNMS_E_UNSUPPORTED: i32 = 8;
/// It took longer than the host allowed; it can be tried again.
pub const DLNMS_E_DEADLINE: i32 = 9;
/// As many jobs wait as the queue has room for; submit again later.
pub const DLNMS_E_QUEUE_FULL: i32 = 10;
/// Memory for a buffer could not be had; the message names the buffer and its size. It can be tried again.
pub const DLNMS_E_OUT_OF_MEMORY: i32 = 11;
/// The system refused a thread, a file descriptor or another resource. It can be tried again.
pub const DLNMS_E_RESOURCES: i32 = 12;
/// The object is busy with the call from whose callback this one comes.
pub const DLNMS_E_BUSY: i32 = 13;
/// This process was forked from the one that loaded ONNX Runtime.
pub const DLNMS_E_FORKED: i32 = 14;
/// The audit log cannot be read or written.
pub const DLNMS_E_AUDIT: i32 = 15;
/// The audit log is not the one that was written.
pub const DLNMS_E_AUDIT_ALTERED: i32 = 16;
/// ONNX Runtime was not found.
pub const DLNMS_E_RUNTIME_NOT_FOUND: i32 = 100;
/// The file is not ONNX Runtime.
pub const DLNMS_E_RUNTIME_NOT_A_LIBRARY: i32 = 101;
/// ONNX Runtime is too old.
pub const DLNMS_E_RUNTIME_VERSION: i32 = 102;
/// Another ONNX Runtime is loaded already.
pub const DLNMS_E_RUNTIME_CONFLICT: i32 = 103;
/// ONNX Runtime reported an error.
pub const DLNMS_E_RUNTIME: i32 = 104;
/// ONNX Runtime's file is not the expected one.
pub const DLNMS_E_RUNTIME_ALTERED: i32 = 105;
/// No execution provider can be used.
pub const DLNMS_E_PROVIDER_UNAVAILABLE: i32 = 110;
/// The self-test failed.
pub const DLNMS_E_SELF_TEST: i32 = 111;
/// A bundle file is missing.
pub const DLNMS_E_BUNDLE_MISSING: i32 = 200;
/// The manifest is malformed.
pub const DLNMS_E_BUNDLE_MANIFEST: i32 = 201;
/// The bundle has another format version.
pub const DLNMS_E_BUNDLE_VERSION: i32 = 202;
/// A bundle file was altered.
pub const DLNMS_E_BUNDLE_ALTERED: i32 = 203;
/// The graph does not fit the manifest.
pub const DLNMS_E_BUNDLE_MODEL: i32 = 204;
/// The bundle is not signed, and a key was given.
pub const DLNMS_E_BUNDLE_UNSIGNED: i32 = 205;
/// The bundle's signature is malformed or does not fit its manifest.
pub const DLNMS_E_BUNDLE_SIGNATURE: i32 = 206;
/// The bundle is signed by another key.
pub const DLNMS_E_BUNDLE_SIGNER: i32 = 207;
/// Impossible dimensions or strides.
pub const DLNMS_E_VOLUME_SHAPE: i32 = 300;
/// Impossible origin, spacing or direction.
pub const DLNMS_E_VOLUME_GEOMETRY: i32 = 301;
/// NaN or infinite voxels.
pub const DLNMS_E_VOXEL_NOT_FINITE: i32 = 303;
/// The voxels are so large that the network's output is not finite.
pub const DLNMS_E_VOXEL_RANGE: i32 = 305;
/// PET and CT share no space.
pub const DLNMS_E_NO_OVERLAP: i32 = 304;
/// Empty ROI.
pub const DLNMS_E_ROI_EMPTY: i32 = 310;
/// ROI outside a volume.
pub const DLNMS_E_ROI_OUTSIDE: i32 = 311;
/// Invalid ROI.
pub const DLNMS_E_ROI_INVALID: i32 = 312;
/// SUV refused.
pub const DLNMS_E_SUV: i32 = 320;
/// NIfTI file refused.
pub const DLNMS_E_NIFTI: i32 = 330;
/// NRRD file refused.
pub const DLNMS_E_NRRD: i32 = 331;
/// A quality check that the policy makes a refusal.
pub const DLNMS_E_QUALITY: i32 = 340;
/// DICOM file unreadable.
pub const DLNMS_E_DICOM_READ: i32 = 400;
/// No usable series.
pub const DLNMS_E_DICOM_NO_SERIES: i32 = 401;
/// Slices do not make one volume.
pub const DLNMS_E_DICOM_SERIES: i32 = 402;
/// Pixel data cannot be decoded.
pub const DLNMS_E_DICOM_PIXELS: i32 = 403;
/// A result cannot become a DICOM object; the message says what is missing or contradictory.
pub const DLNMS_E_DICOM_WRITE: i32 = 410;
/// The weights were not trained on patients, and dlnms_write_options.allow_not_trained is 0.
pub const DLNMS_E_NOT_TRAINED: i32 = 411;
/// A defect in this library.
pub const DLNMS_E_INTERNAL: i32 = 900;

/// Every code there is.
pub const ALL: &[i32] = &[
    DLNMS_OK,
    DLNMS_E_NULL_ARGUMENT,
    DLNMS_E_STRUCT_SIZE,
    DLNMS_E_INVALID_ARGUMENT,
    DLNMS_E_INVALID_HANDLE,
    DLNMS_E_BUFFER_TOO_SMALL,
    DLNMS_E_UTF8,
    DLNMS_E_CANCELLED,
    DLNMS_E_UNSUPPORTED,
    DLNMS_E_DEADLINE,
    DLNMS_E_QUEUE_FULL,
    DLNMS_E_OUT_OF_MEMORY,
    DLNMS_E_RESOURCES,
    DLNMS_E_BUSY,
    DLNMS_E_FORKED,
    DLNMS_E_AUDIT,
    DLNMS_E_AUDIT_ALTERED,
    DLNMS_E_RUNTIME_NOT_FOUND,
    DLNMS_E_RUNTIME_NOT_A_LIBRARY,
    DLNMS_E_RUNTIME_VERSION,
    DLNMS_E_RUNTIME_CONFLICT,
    DLNMS_E_RUNTIME,
    DLNMS_E_RUNTIME_ALTERED,
    DLNMS_E_PROVIDER_UNAVAILABLE,
    DLNMS_E_SELF_TEST,
    DLNMS_E_BUNDLE_MISSING,
    DLNMS_E_BUNDLE_MANIFEST,
    DLNMS_E_BUNDLE_VERSION,
    DLNMS_E_BUNDLE_ALTERED,
    DLNMS_E_BUNDLE_MODEL,
    DLNMS_E_BUNDLE_UNSIGNED,
    DLNMS_E_BUNDLE_SIGNATURE,
    DLNMS_E_BUNDLE_SIGNER,
    DLNMS_E_VOLUME_SHAPE,
    DLNMS_E_VOLUME_GEOMETRY,
    DLNMS_E_VOXEL_NOT_FINITE,
    DLNMS_E_NO_OVERLAP,
    DLNMS_E_VOXEL_RANGE,
    DLNMS_E_ROI_EMPTY,
    DLNMS_E_ROI_OUTSIDE,
    DLNMS_E_ROI_INVALID,
    DLNMS_E_SUV,
    DLNMS_E_NIFTI,
    DLNMS_E_NRRD,
    DLNMS_E_QUALITY,
    DLNMS_E_DICOM_READ,
    DLNMS_E_DICOM_NO_SERIES,
    DLNMS_E_DICOM_SERIES,
    DLNMS_E_DICOM_PIXELS,
    DLNMS_E_DICOM_WRITE,
    DLNMS_E_NOT_TRAINED,
    DLNMS_E_INTERNAL,
];

/// Static English text of a status code.
pub fn text(code: i32) -> &'static CStr {
    match code {
        DLNMS_OK => c"ok",
        DLNMS_E_NULL_ARGUMENT => c"a required pointer is NULL",
        DLNMS_E_STRUCT_SIZE => c"struct_size is wrong",
        DLNMS_E_INVALID_ARGUMENT => c"invalid argument",
        DLNMS_E_INVALID_HANDLE => c"invalid or freed handle",
        DLNMS_E_BUFFER_TOO_SMALL => c"buffer too small",
        DLNMS_E_UTF8 => c"string is not UTF-8",
        DLNMS_E_CANCELLED => c"cancelled",
        DLNMS_E_UNSUPPORTED => c"not supported",
        DLNMS_E_DEADLINE => c"deadline passed",
        DLNMS_E_QUEUE_FULL => c"queue full",
        DLNMS_E_OUT_OF_MEMORY => c"out of memory",
        DLNMS_E_RESOURCES => c"the system refused a thread or another resource",
        DLNMS_E_BUSY => c"the object is busy with an outer call",
        DLNMS_E_FORKED => {
            c"this process was forked from the one that loaded ONNX Runtime; exec, _exit or leave main"
        }
        DLNMS_E_AUDIT => c"audit log cannot be read or written",
        DLNMS_E_AUDIT_ALTERED => c"audit log was altered",
        DLNMS_E_RUNTIME_NOT_FOUND => c"ONNX Runtime not found",
        DLNMS_E_RUNTIME_NOT_A_LIBRARY => c"not an ONNX Runtime library",
        DLNMS_E_RUNTIME_VERSION => c"ONNX Runtime is too old",
        DLNMS_E_RUNTIME_CONFLICT => c"another ONNX Runtime is already loaded",
        DLNMS_E_RUNTIME => c"ONNX Runtime reported an error",
        DLNMS_E_RUNTIME_ALTERED => c"ONNX Runtime is not the expected file",
        DLNMS_E_PROVIDER_UNAVAILABLE => c"no execution provider of the policy can be used",
        DLNMS_E_SELF_TEST => c"self-test failed",
        DLNMS_E_BUNDLE_MISSING => c"bundle file missing or unreadable",
        DLNMS_E_BUNDLE_MANIFEST => c"bundle manifest malformed",
        DLNMS_E_BUNDLE_VERSION => c"bundle format version not supported",
        DLNMS_E_BUNDLE_ALTERED => c"bundle file altered",
        DLNMS_E_BUNDLE_MODEL => c"bundle model does not fit its manifest",
        DLNMS_E_BUNDLE_UNSIGNED => c"bundle is not signed",
        DLNMS_E_BUNDLE_SIGNATURE => c"bundle signature does not fit",
        DLNMS_E_BUNDLE_SIGNER => c"bundle is signed by another key",
        DLNMS_E_VOLUME_SHAPE => c"volume dimensions or strides invalid",
        DLNMS_E_VOLUME_GEOMETRY => c"volume geometry invalid",
        DLNMS_E_VOXEL_NOT_FINITE => c"voxel is NaN or infinite",
        DLNMS_E_VOXEL_RANGE => c"voxels are out of range",
        DLNMS_E_NO_OVERLAP => c"PET and CT do not overlap",
        DLNMS_E_ROI_EMPTY => c"ROI is empty",
        DLNMS_E_ROI_OUTSIDE => c"ROI is outside the volume",
        DLNMS_E_ROI_INVALID => c"ROI is invalid",
        DLNMS_E_SUV => c"SUV cannot be computed",
        DLNMS_E_NIFTI => c"NIfTI file cannot be used",
        DLNMS_E_NRRD => c"NRRD file cannot be used",
        DLNMS_E_QUALITY => c"refused by the quality policy",
        DLNMS_E_DICOM_READ => c"DICOM cannot be read",
        DLNMS_E_DICOM_NO_SERIES => c"no usable DICOM series",
        DLNMS_E_DICOM_SERIES => c"DICOM series is inconsistent",
        DLNMS_E_DICOM_PIXELS => c"DICOM pixel data cannot be decoded",
        DLNMS_E_DICOM_WRITE => c"result cannot be written as DICOM",
        DLNMS_E_NOT_TRAINED => c"weights are not trained on patients",
        DLNMS_E_INTERNAL => c"internal error",
        _ => c"unknown status code",
    }
}
