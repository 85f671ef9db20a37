/*
 * dlnms.h - DLNMS in your own process: PET/CT volumes and a tumour in, occult N1 and N2 scores out.
 *
 * RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.
 *
 * This file is the binary contract. It is generated from the library's sources (tests/it/header.rs); do not edit it.
 *
 * Conventions, which hold for every function:
 *
 *  - Names are dlnms_OBJECT_VERB and take the object first. What a _new or _open gives, the _free of the same object
 *    takes; _free(NULL) does nothing.
 *  - A call that can fail returns a dlnms_status (0 is success) and takes a last parameter `dlnms_error **err`, which
 *    may be NULL. On failure *err gets an error with a message, which you free; on success *err is not touched.
 *    A failed call leaves every other output untouched, but for a `needed` length.
 *  - Handles are not memory: one that was freed, or is of another kind, is DLNMS_E_INVALID_HANDLE, never a crash.
 *  - Structs begin with struct_size. Fill them with their _init function and sizeof, then set fields. The library
 *    reads no byte beyond struct_size and writes none, so programs built against an older header keep working.
 *  - Strings are UTF-8 and NUL-terminated. A `const char *` that you get lives as long as the object it came from.
 *  - Any function may be called from any thread at any time. Objects given as const may be used by many at once.
 *  - The library writes nothing to stdout or stderr, touches no signal handler and no environment variable, and keeps
 *    no thread of its own when idle but ONNX Runtime's sleeping pool. It makes no network connection.
 *  - Callbacks must not throw and must not longjmp. They may call the library; a call that would wait for the very call
 *    whose callback it comes from is DLNMS_E_BUSY.
 *  - A defect inside the library is DLNMS_E_INTERNAL, and the object it happened to answers with it from then on, in queued
 *    jobs too. What the system refuses for the moment, a thread or memory for a run, is DLNMS_E_RESOURCES: try again.
 *
 * Threads: a call uses at most as many as the `threads` of its options says, the calling one among them (0: the cores, four at
 * most), and those it makes end with it; ONNX Runtime's pool stays with its scorer, and a queue's workers with the queue. Where
 * the system refuses a thread, reading and measuring go on with fewer, and what cannot is DLNMS_E_RESOURCES and may be tried
 * again. Signals that a host handles may interrupt any call: it goes on.
 *
 * Stack: 128 KiB are enough for a calling thread. The library's own threads have 2 MiB, those of the network's pool 1 MiB,
 * that of dlnms_scorer_prepare() 8 MiB.
 *
 * Memory: what its size comes from a file or a struct is asked for before it is used, with 40 MiB to spare, and where that
 * is refused the call is DLNMS_E_OUT_OF_MEMORY and may be tried again. To load ONNX Runtime needs 100 MiB of address space.
 * A small allocation that the system refuses comes from a reserve of 8 MiB; calls then end with DLNMS_E_OUT_OF_MEMORY until
 * the system has 40 MiB again (in libraries that were built with the feature memory-reserve, as make dist does).
 * A limit on address space (RLIMIT_AS) is seen by this; one that ends the process when pages are touched (cgroups) cannot be.
 * Without a file descriptor, and beyond a limit on the size of files (RLIMIT_FSIZE), a call fails and no signal is raised.
 *
 * Fork: threads are not inherited. In a process that is forked from one that has loaded ONNX Runtime, every call answers
 * DLNMS_E_FORKED at once, every _free does nothing (what it would free leaks until the process ends), and no callback or
 * drop is called. Such a process may exec, _exit or return from main, and nothing else. A process that is forked earlier,
 * while no thread of its parent is within a call, may use the library and load ONNX Runtime as if it were the first.
 *
 * Geometry is DICOM's patient frame: LPS, millimetres. See dlnms.hpp for C++17.
 */

#ifndef DLNMS_H
#define DLNMS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ======================================================================================================== */
/* Status codes                                                                                             */
/* ======================================================================================================== */

// Success.
#define DLNMS_OK 0

// A required pointer is NULL.
#define DLNMS_E_NULL_ARGUMENT 1

// A struct's struct_size is wrong.
#define DLNMS_E_STRUCT_SIZE 2

// A value is unknown or out of range.
#define DLNMS_E_INVALID_ARGUMENT 3

// A handle is dead or of another kind.
#define DLNMS_E_INVALID_HANDLE 4

// The buffer is too small.
#define DLNMS_E_BUFFER_TOO_SMALL 5

// A string is not UTF-8.
#define DLNMS_E_UTF8 6

// The host cancelled.
#define DLNMS_E_CANCELLED 7

// Not part of this build.
#define DLNMS_E_UNSUPPORTED 8

// It took longer than the host allowed; it can be tried again.
#define DLNMS_E_DEADLINE 9

// As many jobs wait as the queue has room for; submit again later.
#define DLNMS_E_QUEUE_FULL 10

// Memory for a buffer could not be had; the message names the buffer and its size. It can be tried again.
#define DLNMS_E_OUT_OF_MEMORY 11

// The system refused a thread, a file descriptor or another resource. It can be tried again.
#define DLNMS_E_RESOURCES 12

// The object is busy with the call from whose callback this one comes.
#define DLNMS_E_BUSY 13

// This process was forked from the one that loaded ONNX Runtime.
#define DLNMS_E_FORKED 14

// ONNX Runtime was not found.
#define DLNMS_E_RUNTIME_NOT_FOUND 100

// The file is not ONNX Runtime.
#define DLNMS_E_RUNTIME_NOT_A_LIBRARY 101

// ONNX Runtime is too old.
#define DLNMS_E_RUNTIME_VERSION 102

// Another ONNX Runtime is loaded already.
#define DLNMS_E_RUNTIME_CONFLICT 103

// ONNX Runtime reported an error.
#define DLNMS_E_RUNTIME 104

// No execution provider can be used.
#define DLNMS_E_PROVIDER_UNAVAILABLE 110

// The self-test failed.
#define DLNMS_E_SELF_TEST 111

// A bundle file is missing.
#define DLNMS_E_BUNDLE_MISSING 200

// The manifest is malformed.
#define DLNMS_E_BUNDLE_MANIFEST 201

// The bundle has another format version.
#define DLNMS_E_BUNDLE_VERSION 202

// A bundle file was altered.
#define DLNMS_E_BUNDLE_ALTERED 203

// The graph does not fit the manifest.
#define DLNMS_E_BUNDLE_MODEL 204

// Impossible dimensions or strides.
#define DLNMS_E_VOLUME_SHAPE 300

// Impossible origin, spacing or direction.
#define DLNMS_E_VOLUME_GEOMETRY 301

// NaN or infinite voxels.
#define DLNMS_E_VOXEL_NOT_FINITE 303

// The voxels are so large that the network's output is not finite.
#define DLNMS_E_VOXEL_RANGE 305

// PET and CT share no space.
#define DLNMS_E_NO_OVERLAP 304

// Empty ROI.
#define DLNMS_E_ROI_EMPTY 310

// ROI outside a volume.
#define DLNMS_E_ROI_OUTSIDE 311

// Invalid ROI.
#define DLNMS_E_ROI_INVALID 312

// SUV refused.
#define DLNMS_E_SUV 320

// NIfTI file refused.
#define DLNMS_E_NIFTI 330

// NRRD file refused.
#define DLNMS_E_NRRD 331

// A quality check that the policy makes a refusal.
#define DLNMS_E_QUALITY 340

// DICOM file unreadable.
#define DLNMS_E_DICOM_READ 400

// No usable series.
#define DLNMS_E_DICOM_NO_SERIES 401

// Slices do not make one volume.
#define DLNMS_E_DICOM_SERIES 402

// Pixel data cannot be decoded.
#define DLNMS_E_DICOM_PIXELS 403

// A defect in this library.
#define DLNMS_E_INTERNAL 900

/* ======================================================================================================== */
/* Library                                                                                                  */
/* ======================================================================================================== */

// Version of this binary interface; libdlnms.so.N carries it as N. The library promises that a program built
// against a header of the same number works with every library of that number, newer or older in features.
#define DLNMS_ABI_VERSION 1

// The library's DLNMS_ABI_VERSION. Compare with the header's before anything else. Any thread.
uint32_t dlnms_abi_version(void);

// The library's version, for example "0.1.0": static text. Any thread.
const char *dlnms_version(void);

// Objects this process holds from this library and has not freed: 0 when nothing leaks, and in a forked process. For
// tests. Any thread.
size_t dlnms_live_objects(void);

/* ======================================================================================================== */
/* Errors                                                                                                   */
/* ======================================================================================================== */

// Why a call failed: a status and a message that names the field, file or value at fault.
// Messages hold nothing a patient could be known by. Free with dlnms_error_free().
typedef struct dlnms_error dlnms_error;

// Outcome of a call: 0 is success, everything else one of the DLNMS_E_ constants.
typedef int32_t dlnms_status;

// Static English text of a status code, never NULL. Any thread.
const char *dlnms_status_string(dlnms_status code);

// Status of an error; DLNMS_E_INVALID_HANDLE if error is NULL or freed; DLNMS_E_FORKED of any error in a forked process.
// Any thread.
dlnms_status dlnms_error_status(const dlnms_error *error);

// Message of an error with its causes, never NULL. It lives as long as the error. Any thread.
const char *dlnms_error_message(const dlnms_error *error);

// Free an error. NULL does nothing, and so does one that is freed already. Any thread.
void dlnms_error_free(dlnms_error *error);

/* ======================================================================================================== */
/* Logging                                                                                                  */
/* ======================================================================================================== */

// Something failed.
#define DLNMS_LOG_ERROR 1

// Something is unusual.
#define DLNMS_LOG_WARN 2

// What happens, once per object.
#define DLNMS_LOG_INFO 3

// For finding faults.
#define DLNMS_LOG_DEBUG 4

// Everything.
#define DLNMS_LOG_TRACE 5

// Where log lines go; fill with dlnms_logger_init(). Without a logger the library is silent: it never writes to
// stdout or stderr. Lines hold nothing a patient could be known by.
//
// callback gets a DLNMS_LOG_ level, a target such as "dlnms::runtime", the message and user_data; both texts
// live for the call alone. It may be called from any thread, several at once, and must not throw.
// drop, if not NULL, is called exactly once, after the last call of callback, when the logger is replaced.
typedef struct {
  // Set by dlnms_logger_init().
  uint32_t struct_size;
  // Most talkative level that is wanted, a DLNMS_LOG_ constant.
  uint32_t level;
  // Required.
  void (*callback)(uint32_t level, const char *target, const char *message, void *user_data);
  // Handed to both functions.
  void *user_data;
  // May be NULL.
  void (*drop)(void *user_data);
} dlnms_logger;

// Write defaults (level DLNMS_LOG_WARN) into logger; struct_size is sizeof(dlnms_logger) as the caller sees it.
// Any thread.
//
// Preconditions:
// logger is NULL or has struct_size writable bytes.
void dlnms_logger_init(dlnms_logger *logger,
                       uint32_t struct_size);

// Send log lines of the whole process to logger from now on; NULL makes the library silent again. The struct is
// copied. Any thread.
// Errors: DLNMS_E_STRUCT_SIZE, DLNMS_E_NULL_ARGUMENT (callback), DLNMS_E_INVALID_ARGUMENT (level).
//
// Preconditions:
// logger is NULL or points to an initialised struct; err is NULL or writable.
dlnms_status dlnms_logger_set(const dlnms_logger *logger,
                              dlnms_error **err);

// Send a line of the host to the logger, with target "dlnms::host": what a callback has to report and has no caller for.
// Without a logger, or above its level, nothing happens. Bytes that are not UTF-8 are replaced. Any thread.
// Errors: DLNMS_E_INVALID_ARGUMENT (level), DLNMS_E_NULL_ARGUMENT (message).
//
// Preconditions:
// message is a NUL-terminated string; err is NULL or writable.
dlnms_status dlnms_logger_write(uint32_t level,
                                const char *message,
                                dlnms_error **err);

/* ======================================================================================================== */
/* Progress                                                                                                 */
/* ======================================================================================================== */

// The model is found and verified, or another thread that prepares is waited for.
#define DLNMS_PHASE_LOAD 1

// First runs, which allocate.
#define DLNMS_PHASE_WARM_UP 2

// The bundle's test vectors are run and compared.
#define DLNMS_PHASE_SELF_TEST 3

// dlnms_scorer_prepare() is done.
#define DLNMS_PHASE_READY 4

// DICOM files are being decoded. Called from the library's decoding threads, one call at a time.
#define DLNMS_PHASE_DECODE 5

// ONNX Runtime builds the network for a provider; comes after LOAD, once for each attempt, and is repeated every 100 ms.
#define DLNMS_PHASE_BUILD 6

// Tells the host how far a long call is; fill with dlnms_progress_init().
//
// callback gets a DLNMS_PHASE_, the fraction of that phase that is done (0 to 1) and user_data; a return value
// that is not 0 cancels the call, which then fails with DLNMS_E_CANCELLED. It must not throw or longjmp.
// drop, if not NULL, is called exactly once with user_data before the call that took the struct returns,
// whether it succeeds or fails (but not if the struct itself is refused).
typedef struct {
  // Set by dlnms_progress_init().
  uint32_t struct_size;
  // 0.
  uint32_t reserved;
  // Required.
  int32_t (*callback)(uint32_t phase, float fraction, void *user_data);
  // Handed to both functions.
  void *user_data;
  // May be NULL.
  void (*drop)(void *user_data);
} dlnms_progress;

// Write defaults into progress; struct_size is sizeof(dlnms_progress) as the caller sees it. Any thread.
//
// Preconditions:
// progress is NULL or has struct_size writable bytes.
void dlnms_progress_init(dlnms_progress *progress, uint32_t struct_size);

/* ======================================================================================================== */
/* Cancelling                                                                                               */
/* ======================================================================================================== */

// Cancels calls that were given it; may be triggered from any thread, once and for good.
typedef struct dlnms_cancel dlnms_cancel;

// Make a cancel token. Free with dlnms_cancel_free(). Any thread.
//
// Preconditions:
// out is writable, err NULL or writable.
dlnms_status dlnms_cancel_new(dlnms_cancel **out, dlnms_error **err);

// Cancel every call that has this token, now or later; they fail with DLNMS_E_CANCELLED within 100 ms, also in the middle
// of a run of the network on the CPU. A GPU ends what it was given. NULL does nothing. Any thread.
void dlnms_cancel_trigger(const dlnms_cancel *cancel);

// Free a token. NULL does nothing. Calls in flight keep it. Any thread.
void dlnms_cancel_free(dlnms_cancel *cancel);

/* ======================================================================================================== */
/* Runtime: the process's ONNX Runtime                                                                      */
/* ======================================================================================================== */

// The process's ONNX Runtime. There is one for each process, loaded once and kept until the process ends, however
// many of these handles come and go.
typedef struct dlnms_runtime dlnms_runtime;

// How to find ONNX Runtime; fill with dlnms_runtime_options_init().
typedef struct {
  // Set by dlnms_runtime_options_init().
  uint32_t struct_size;
  // 0.
  uint32_t reserved;
  // libonnxruntime.so or the folder that holds it. NULL: the environment variable DLNMS_ONNXRUNTIME, and where it
  // is not set the folder of this library (of the program, if it is linked statically).
  const char *library_path;
} dlnms_runtime_options;

// Write defaults into options; struct_size is sizeof(dlnms_runtime_options) as the caller sees it. Any thread.
//
// Preconditions:
// options is NULL or has struct_size writable bytes.
void dlnms_runtime_options_init(dlnms_runtime_options *options,
                                uint32_t struct_size);

// Load ONNX Runtime (1.24 or later), or get a handle to the one that is loaded. Telemetry is off.
//
// options may be NULL. Free *out with dlnms_runtime_free(); the library itself stays. Any thread.
// Errors: DLNMS_E_RUNTIME_NOT_FOUND with the places searched, DLNMS_E_RUNTIME_NOT_A_LIBRARY,
// DLNMS_E_RUNTIME_VERSION, DLNMS_E_RUNTIME_CONFLICT if the process has another one.
//
// Preconditions:
// options is NULL or initialised; out is writable; err is NULL or writable.
dlnms_status dlnms_runtime_new(const dlnms_runtime_options *options, dlnms_runtime **out, dlnms_error **err);

// Version of the loaded ONNX Runtime, for example "1.32.0". Lives as long as the handle; NULL for a dead one.
// Any thread.
const char *dlnms_runtime_version(const dlnms_runtime *runtime);

// Absolute path of the loaded ONNX Runtime. Lives as long as the handle; NULL for a dead one. Any thread.
const char *dlnms_runtime_path(const dlnms_runtime *runtime);

// Free a handle. NULL does nothing. Scorers made with it go on working. Any thread.
void dlnms_runtime_free(dlnms_runtime *runtime);

/* ======================================================================================================== */
/* Volumes                                                                                                  */
/* ======================================================================================================== */

// Unsigned 8 bit.
#define DLNMS_DTYPE_U8 1

// Signed 16 bit.
#define DLNMS_DTYPE_I16 2

// Unsigned 16 bit.
#define DLNMS_DTYPE_U16 3

// Signed 32 bit.
#define DLNMS_DTYPE_I32 4

// IEEE half precision.
#define DLNMS_DTYPE_F16 5

// IEEE single precision.
#define DLNMS_DTYPE_F32 6

// IEEE double precision.
#define DLNMS_DTYPE_F64 7

// Voxels the host owns, with their place in the patient (ITK's conventions); fill with dlnms_volume_init().
//
// The library borrows the voxels for the call that gets the struct, reads only those near the tumour, and never
// copies the volume. Native byte order; any alignment; every byte between the first and the last voxel must be
// readable. The patient frame is DICOM's LPS in millimetres.
typedef struct {
  // Set by dlnms_volume_init().
  uint32_t struct_size;
  // A DLNMS_DTYPE_ constant.
  uint32_t dtype;
  // Voxel (0,0,0). Borrowed.
  const void *data;
  // Voxels along i, j, k; 1 to 65536 each.
  uint64_t dims[3];
  // Bytes from a voxel to the next along i, j, k; may be negative. All three 0: tightly packed, i fastest.
  int64_t strides[3];
  // Centre of voxel (0,0,0), LPS mm.
  double origin[3];
  // Millimetres between voxel centres along i, j, k.
  double spacing[3];
  // Row-major 3 x 3; column a is the LPS unit vector of index axis a. Orthonormal within 1e-4.
  double direction[9];
  // Physical value (HU, Bq/ml, SUV) = stored * rescale_slope + rescale_intercept.
  double rescale_slope;
  // See rescale_slope.
  double rescale_intercept;
  // dims[2] slopes that replace rescale_slope, one for each slice k, or NULL. Borrowed.
  const double *slice_slopes;
  // dims[2] distances in mm from slice 0, from 0 strictly increasing, where steps are uneven, or NULL. Borrowed.
  const double *slice_offsets;
  // 1: stored values from padding_first to padding_last are padding (DICOM PixelPaddingValue); 0: none are.
  uint32_t has_padding;
  // 0.
  uint32_t reserved;
  // See has_padding.
  double padding_first;
  // See has_padding.
  double padding_last;
} dlnms_volume;

// Write defaults (identity direction, spacing 1 mm, slope 1, packed) into volume; struct_size is
// sizeof(dlnms_volume) as the caller sees it. Any thread.
//
// Preconditions:
// volume is NULL or has struct_size writable bytes.
void dlnms_volume_init(dlnms_volume *volume, uint32_t struct_size);

/* ======================================================================================================== */
/* PET facts and SUV                                                                                        */
/* ======================================================================================================== */

// Bq/ml.
#define DLNMS_UNITS_BQML 1

// g/ml: SUV of the kind that suv_type names.
#define DLNMS_UNITS_GML 2

// cm2/ml: SUV by body surface area.
#define DLNMS_UNITS_CM2ML 3

// Counts: usable with Philips' private factors only.
#define DLNMS_UNITS_CNTS 4

// Anything else; SUV is refused.
#define DLNMS_UNITS_OTHER 5

// SUV by body weight; also when the attribute is absent.
#define DLNMS_SUV_BW 1

// SUV by lean body mass.
#define DLNMS_SUV_LBM 2

// SUV by lean body mass, James with factor 128.
#define DLNMS_SUV_LBMJAMES128 3

// SUV by lean body mass, Janmahasatian.
#define DLNMS_SUV_LBMJANMA 4

// SUV by ideal body weight.
#define DLNMS_SUV_IBW 5

// Decay Correction is missing; SUV from activity is refused.
#define DLNMS_DECAY_UNKNOWN 0

// To the start of the series.
#define DLNMS_DECAY_START 1

// To the administration.
#define DLNMS_DECAY_ADMIN 2

// None was made.
#define DLNMS_DECAY_NONE 3

// Patient's Sex is missing.
#define DLNMS_SEX_UNKNOWN 0

// Male.
#define DLNMS_SEX_MALE 1

// Female.
#define DLNMS_SEX_FEMALE 2

// Other.
#define DLNMS_SEX_OTHER 3

// A reader took a weight above 1000 for grams (finding DLNMS_QC_WEIGHT_UNIT_ASSUMED).
#define DLNMS_ASSUMED_WEIGHT_UNIT 1

// A reader took a dose below 10,000 Bq for megabecquerel (finding DLNMS_QC_DOSE_UNIT_ASSUMED).
#define DLNMS_ASSUMED_DOSE_UNIT 2

// A date-time had a zone and the other times had none (finding DLNMS_QC_TIME_ZONE_ASSUMED).
#define DLNMS_ASSUMED_TIME_ZONE 4

// What SUV needs to know of a PET series (DICOM PS3.3 C.8.9); fill with dlnms_pet_info_init().
//
// Numbers that the header does not give are NaN. Times are seconds on any one clock, the same for all fields, on
// which midnight is a multiple of 86400. No number is repaired: a weight above 1000 kg or a dose below 10,000 Bq is
// refused with DLNMS_E_SUV.
typedef struct {
  // Set by dlnms_pet_info_init().
  uint32_t struct_size;
  // A DLNMS_UNITS_ constant: Units (0054,1001).
  uint32_t units;
  // A DLNMS_SUV_ constant: SUV Type (0054,1006); read when units is DLNMS_UNITS_GML.
  uint32_t suv_type;
  // A DLNMS_DECAY_ constant: Decay Correction (0054,1102).
  uint32_t decay_correction;
  // 1 if Corrected Image (0028,0051) holds ATTN on every slice; 0 is refused.
  uint32_t attenuation_corrected;
  // A DLNMS_SEX_ constant; for SUV by lean or ideal mass alone.
  uint32_t sex;
  // 1 if the radionuclide is coded as F-18; then a missing half-life is known.
  uint32_t f18_coded;
  // DLNMS_ASSUMED_ bits, set by the readers of this library: what they assumed to arrive at these numbers. 0 for
  // numbers of the host's own.
  uint32_t assumptions;
  // Patient's Weight (0010,1030), kg.
  double weight_kg;
  // Patient's Size (0010,1020), m.
  double height_m;
  // Radionuclide Total Dose (0018,1074), Bq.
  double dose_bq;
  // Radionuclide Half Life (0018,1075), s.
  double half_life_s;
  // Radiopharmaceutical Start Date Time (0018,1078).
  double injection_time_s;
  // Radiopharmaceutical Start Time (0018,1072), s since midnight.
  double injection_time_of_day_s;
  // Series Date and Time (0008,0021) (0008,0031).
  double series_time_s;
  // GE private scan start (0009,xx0D), creator GEMS_PETD_01.
  double ge_scan_start_time_s;
  // Slices of the PET volume; the length of each array below that is not NULL.
  uint64_t n_slices;
  // Acquisition Date and Time of each slice, or NULL. Borrowed.
  const double *acquisition_time_s;
  // Frame Reference Time (0054,1300) of each slice in ms, or NULL. Borrowed.
  const double *frame_reference_time_ms;
  // Actual Frame Duration (0018,1242) of each slice in ms, or NULL. Borrowed.
  const double *frame_duration_ms;
  // Philips private SUV factor (7053,xx00) of each slice, or NULL. Borrowed.
  const double *philips_suv_factor;
  // Philips private activity factor (7053,xx09) of each slice, or NULL. Borrowed.
  const double *philips_activity_factor;
} dlnms_pet_info;

// Write defaults (everything unknown) into info; struct_size is sizeof(dlnms_pet_info) as the caller sees it.
// Any thread.
//
// Preconditions:
// info is NULL or has struct_size writable bytes.
void dlnms_pet_info_init(dlnms_pet_info *info,
                         uint32_t struct_size);

// SUVbw factor of each slice: SUVbw = physical value * factor.
//
// Writes up to capacity doubles to factors and their number to *needed (NULL allowed). With capacity 0 only
// the number is written. Nothing is kept. Any thread.
// Errors: DLNMS_E_SUV with the attribute at fault, DLNMS_E_BUFFER_TOO_SMALL (*needed is written all the same).
//
// Preconditions:
// The pointers keep the promises of their structs; factors has room for capacity doubles.
dlnms_status dlnms_pet_info_suv_factors(const dlnms_pet_info *info,
                                        double *factors,
                                        size_t capacity,
                                        size_t *needed,
                                        dlnms_error **err);

/* ======================================================================================================== */
/* Quality checks                                                                                           */
/* ======================================================================================================== */

// PET and CT belong to different patients.
#define DLNMS_QC_PATIENT_MISMATCH 1

// PET and CT belong to different studies.
#define DLNMS_QC_STUDY_MISMATCH 2

// PET and CT have different frames of reference.
#define DLNMS_QC_FRAME_OF_REFERENCE_MISMATCH 3

// The body's outline in PET lies more than 10 mm from that in CT, in the axial plane of the tumour.
#define DLNMS_QC_MISREGISTRATION 4

// Slices thicker, or farther apart, than 5 mm.
#define DLNMS_QC_SLICE_THICKNESS 5

// The ROI touches the border of the CT or PET.
#define DLNMS_QC_ROI_AT_BORDER 6

// The ROI is larger than the window that the network sees.
#define DLNMS_QC_ROI_EXCEEDS_WINDOW 7

// More than a quarter of a plane lies outside the volume or is padding.
#define DLNMS_QC_PLANE_PADDING 8

// Time from injection to scan outside 30 to 180 minutes.
#define DLNMS_QC_UPTAKE_TIME 9

// Injected dose outside 30 to 1200 MBq.
#define DLNMS_QC_DOSE 10

// Weight outside 20 to 300 kg.
#define DLNMS_QC_WEIGHT 11

// SUV around the tumour is not that of a body.
#define DLNMS_QC_SUV_IMPLAUSIBLE 12

// The tracer is not FDG.
#define DLNMS_QC_TRACER_NOT_FDG 13

// The images were compressed with loss.
#define DLNMS_QC_LOSSY_SOURCE 14

// The images are derived, not original.
#define DLNMS_QC_DERIVED_IMAGE 15

// Neither age nor birth date is known.
#define DLNMS_QC_AGE_MISSING 16

// Modality is not stated.
#define DLNMS_QC_MODALITY_MISSING 17

// The lesion that was cut out does not hold the seed, or lies more than 10 mm from the point.
#define DLNMS_QC_LESION_ELSEWHERE 18

// The reader took a weight above 1000 for grams.
#define DLNMS_QC_WEIGHT_UNIT_ASSUMED 19

// The reader took a dose below 10,000 Bq for megabecquerel.
#define DLNMS_QC_DOSE_UNIT_ASSUMED 20

// A date-time has a zone and the other times have none: their local parts were compared.
#define DLNMS_QC_TIME_ZONE_ASSUMED 21

// The half-life differs by more than 2 % from that of the tracer the host states.
#define DLNMS_QC_HALF_LIFE_MISMATCH 22

// PET values that are said to be SUV (no dlnms_pet_info, or units of SUV) look like activity in Bq/ml.
#define DLNMS_QC_PET_NOT_SUV 23

// The PET looks like a CT, and the CT like a PET.
#define DLNMS_QC_MODALITIES_SWAPPED 24

// The CT shows air within 10 mm of the centre, and not that of a cavity with walls.
#define DLNMS_QC_CENTER_IN_AIR 25

// The PET shows no uptake within 10 mm of the centre: a mean SUV below 0.05.
#define DLNMS_QC_CENTER_WITHOUT_UPTAKE 26

// The mean SUV of tissue is more than 100 times off.
#define DLNMS_QC_SUV_SCALE 27

// The factor to SUVbw of another normalisation lies outside its usual range: 0.5 to 2 for LBM and IBW, 1.9 to 7.6 for BSA.
#define DLNMS_QC_SUV_NORMALIZATION 28

// Contours of one plane overlap in part; they were joined.
#define DLNMS_QC_CONTOURS_OVERLAP 29

// The decay is counted to the earliest acquisition time, for want of a better reference time.
#define DLNMS_QC_REFERENCE_TIME_ASSUMED 30

// The CT's Rescale Type is "unspecified": its values were taken for HU.
#define DLNMS_QC_HOUNSFIELD_ASSUMED 31

// Good to know.
#define DLNMS_SEVERITY_INFO 1

// The scores may be off.
#define DLNMS_SEVERITY_WARNING 2

// The scores may belong to something else.
#define DLNMS_SEVERITY_CRITICAL 3

// Do not even look.
#define DLNMS_ACTION_IGNORE 1

// Report it with the scores.
#define DLNMS_ACTION_WARN 2

// No scores: the call fails with DLNMS_E_QUALITY, whose message names every finding that is refused.
#define DLNMS_ACTION_REFUSE 3

// A fact that nobody knows; dlnms_case_metadata_init() writes it. Negative, so that no boolean is taken for it.
#define DLNMS_TRISTATE_UNKNOWN -1

// No; equal to false of C and C++.
#define DLNMS_TRISTATE_NO 0

// Yes; equal to true of C and C++.
#define DLNMS_TRISTATE_YES 1

// What is done about findings; fill with dlnms_quality_policy_init().
typedef struct {
  // Set by dlnms_quality_policy_init().
  uint32_t struct_size;
  // DLNMS_ACTION_ for each DLNMS_QC_ code, which is the index; 0 is the default. Index 0 is not used.
  uint32_t actions[63];
} dlnms_quality_policy;

// What the host knows of a case beyond voxels and SUV; fill with dlnms_case_metadata_init(). dlnms_study_case() fills one.
typedef struct {
  // Set by dlnms_case_metadata_init().
  uint32_t struct_size;
  // PET and CT belong to one patient: DLNMS_TRISTATE_UNKNOWN, DLNMS_TRISTATE_NO or DLNMS_TRISTATE_YES, as the next nine; a comparison of the host
  // (a == b) can be assigned as it is.
  int32_t same_patient;
  // To one study.
  int32_t same_study;
  // To one frame of reference.
  int32_t same_frame_of_reference;
  // Either was compressed with loss.
  int32_t lossy;
  // Either is derived.
  int32_t derived;
  // The tracer is FDG.
  int32_t fdg;
  // Age or birth date is known.
  int32_t age_known;
  // Modality is stated on every image.
  int32_t modality_stated;
  // The CT's values are HU by its headers, not "unspecified".
  int32_t hounsfield_stated;
  // Contours of one plane overlap in part and were joined to make the mask: dlnms_roi_info.contours_overlap.
  int32_t contours_overlap;
  // 0.
  uint32_t reserved;
  // Slice thickness of the CT, mm; 0 if not known.
  double ct_slice_thickness_mm;
  // Slice thickness of the PET, mm; 0 if not known.
  double pet_slice_thickness_mm;
} dlnms_case_metadata;

// Write defaults into policy: different patients are refused, everything else is a warning. struct_size is
// sizeof(dlnms_quality_policy) as the caller sees it. Any thread.
//
// Preconditions:
// policy is NULL or has struct_size writable bytes.
void dlnms_quality_policy_init(dlnms_quality_policy *policy,
                               uint32_t struct_size);

// Write the strict policy into policy, for a host that shows no score rather than a doubtful one. struct_size is
// sizeof(dlnms_quality_policy) as the caller sees it. Any thread.
//
// Refused are all findings of DLNMS_SEVERITY_CRITICAL (PATIENT_MISMATCH, FRAME_OF_REFERENCE_MISMATCH, LESION_ELSEWHERE,
// HALF_LIFE_MISMATCH, PET_NOT_SUV, MODALITIES_SWAPPED, SUV_SCALE), and STUDY_MISMATCH, MISREGISTRATION, TRACER_NOT_FDG,
// SUV_IMPLAUSIBLE, SUV_NORMALIZATION, DOSE, WEIGHT, WEIGHT_UNIT_ASSUMED, DOSE_UNIT_ASSUMED, TIME_ZONE_ASSUMED,
// CENTER_IN_AIR and CENTER_WITHOUT_UPTAKE: after each of them the scores are probably those of something else than the
// tumour's SUV and HU. The others, which make right numbers less certain, stay warnings.
//
// Preconditions:
// policy is NULL or has struct_size writable bytes.
void dlnms_quality_policy_init_strict(dlnms_quality_policy *policy,
                                      uint32_t struct_size);

// Name of a DLNMS_QC_ code as it stands in the JSON, static text; NULL for an unknown one. Any thread.
const char *dlnms_quality_name(uint32_t code);

// Write DLNMS_TRISTATE_UNKNOWN and thicknesses of 0 into facts; struct_size is sizeof(dlnms_case_metadata) as the caller sees it. A
// struct that was only zeroed says DLNMS_TRISTATE_NO everywhere, and is refused for its two patients. Any thread.
//
// Preconditions:
// metadata is NULL or has struct_size writable bytes.
void dlnms_case_metadata_init(dlnms_case_metadata *metadata,
                              uint32_t struct_size);

/* ======================================================================================================== */
/* Cases: volumes and tumour together                                                                       */
/* ======================================================================================================== */

// A point: the centre itself.
#define DLNMS_ROI_POINT 1

// A box; its midpoint is the centre.
#define DLNMS_ROI_BOX 2

// A mask; the centroid of its voxels that are not 0 is the centre.
#define DLNMS_ROI_MASK 3

// A point in the tumour, from which a threshold cuts it out of the PET; that lesion's centroid is the centre. A lesion
// that does not hold the point is the finding DLNMS_QC_LESION_ELSEWHERE.
#define DLNMS_ROI_SEED 4

// threshold is a fraction of SUVmax: 0.41 is the usual one.
#define DLNMS_THRESHOLD_FRACTION 1

// threshold is an SUV.
#define DLNMS_THRESHOLD_SUV 2

// The tumour; fill with dlnms_roi_init().
typedef struct {
  // Set by dlnms_roi_init().
  uint32_t struct_size;
  // A DLNMS_ROI_ constant; says which of the fields below are read.
  uint32_t kind;
  // The point or seed, LPS mm.
  double point[3];
  // One corner of the box, LPS mm.
  double box_first[3];
  // The opposite corner, LPS mm.
  double box_last[3];
  // The mask, on any grid. Borrowed.
  const dlnms_volume *mask;
  // Of a seed: a DLNMS_THRESHOLD_ constant; 0 is 41 % of SUVmax.
  uint32_t threshold_kind;
  // 0.
  uint32_t reserved;
  // Of a seed: what the constant says it is.
  double threshold;
  // Of a seed: how far around it the lesion is looked for, mm; 0 is 40.
  double radius_mm;
} dlnms_roi;

// Everything about one tumour of one patient; fill with dlnms_case_init(). All pointers are borrowed for the call.
typedef struct {
  // Set by dlnms_case_init().
  uint32_t struct_size;
  // 0.
  uint32_t flags;
  // CT; physical values in HU.
  const dlnms_volume *ct;
  // PET.
  const dlnms_volume *pet;
  // What the PET values mean; NULL if they are SUVbw already.
  const dlnms_pet_info *pet_info;
  // The tumour.
  const dlnms_roi *roi;
  // What quality checks may know beyond the voxels; NULL if nothing.
  const dlnms_case_metadata *metadata;
  // Not 0: measure the lesion as well, for dlnms_result_lesion(). Adds to the time of the call.
  uint32_t measure_lesion;
  // How the lesion is cut out: a DLNMS_THRESHOLD_ constant; 0 is 41 % of SUVmax.
  uint32_t threshold_kind;
  // What the constant says it is.
  double threshold;
  // How far around a point the lesion is looked for, mm; 0 is 40. A mask or box says it by itself.
  double radius_mm;
  // Not 0: measure liver and blood pool as well, for dlnms_result_reference(), and look whether their SUV is
  // plausible. Looking for them on CT takes some 100 ms.
  uint32_t measure_references;
  // 0.
  uint32_t reserved;
  // Three coordinates, LPS mm: a point in the right lobe of the liver; NULL: looked for on CT.
  const double *liver_lps_mm;
  // Three coordinates, LPS mm: a point on the axis of the descending aorta; NULL: looked for on CT.
  const double *blood_pool_lps_mm;
} dlnms_case;

// Write defaults (a point that is NaN, so that forgetting it is an error) into roi; struct_size is
// sizeof(dlnms_roi) as the caller sees it. Any thread.
//
// Preconditions:
// roi is NULL or has struct_size writable bytes.
void dlnms_roi_init(dlnms_roi *roi, uint32_t struct_size);

// Write defaults (all NULL) into c; struct_size is sizeof(dlnms_case) as the caller sees it. Any thread.
//
// Preconditions:
// c is NULL or has struct_size writable bytes.
void dlnms_case_init(dlnms_case *c, uint32_t struct_size);

/* ======================================================================================================== */
/* Providers                                                                                                */
/* ======================================================================================================== */

// The processor; see DLNMS_KERNELS_.
#define DLNMS_PROVIDER_CPU 1

// NVIDIA CUDA.
#define DLNMS_PROVIDER_CUDA 2

// NVIDIA TensorRT.
#define DLNMS_PROVIDER_TENSORRT 3

// NVIDIA TensorRT for RTX.
#define DLNMS_PROVIDER_TENSORRT_RTX 4

// Intel OpenVINO, where its plugin lists a device. Never chosen by AUTO.
#define DLNMS_PROVIDER_OPENVINO 5

// Single precision.
#define DLNMS_PRECISION_FP32 1

// Half precision, of bundles that have such a model.
#define DLNMS_PRECISION_FP16 2

// Products of BF16 numbers, summed up in single precision, of bundles that allow it: on CPUs with AVX512-BF16, in little
// more than half of the time, and less exact (dlnms info tells by how much). Never chosen by itself.
#define DLNMS_PRECISION_BF16 3

// ONNX Runtime's kernels for the whole network, on any processor.
#define DLNMS_KERNELS_ONNXRUNTIME 1

// This library's for the backbones, on x86-64 processors with AVX-512: faster. One case keeps up to four threads busy.
#define DLNMS_KERNELS_DLNMS 2

// One provider of dlnms_scorer_options.providers; fill with dlnms_provider_options_init(). 0 and NULL leave a field to the
// scorer's options or to the provider.
typedef struct {
  // Set by dlnms_provider_options_init().
  uint32_t struct_size;
  // DLNMS_PROVIDER_ constant. Required.
  uint32_t provider;
  // DLNMS_PRECISION_ constant.
  uint32_t precision;
  // Index of the device.
  int32_t device;
  // Threads of ONNX Runtime's pool.
  uint32_t threads;
  // Not 0: record the GPU's kernels once and replay them.
  uint32_t cuda_graph;
  // Bytes of GPU memory for activations (CUDA).
  uint64_t memory_limit_bytes;
  // Bytes of GPU memory that a build may use (TensorRT, TensorRT for RTX).
  uint64_t workspace_bytes;
  // Folder of its cache.
  const char *cache_dir;
  // Library of a plugin provider or its folder.
  const char *plugin_path;
  // DLNMS_KERNELS_ constant, of the CPU alone. 0: this library's where the processor and the model allow and the self-test
  // passes, else ONNX Runtime's.
  uint32_t kernels;
  // Build a second engine for runs of exactly so many cases, 2 to 256, with weights of its own: for
  // dlnms_scorer_score_batch() on a GPU. What is left over runs as without. 0: none; then a run has one case on a GPU
  // and up to eight on the CPU.
  uint32_t batch;
} dlnms_provider_options;

// Write defaults into options; struct_size is sizeof(dlnms_provider_options) as the caller sees it. Any thread.
//
// Preconditions:
// options is NULL or has struct_size writable bytes.
void dlnms_provider_options_init(dlnms_provider_options *options,
                                 uint32_t struct_size);

/* ======================================================================================================== */
/* Evidence: what was measured beside the scores                                                            */
/* ======================================================================================================== */

// A sphere of 30 mm in the right lobe of the liver.
#define DLNMS_REFERENCE_LIVER 1

// A cylinder of 12 x 20 mm in the descending thoracic aorta.
#define DLNMS_REFERENCE_BLOOD_POOL 2

// The host stated the position of the region in dlnms_case.
#define DLNMS_PLACED_BY_HOST 1

// The library found the region on the CT.
#define DLNMS_PLACED_BY_LIBRARY 2

// A lesion measured, if dlnms_case.measure_lesion asked for it; set struct_size to sizeof(dlnms_lesion)
// (dlnms_lesion_init() does). Evidence beside the scores, no input of them.
typedef struct {
  // Set by dlnms_lesion_init().
  uint32_t struct_size;
  // Not 0: longest_mm and perpendicular_mm are there.
  uint32_t has_diameters;
  // PET voxels of the lesion.
  uint64_t voxels;
  // SUV of the hottest voxel.
  double suv_max;
  // Mean SUV.
  double suv_mean;
  // Highest mean SUV over a sphere of 1 cm3.
  double suv_peak;
  // Metabolic tumour volume, ml.
  double mtv_ml;
  // Total lesion glycolysis: mean SUV times volume.
  double tlg;
  // SUV that a voxel had to reach.
  double threshold;
  // Longest diameter in an axial CT slice, mm.
  double longest_mm;
  // Extent at right angles to it in the same slice, mm.
  double perpendicular_mm;
  // That slice.
  uint64_t ct_slice;
} dlnms_lesion;

// SUV over a reference region, if dlnms_case.measure_references asked for it; set struct_size to
// sizeof(dlnms_reference) (dlnms_reference_init() does). Evidence beside the scores, no input of them; where FDG does
// not look so, DLNMS_QC_SUV_IMPLAUSIBLE is among the findings.
typedef struct {
  // Set by dlnms_reference_init().
  uint32_t struct_size;
  // Who decided where the region is: a DLNMS_PLACED_BY_ constant.
  uint32_t placed_by;
  // Its centre, LPS mm.
  double center_lps_mm[3];
  // Mean SUVbw.
  double suv_mean;
  // Standard deviation of its voxels' SUVbw.
  double suv_sd;
  // PET voxels in it.
  uint64_t voxels;
} dlnms_reference;

// Zero lesion and set its struct_size to struct_size, which is sizeof(dlnms_lesion) as the caller sees it.
// Any thread.
//
// Preconditions:
// lesion is NULL or has struct_size writable bytes.
void dlnms_lesion_init(dlnms_lesion *lesion,
                       uint32_t struct_size);

// Zero reference and set its struct_size to struct_size, which is sizeof(dlnms_reference) as the caller sees it.
// Any thread.
//
// Preconditions:
// reference is NULL or has struct_size writable bytes.
void dlnms_reference_init(dlnms_reference *reference,
                          uint32_t struct_size);

/* ======================================================================================================== */
/* Results                                                                                                  */
/* ======================================================================================================== */

// The weights were not trained on patients (seeded, phantom): the scores mean nothing about one.
#define DLNMS_FLAG_NOT_TRAINED 1

// Set in every result: research use only, not for diagnosis.
#define DLNMS_FLAG_RESEARCH_USE_ONLY 2

// The call had to prepare the scorer first; see prepare_ns.
#define DLNMS_FLAG_PREPARED_IN_CALL 4

// The bundle has no cut-offs, hence no risk groups: risk_n1, risk_n2 and risk_combined are DLNMS_RISK_NONE.
#define DLNMS_FLAG_NO_CUTOFFS 8

// There is no risk group, because the bundle has no cut-offs.
#define DLNMS_RISK_NONE 0

// Score below its cut-off.
#define DLNMS_RISK_LOW 1

// Score at or above its cut-off.
#define DLNMS_RISK_HIGH 2

// Scores of one case and everything they rest on.
typedef struct dlnms_result dlnms_result;

// The numbers of a result; set struct_size to sizeof(dlnms_scores) (dlnms_scores_init() does) and call
// dlnms_result_scores(). The times of the phases sum to total_ns exactly.
typedef struct {
  // Set by dlnms_scores_init().
  uint32_t struct_size;
  // DLNMS_FLAG_ bits.
  uint32_t flags;
  // Score of occult N1 metastasis, 0 to 1.
  float n1;
  // Score of occult N2 metastasis, 0 to 1.
  float n2;
  // DLNMS_RISK_ of n1.
  uint32_t risk_n1;
  // DLNMS_RISK_ of n2.
  uint32_t risk_n2;
  // DLNMS_RISK_HIGH if either is, DLNMS_RISK_NONE if they are that.
  uint32_t risk_combined;
  // DLNMS_PROVIDER_ that ran the network.
  uint32_t provider;
  // Cut-off of n1; NaN if the bundle has none.
  double cutoff_n1;
  // Cut-off of n2; NaN if the bundle has none.
  double cutoff_n2;
  // Centre used, LPS mm.
  double center_lps_mm[3];
  // SUVbw factor of the first slice; 1 if the host gave SUVbw.
  double suv_factor;
  // Seconds of decay that were undone; 0 if none.
  double decay_time_s;
  // Implicit prepare.
  uint64_t prepare_ns;
  // Overlap, centre, SUV factors, planes: what the network's input needs.
  uint64_t preprocess_ns;
  // What is measured beside the scores: quality checks, and the lesion and the reference regions if the case asks for them.
  uint64_t evidence_ns;
  // The network.
  uint64_t infer_ns;
  // Risk groups and result.
  uint64_t finish_ns;
  // Their sum.
  uint64_t total_ns;
  // DLNMS_PRECISION_ of the model that ran.
  uint32_t precision;
  // DLNMS_KERNELS_ that computed the backbones.
  uint32_t kernels;
} dlnms_scores;

// Zero scores and set its struct_size to struct_size, which is sizeof(dlnms_scores) as the caller sees it.
// Any thread.
//
// Preconditions:
// scores is NULL or has struct_size writable bytes.
void dlnms_scores_init(dlnms_scores *scores,
                       uint32_t struct_size);

// Copy the numbers of a result. Any thread. Errors: DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
//
// Preconditions:
// out is initialised; err is NULL or writable.
dlnms_status dlnms_result_scores(const dlnms_result *result, dlnms_scores *out, dlnms_error **err);

// How many heads the network has: n1, n2 and their auxiliary readings (n1_pet, n1_ct ...). 0 for a dead handle.
// Any thread.
size_t dlnms_result_head_count(const dlnms_result *result);

// Name and score of one head. *name lives as long as the result; name or score may be NULL. Any thread.
// Errors: DLNMS_E_INVALID_ARGUMENT (index).
//
// Preconditions:
// name, score and err are NULL or writable.
dlnms_status dlnms_result_head(const dlnms_result *result,
                               size_t index,
                               const char **name,
                               float *score,
                               dlnms_error **err);

// How many findings the quality checks made; those that the policy ignores are not among them. 0 for a dead handle.
// Any thread.
size_t dlnms_result_finding_count(const dlnms_result *result);

// One finding: a DLNMS_QC_ code, a DLNMS_SEVERITY_ and a sentence, which lives as long as the result; each output may
// be NULL. Any thread. Errors: DLNMS_E_INVALID_ARGUMENT (index).
//
// Preconditions:
// code, severity, message and err are NULL or writable.
dlnms_status dlnms_result_finding(const dlnms_result *result,
                                  size_t index,
                                  uint32_t *code,
                                  uint32_t *severity,
                                  const char **message,
                                  dlnms_error **err);

// Copy the lesion's measures. Any thread.
// Errors: DLNMS_E_INVALID_ARGUMENT if the case did not ask for them, DLNMS_E_ROI_INVALID with the reason if there is
// nothing to measure, DLNMS_E_STRUCT_SIZE.
//
// Preconditions:
// out is initialised; err is NULL or writable.
dlnms_status dlnms_result_lesion(const dlnms_result *result,
                                 dlnms_lesion *out,
                                 dlnms_error **err);

// Copy a reference; which is a DLNMS_REFERENCE_ constant. Any thread.
// Errors: DLNMS_E_INVALID_ARGUMENT if the case did not ask for them or which is none, DLNMS_E_ROI_INVALID with the
// reason if it was not found or is not covered, DLNMS_E_STRUCT_SIZE.
//
// Preconditions:
// out is initialised; err is NULL or writable.
dlnms_status dlnms_result_reference(const dlnms_result *result,
                                    uint32_t which,
                                    dlnms_reference *out,
                                    dlnms_error **err);

// SHA-256 of the manifest.json of the bundle that computed the result, 64 lower-case hexadecimal digits: it stands for
// every file of the bundle, cut-offs and preprocessing included; see dlnms_scorer_options.expected_manifest_sha256.
// Lives as long as the result; NULL for a dead handle. Any thread.
const char *dlnms_result_manifest_sha256(const dlnms_result *result);

// The whole result with its provenance as JSON (schema_version 1: keys are only ever added).
//
// Writes text with its NUL to buffer and its length with the NUL to *needed (NULL allowed); with capacity 0
// only the length. Any thread. Errors: DLNMS_E_BUFFER_TOO_SMALL.
//
// Preconditions:
// buffer has room for capacity bytes; needed and err are NULL or writable.
dlnms_status dlnms_result_json(const dlnms_result *result,
                               char *buffer,
                               size_t capacity,
                               size_t *needed,
                               dlnms_error **err);

// Free a result. NULL does nothing. Any thread.
void dlnms_result_free(dlnms_result *result);

/* ======================================================================================================== */
/* Scorer                                                                                                   */
/* ======================================================================================================== */

// Cases that one batch may have.
#define DLNMS_MAX_BATCH 4096

// A bundle with a runtime. Share one among all threads of the host.
typedef struct dlnms_scorer dlnms_scorer;

// How a scorer works; fill with dlnms_scorer_options_init().
typedef struct {
  // Set by dlnms_scorer_options_init().
  uint32_t struct_size;
  // Threads of a call, the calling one among them: of the network, of a batch's planes and of reference regions; 0 is
  // min(4, cores). They sleep when idle; see spin.
  uint32_t threads;
  // Folder of the model bundle. Required.
  const char *bundle_dir;
  // Providers in order of preference: an array of n_providers pointers to initialised structs. The first that works
  // is used; one alone is strict: it runs or the call fails. NULL: AUTO. Copied.
  const dlnms_provider_options *const *providers;
  // Number of pointers in providers, at most 16; 0 with NULL: AUTO, which is TensorRT, TensorRT for RTX, CUDA, CPU.
  uint32_t n_providers;
  // Index of the GPU that AUTO uses. Must be 0 where providers is not NULL: each of them has a device of its own.
  int32_t device;
  // What is done about findings of the quality checks; NULL for the defaults. Copied.
  const dlnms_quality_policy *quality;
  // Folder where providers keep what they made of the model, for a faster next start; made if it is not there; may be
  // shared by processes. NULL keeps nothing. DLNMS_KERNELS_DLNMS need none: they start about as fast without. Copied.
  const char *cache_dir;
  // Library of a plugin provider (TensorRT for RTX, OpenVINO) or its folder; NULL: DLNMS_TENSORRT_RTX or DLNMS_OPENVINO
  // in the environment, else beside this library, else beside ONNX Runtime. Copied.
  const char *plugin_path;
  // How long dlnms_scorer_prepare() may take, milliseconds; 0: as long as it takes.
  uint32_t prepare_timeout_ms;
  // DLNMS_PRECISION_ of every provider that does not state its own; 0: FP16 on a GPU where the bundle has it and the
  // self-test passes, else FP32.
  uint32_t precision;
  // Not 0: the pool's threads spin between the operators of a run, and some milliseconds after it, instead of sleeping:
  // some hundredths faster on the CPU, a tenth with ONNX Runtime's kernels, at the price of the cores for whoever else wants them.
  uint32_t spin;
  // Must be 0.
  uint32_t reserved;
  // SHA-256 of the bundle's manifest.json, 64 hexadecimal digits, as a result's JSON and dlnms info show it: the bundle
  // must be this one to the last byte of every file. NULL: any. Copied.
  const char *expected_manifest_sha256;
} dlnms_scorer_options;

// Write defaults (AUTO, default threads) into options; struct_size is sizeof(dlnms_scorer_options) as the
// caller sees it. Any thread.
//
// Preconditions:
// options is NULL or has struct_size writable bytes.
void dlnms_scorer_options_init(dlnms_scorer_options *options, uint32_t struct_size);

// Open a bundle: read and check its manifest and test vectors. The model file is verified when it is read, and the network
// built, by dlnms_scorer_prepare().
//
// options is copied. Free *out with dlnms_scorer_free(). Any thread.
// Errors: DLNMS_E_BUNDLE_MISSING, _MANIFEST, _VERSION, _ALTERED (test vectors, or a manifest that is not the expected one)
// with the file or field;
// DLNMS_E_INVALID_ARGUMENT.
//
// Preconditions:
// options is initialised; out is writable; err is NULL or writable.
dlnms_status dlnms_scorer_new(const dlnms_runtime *runtime,
                              const dlnms_scorer_options *options,
                              dlnms_scorer **out,
                              dlnms_error **err);

// Do all slow work now: build the network for a provider, warm it up, and compare its answers with the bundle's
// test vectors. Does nothing if it was done. dlnms_scorer_score() does it implicitly, and says so.
//
// progress and cancel may be NULL; progress is called from the calling thread, at each step and every 100 ms, while
// threads that end with the call do the work. Cancelling and the timeout of the options stop ONNX Runtime where it
// looks: between the parts of loading a model and the nodes of a run, not within the compiler of a GPU. Any thread.
// Errors: DLNMS_E_PROVIDER_UNAVAILABLE with the reason of each provider, DLNMS_E_SELF_TEST, DLNMS_E_BUNDLE_MODEL, _MISSING,
// _ALTERED, DLNMS_E_CANCELLED, DLNMS_E_DEADLINE, DLNMS_E_RESOURCES (the system refuses a thread), DLNMS_E_BUSY (a call from
// progress of the same scorer, dlnms_scorer_score() and its kin too); the scorer can be prepared again.
//
// Preconditions:
// progress is NULL or initialised; err is NULL or writable.
dlnms_status dlnms_scorer_prepare(const dlnms_scorer *scorer,
                                  const dlnms_progress *progress,
                                  const dlnms_cancel *cancel,
                                  dlnms_error **err);

// Score one case. Voxels are read in place during the call; nothing of the case is kept.
//
// cancel may be NULL. Free *out with dlnms_result_free(). Any thread, any number at once.
// Errors: those of dlnms_scorer_prepare(); DLNMS_E_VOLUME_SHAPE, _GEOMETRY, DLNMS_E_VOXEL_NOT_FINITE,
// DLNMS_E_NO_OVERLAP, DLNMS_E_ROI_EMPTY, _OUTSIDE, _INVALID, DLNMS_E_SUV, each with the field at fault; DLNMS_E_VOXEL_RANGE if
// the network's output for this case is no probability while its provider answers the self-test, and so stays.
//
// Preconditions:
// c is initialised and its pointers keep their promises during the call; out is writable; err is NULL or
// writable.
dlnms_status dlnms_scorer_score(const dlnms_scorer *scorer,
                                const dlnms_case *c,
                                const dlnms_cancel *cancel,
                                dlnms_result **out,
                                dlnms_error **err);

// Score many cases - all lesions of a patient, all patients of a list -, planes on all cores, several cases in
// one run of the network. Each has an
// outcome of its own, the same to the bit as from dlnms_scorer_score(): a result in results, or NULL there and an
// error in errors, which may be NULL if the reasons are not wanted. The call itself fails only if nothing was scored:
// then no entry is written. Threads are made for the length of the call. Free results and errors one by one.
//
// cancel may be NULL; cases not begun when it is triggered get DLNMS_E_CANCELLED. Any thread.
// Errors: DLNMS_E_INVALID_ARGUMENT (n above DLNMS_MAX_BATCH), those of dlnms_scorer_prepare().
//
// Preconditions:
// cases holds n pointers (NULL allowed for none) as for dlnms_scorer_score(); results has room for n pointers; errors is NULL or has;
// err is NULL or writable.
dlnms_status dlnms_scorer_score_batch(const dlnms_scorer *scorer,
                                      const dlnms_case *const *cases,
                                      size_t n,
                                      const dlnms_cancel *cancel,
                                      dlnms_result **results,
                                      dlnms_error **errors,
                                      dlnms_error **err);

// The tensors the network would see for a case: channels x rows x columns of normalised values, axial, coronal and
// sagittal in a bundle of the default preprocessing. Needs no prepare.
//
// pet and ct have room for capacity floats each; their number goes to *needed (NULL allowed). With capacity
// 0 only the number is written. Any thread. Errors: those of dlnms_scorer_score(); DLNMS_E_BUFFER_TOO_SMALL.
//
// Preconditions:
// As for dlnms_scorer_score(); pet and ct have room for capacity floats and do not overlap.
dlnms_status dlnms_scorer_planes(const dlnms_scorer *scorer,
                                 const dlnms_case *c,
                                 float *pet,
                                 float *ct,
                                 size_t capacity,
                                 size_t *needed,
                                 dlnms_error **err);

// The scorer as JSON: model, cut-offs, preprocessing, runtime, provider and why others were passed over.
//
// Writes text with its NUL to buffer and its length with the NUL to *needed (NULL allowed); with capacity 0
// only the length. Any thread. Errors: DLNMS_E_BUFFER_TOO_SMALL.
//
// Preconditions:
// buffer has room for capacity bytes; needed and err are NULL or writable.
dlnms_status dlnms_scorer_info_json(const dlnms_scorer *scorer,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *needed,
                                    dlnms_error **err);

// Free a scorer. NULL does nothing. Calls in flight on other threads end first, then its memory goes.
void dlnms_scorer_free(dlnms_scorer *scorer);

/* ======================================================================================================== */
/* Queue: scores without waiting                                                                            */
/* ======================================================================================================== */

// The job waits for a thread.
#define DLNMS_JOB_WAITING 1

// It is being scored.
#define DLNMS_JOB_RUNNING 2

// Its outcome is there.
#define DLNMS_JOB_DONE 3

// A case that was submitted.
typedef struct dlnms_job dlnms_job;

// Scores cases with threads of its own, for hosts whose threads must not wait.
typedef struct dlnms_queue dlnms_queue;

// How a queue works; fill with dlnms_queue_options_init().
typedef struct {
  // Set by dlnms_queue_options_init().
  uint32_t struct_size;
  // Jobs that may wait; 0 is 64.
  uint32_t capacity;
  // Threads, each with a case; they sleep when there is none. 0 is 2: one prepares planes while the other runs the
  // network, which has the threads of the scorer besides.
  uint32_t workers;
  // 0.
  uint32_t reserved;
} dlnms_queue_options;

// Hears that a job is done; fill with dlnms_completion_init().
//
// callback gets the job and user_data, from a thread of the queue, once, after the outcome is there and even if the
// job was cancelled. It may take the result, free the job, submit others and free the queue; it must not throw or longjmp.
// drop, if not NULL, is called exactly once with user_data when the library needs it no more.
typedef struct {
  // Set by dlnms_completion_init().
  uint32_t struct_size;
  // 0.
  uint32_t reserved;
  // Required.
  void (*callback)(dlnms_job *job, void *user_data);
  // Handed to both functions.
  void *user_data;
  // May be NULL.
  void (*drop)(void *user_data);
} dlnms_completion;

// Write defaults into options; struct_size is sizeof(dlnms_queue_options) as the caller sees it. Any thread.
//
// Preconditions:
// options is NULL or has struct_size writable bytes.
void dlnms_queue_options_init(dlnms_queue_options *options,
                              uint32_t struct_size);

// Write defaults into completion; struct_size is sizeof(dlnms_completion) as the caller sees it. Any thread.
//
// Preconditions:
// completion is NULL or has struct_size writable bytes.
void dlnms_completion_init(dlnms_completion *completion,
                           uint32_t struct_size);

// Make a queue in front of a scorer, which it keeps. NULL options are the defaults. Free with dlnms_queue_free().
// Any thread. Errors: DLNMS_E_INVALID_ARGUMENT (capacity, workers), DLNMS_E_RESOURCES (the system refuses a thread; where it
// refuses some of them, the queue has fewer).
//
// Preconditions:
// options is NULL or initialised; out is writable; err is NULL or writable.
dlnms_status dlnms_queue_new(const dlnms_scorer *scorer,
                             const dlnms_queue_options *options,
                             dlnms_queue **out,
                             dlnms_error **err);

// Submit a case and return at once. The structs that c leads to are read now; voxels, masks and arrays are read later
// and must stay unchanged until the job is done. Free *out with dlnms_job_free(). done may be NULL.
//
// Any thread. Errors: DLNMS_E_QUEUE_FULL when as many jobs wait as the queue has room for; those of
// dlnms_scorer_score() that can be seen without voxels. After an error nothing was submitted, and done's drop was
// called if its struct was accepted.
//
// Preconditions:
// c is as for dlnms_scorer_score(), with voxels and arrays alive until the job is done; done is NULL or initialised;
// out is writable; err is NULL or writable.
dlnms_status dlnms_queue_submit(const dlnms_queue *queue,
                                const dlnms_case *c,
                                const dlnms_completion *done,
                                dlnms_job **out,
                                dlnms_error **err);

// Jobs that wait for a thread. 0 for a dead handle. Any thread.
size_t dlnms_queue_waiting(const dlnms_queue *queue);

// Free a queue: jobs that wait are cancelled, those that run go on to their end, and the call returns when every job is
// done and every thread has ended. Where it cannot wait for them - in a callback of a job of the same queue, and in the
// progress callback of the scorer's prepare - they are done some time after that callback returns: their callbacks say
// when, and until then they need their voxels. NULL does nothing. Any thread.
void dlnms_queue_free(dlnms_queue *queue);

// Where a job is: a DLNMS_JOB_ constant; 0 for a dead handle. Never waits. Any thread.
uint32_t dlnms_job_poll(const dlnms_job *job);

// Wait until a job is done, timeout_ms milliseconds at most; UINT32_MAX: as long as it takes. Any thread.
// Errors: DLNMS_E_DEADLINE if it is not done by then; DLNMS_E_BUSY at once for a job that is not done, in a callback of a job
// of the same queue and in the progress callback of the scorer's prepare, for which it may be waiting itself.
//
// Preconditions:
// err is NULL or writable.
dlnms_status dlnms_job_wait(const dlnms_job *job,
                            uint32_t timeout_ms,
                            dlnms_error **err);

// Take the outcome of a job that is done: its result, or the error that dlnms_scorer_score() would have given. Once;
// free the result with dlnms_result_free(). Any thread.
// Errors: DLNMS_E_INVALID_ARGUMENT if it is not done or the outcome was taken; those of the job.
//
// Preconditions:
// out is writable; err is NULL or writable.
dlnms_status dlnms_job_result(const dlnms_job *job,
                              dlnms_result **out,
                              dlnms_error **err);

// Cancel a job: one that waits is done with DLNMS_E_CANCELLED when its turn comes, one that runs at its next check.
// NULL does nothing. Any thread.
void dlnms_job_cancel(const dlnms_job *job);

// Free a job. One that is not done goes on and still needs its voxels; nobody gets its outcome but the callback hears
// of it, with a handle that is freed. NULL does nothing. Any thread.
void dlnms_job_free(dlnms_job *job);

/* ======================================================================================================== */
/* Studies: DICOM folders and buffers                                                                       */
/* ======================================================================================================== */

// The CT.
#define DLNMS_MODALITY_CT 1

// The PET.
#define DLNMS_MODALITY_PET 2

// A PET/CT study read from DICOM: its series and ROIs, and once loaded one CT and one PET volume, decoded, with what
// SUV needs.
typedef struct dlnms_study dlnms_study;

// Limits of reading; fill with dlnms_read_options_init(). NULL instead of the struct means its defaults.
typedef struct {
  // Set by dlnms_read_options_init().
  uint32_t struct_size;
  // Threads that read headers and decode slices, the calling one among them; 0: the processor's cores, at most four.
  uint32_t threads;
  // Bytes that the decoded CT and PET of a study and the ROI masks that it hands out may take together, and that a
  // volume file may take; 0: 8 GiB. What needs more is refused before anything is allocated for it.
  uint64_t max_study_bytes;
  // 1: messages, warnings and JSON may hold names of files inside folders. Else such a file is called by its
  // number among all files that were given, sorted by the bytes of their paths, from 1: "file 17" is line 17 of
  // find -L FOLDER -type f | LC_ALL=C sort. Folders and files are often named after patients. What the host named
  // itself is called by its name, without its folder.
  uint32_t verbose_names;
  // 0.
  uint32_t reserved;
} dlnms_read_options;

// Which series to load; fill with dlnms_series_choice_init().
typedef struct {
  // Set by dlnms_series_choice_init().
  uint32_t struct_size;
  // 0.
  uint32_t reserved;
  // Series Instance UID of the CT; NULL leaves it to the rule.
  const char *ct_series;
  // Series Instance UID of the PET; NULL leaves it to the rule.
  const char *pet_series;
} dlnms_series_choice;

// Write defaults into options; struct_size is sizeof(dlnms_read_options) as the caller sees it. Any thread.
//
// Preconditions:
// options is NULL or has struct_size writable bytes.
void dlnms_read_options_init(dlnms_read_options *options,
                             uint32_t struct_size);

// Read the headers of DICOM files and folders (searched recursively), without decoding a pixel.
//
// List what was found with dlnms_study_series() and dlnms_study_roi(), then dlnms_study_load(), for which the options
// hold as well. options and cancel may be NULL; the call ends within 100 ms after it is cancelled.
// Free *out with dlnms_study_free(). Any thread.
// Errors: DLNMS_E_DICOM_READ, DLNMS_E_CANCELLED, DLNMS_E_OUT_OF_MEMORY, DLNMS_E_RESOURCES (too many open files).
//
// Preconditions:
// paths holds n_paths NUL-terminated UTF-8 strings; options is NULL or initialised; out is writable; err is
// NULL or writable.
dlnms_status dlnms_study_scan(const char *const *paths,
                              size_t n_paths,
                              const dlnms_read_options *options,
                              const dlnms_cancel *cancel,
                              dlnms_study **out,
                              dlnms_error **err);

// As dlnms_study_scan() for DICOM files that are in memory, each buffer one file with or without preamble. They are
// copied and may be freed after the call. Messages call them "buffer 0", "buffer 1" ... Any thread.
//
// Preconditions:
// buffers holds n_buffers pointers to as many bytes as the entry of sizes says; options is NULL or
// initialised; out is writable; err is NULL or writable.
dlnms_status dlnms_study_scan_buffers(const uint8_t *const *buffers,
                                      const size_t *sizes,
                                      size_t n_buffers,
                                      const dlnms_read_options *options,
                                      const dlnms_cancel *cancel,
                                      dlnms_study **out,
                                      dlnms_error **err);

// Write defaults (both by rule) into choice; struct_size is sizeof(dlnms_series_choice) as the caller sees it.
// Any thread.
//
// Preconditions:
// choice is NULL or has struct_size writable bytes.
void dlnms_series_choice_init(dlnms_series_choice *choice,
                              uint32_t struct_size);

// Decode the CT and the PET of a scanned study. Once per study.
//
// By rule, the CT is not a localizer and in HU, the PET is attenuation corrected and convertible to SUV, both are complete
// and regular, and they share a frame of reference, or a study where either states none. Of such pairs the one is taken
// of which both series have the most voxels; where two are equally good, the call fails and lists their UIDs. A UID in
// choice leaves one candidate; two of them take any pair, whose mismatch is a finding; the checks of a series remain.
//
// Decoding uses as many threads as the scan's options say. choice may be NULL; progress (phase DLNMS_PHASE_DECODE;
// called from the decoding threads, one call at a time) and cancel may be NULL. The call ends within 100 ms after it
// is cancelled; a codec that cannot be interrupted may go on in the background for the slice that it is at. Any thread.
// Errors: DLNMS_E_DICOM_NO_SERIES, _SERIES, _PIXELS, DLNMS_E_SUV, DLNMS_E_CANCELLED, DLNMS_E_OUT_OF_MEMORY,
// DLNMS_E_RESOURCES, DLNMS_E_INVALID_ARGUMENT if the study is loaded already or needs more than max_study_bytes.
//
// Preconditions:
// choice and progress are NULL or initialised; err is NULL or writable.
dlnms_status dlnms_study_load(const dlnms_study *study,
                              const dlnms_series_choice *choice,
                              const dlnms_progress *progress,
                              const dlnms_cancel *cancel,
                              dlnms_error **err);

// dlnms_study_scan() and dlnms_study_load() in one call.
//
// options, choice, progress (phase DLNMS_PHASE_DECODE; called from the decoding threads, one call at a time) and
// cancel may be NULL. Free *out with dlnms_study_free(). Any thread. Errors: as of the two.
//
// Preconditions:
// paths holds n_paths NUL-terminated UTF-8 strings; options, choice and progress are NULL or initialised;
// out is writable; err is NULL or writable.
dlnms_status dlnms_study_open(const char *const *paths,
                              size_t n_paths,
                              const dlnms_read_options *options,
                              const dlnms_series_choice *choice,
                              const dlnms_progress *progress,
                              const dlnms_cancel *cancel,
                              dlnms_study **out,
                              dlnms_error **err);

// Free a study and its volumes. NULL does nothing. Any thread.
void dlnms_study_free(dlnms_study *study);

/* ======================================================================================================== */
/* Studies: what a score takes from them                                                                    */
/* ======================================================================================================== */

// Describe a volume of a loaded study. The pointers in *out live as long as the study. Any thread.
// Errors: DLNMS_E_INVALID_ARGUMENT (modality; not loaded), DLNMS_E_STRUCT_SIZE.
//
// Preconditions:
// out is initialised; err is NULL or writable.
dlnms_status dlnms_study_volume(const dlnms_study *study,
                                uint32_t modality,
                                dlnms_volume *out,
                                dlnms_error **err);

// What SUV needs of a loaded study's PET. The pointers in *out live as long as the study. Any thread.
// Errors: DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_ARGUMENT (not loaded).
//
// Preconditions:
// out is initialised; err is NULL or writable.
dlnms_status dlnms_study_pet_info(const dlnms_study *study, dlnms_pet_info *out, dlnms_error **err);

// Put a case together from a loaded study: its volumes, PET facts and quality facts, and the host's ROI. The pointers
// in *out live as long as the study, but for roi, which stays the host's. A mask of dlnms_study_roi_mask() brings what
// is known of its contours into the facts. roi may be NULL, for the host to set it later. Any thread.
// Errors: DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_ARGUMENT (not loaded), DLNMS_E_ROI_INVALID if the mask's frame of reference is
// not that of the study.
//
// Preconditions:
// roi is NULL or initialised, its mask too if it is one; out is initialised; err is NULL or writable.
dlnms_status dlnms_study_case(const dlnms_study *study,
                              const dlnms_roi *roi,
                              dlnms_case *out,
                              dlnms_error **err);

// How many notes there are on a loaded study's series: what was passed over, what is unusual. 0 for a dead handle. Any
// thread.
size_t dlnms_study_warning_count(const dlnms_study *study);

// One note; NULL beyond the last. Lives as long as the study. Any thread.
const char *dlnms_study_warning(const dlnms_study *study, size_t index);

/* ======================================================================================================== */
/* Studies: what they hold                                                                                  */
/* ======================================================================================================== */

// Contours of an RT Structure Set.
#define DLNMS_ROI_SOURCE_RTSTRUCT 1

// A segment of a DICOM Segmentation.
#define DLNMS_ROI_SOURCE_SEG 2

// One series of a study; set struct_size to sizeof(dlnms_series) (dlnms_series_init() does). Texts live as long as
// the study.
typedef struct {
  // Set by dlnms_series_init().
  uint32_t struct_size;
  // DLNMS_MODALITY_CT or DLNMS_MODALITY_PET.
  uint32_t modality;
  // Images in it.
  uint64_t slices;
  // Pixels of a row.
  uint64_t columns;
  // Rows of an image.
  uint64_t rows;
  // Series Instance UID.
  const char *uid;
  // Not 0: loading by rule would use it.
  uint32_t chosen;
  // Not 0: suv_factor is there.
  uint32_t has_suv;
  // Why it would not be used; NULL if it would.
  const char *rejected_because;
  // PET: SUVbw factor of the first slice.
  double suv_factor;
  // PET: how it was found; NULL if there is none.
  const char *suv_rule;
  // PET: why there is none; NULL if there is one.
  const char *suv_refusal;
} dlnms_series;

// One ROI of a study; set struct_size to sizeof(dlnms_roi_info) (dlnms_roi_info_init() does). Texts live as long as
// the study.
typedef struct {
  // Set by dlnms_roi_info_init().
  uint32_t struct_size;
  // A DLNMS_ROI_SOURCE_ constant.
  uint32_t source;
  // ROI Number or Segment Number.
  int64_t number;
  // ROI Name or Segment Label.
  const char *name;
  // Name of the file it is in; "file 17" for one inside a folder, unless the scan's options ask for names.
  const char *file;
  // Voxels of its mask.
  uint64_t voxels;
  // Their volume.
  double ml;
  // Their centroid.
  double centroid_lps_mm[3];
  // Why it makes no mask; NULL if it makes one.
  const char *refusal;
  // Not 0: contours of one plane overlap in part and were joined; dlnms_study_case() says so in its facts.
  uint32_t contours_overlap;
  // Not 0: it makes a mask, and voxels, ml and centroid_lps_mm are there.
  uint32_t has_mask;
} dlnms_roi_info;

// Zero series and set its struct_size to struct_size, which is sizeof(dlnms_series) as the caller sees it.
// Any thread.
//
// Preconditions:
// series is NULL or has struct_size writable bytes.
void dlnms_series_init(dlnms_series *series,
                       uint32_t struct_size);

// Make the lists of series and ROIs, which every ROI is laid on its grid for: this may take a second. The functions that
// list do it themselves if it was not done; this one can be cancelled. cancel may be NULL. Any thread.
// Errors: DLNMS_E_CANCELLED.
//
// Preconditions:
// err is NULL or writable.
dlnms_status dlnms_study_inspect(const dlnms_study *study,
                                 const dlnms_cancel *cancel,
                                 dlnms_error **err);

// How many CT and PET series there are, CT first. 0 for a dead handle. Any thread.
size_t dlnms_study_series_count(const dlnms_study *study);

// One series. Any thread. Errors: DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_STRUCT_SIZE.
//
// Preconditions:
// out is initialised; err is NULL or writable.
dlnms_status dlnms_study_series(const dlnms_study *study, size_t index, dlnms_series *out, dlnms_error **err);

// Zero info and set its struct_size to struct_size, which is sizeof(dlnms_roi_info) as the caller sees it.
// Any thread.
//
// Preconditions:
// info is NULL or has struct_size writable bytes.
void dlnms_roi_info_init(dlnms_roi_info *info,
                         uint32_t struct_size);

// How many ROIs there are, structure sets first. 0 for a dead handle. The first call lays every ROI on its grid, which
// may take a second. Any thread.
size_t dlnms_study_roi_count(const dlnms_study *study);

// One ROI. Any thread. Errors: DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_STRUCT_SIZE.
//
// Preconditions:
// out is initialised; err is NULL or writable.
dlnms_status dlnms_study_roi(const dlnms_study *study, size_t index, dlnms_roi_info *out, dlnms_error **err);

// Mask of one ROI, for dlnms_roi.mask; contours are laid on the series they were drawn on. The pointers in *out live
// as long as the study. Any thread. Errors: DLNMS_E_ROI_INVALID, DLNMS_E_ROI_EMPTY, DLNMS_E_STRUCT_SIZE.
//
// Preconditions:
// out is initialised; err is NULL or writable.
dlnms_status dlnms_study_roi_mask(const dlnms_study *study,
                                  size_t index,
                                  dlnms_volume *out,
                                  dlnms_error **err);

// Series and ROIs as JSON, as dlnms inspect --json prints them.
//
// Writes text with its NUL to buffer and its length with the NUL to *needed (NULL allowed); with capacity 0
// only the length. Any thread. Errors: DLNMS_E_BUFFER_TOO_SMALL.
//
// Preconditions:
// buffer has room for capacity bytes; needed and err are NULL or writable.
dlnms_status dlnms_study_json(const dlnms_study *study,
                              char *buffer,
                              size_t capacity,
                              size_t *needed,
                              dlnms_error **err);

/* ======================================================================================================== */
/* Volume files: NIfTI and NRRD                                                                             */
/* ======================================================================================================== */

// A volume read from a file: a mask, a CT in HU, a PET in SUV.
typedef struct dlnms_volume_file dlnms_volume_file;

// Read a volume: .nii, .nii.gz, .nrrd or .nhdr. Coordinates become LPS.
//
// Of options (may be NULL) max_study_bytes counts. cancel may be NULL; the call ends within 100 ms after it is
// cancelled. Free *out with dlnms_volume_file_free(). Any thread.
// Errors: DLNMS_E_NIFTI, DLNMS_E_NRRD, DLNMS_E_UNSUPPORTED, DLNMS_E_VOLUME_GEOMETRY, DLNMS_E_CANCELLED,
// DLNMS_E_OUT_OF_MEMORY, DLNMS_E_RESOURCES (too many open files), DLNMS_E_INVALID_ARGUMENT (max_study_bytes).
//
// Preconditions:
// path is a NUL-terminated UTF-8 string; options is NULL or initialised; out is writable; err is NULL or
// writable.
dlnms_status dlnms_volume_file_open(const char *path,
                                    const dlnms_read_options *options,
                                    const dlnms_cancel *cancel,
                                    dlnms_volume_file **out,
                                    dlnms_error **err);

// Describe the volume. The pointers in *out live as long as the file's handle. Any thread.
// Errors: DLNMS_E_STRUCT_SIZE.
//
// Preconditions:
// out is initialised; err is NULL or writable.
dlnms_status dlnms_volume_file_volume(const dlnms_volume_file *file, dlnms_volume *out, dlnms_error **err);

// Read the SUV tags of a PET volume from a side-car: JSON of DICOM keywords and values, for example
// {"Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["ATTN"], "PatientWeight": 91, ...}; a list of as many
// values as there are slices gives each slice its own. The pointers in *out live as long as the file's handle. Any
// thread. Errors: DLNMS_E_SUV with the keyword, DLNMS_E_STRUCT_SIZE.
//
// Preconditions:
// path is a NUL-terminated UTF-8 string; out is initialised; err is NULL or writable.
dlnms_status dlnms_volume_file_pet_info(const dlnms_volume_file *file,
                                        const char *path,
                                        dlnms_pet_info *out,
                                        dlnms_error **err);

// Free a volume. NULL does nothing. Any thread.
void dlnms_volume_file_free(dlnms_volume_file *file);

#ifdef __cplusplus
}
#endif

#endif /* DLNMS_H */
