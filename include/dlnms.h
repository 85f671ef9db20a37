/*
 * dlnms.h - scores of occult nodal metastasis (DLNMS N1 and N2) from PET/CT volumes and a tumour, in the host's process.
 *
 * RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.
 *
 * This file is the binary contract. It is generated from the library's sources (tests/it/header.rs); do not edit it.
 *
 * Life cycle
 * ----------
 *
 *   dlnms_runtime_new      loads ONNX Runtime; once for each process
 *   dlnms_scorer_new       opens a model bundle and checks its manifest
 *   dlnms_scorer_prepare   builds and tests the network: the slow part, once at start
 *   for each tumour:
 *     dlnms_case_init      describes voxels of the host (dlnms_volume), SUV attributes and the tumour (dlnms_roi);
 *                          dlnms_study_open and dlnms_study_case fill a case from DICOM files instead
 *     dlnms_scorer_score   gives a result, in milliseconds; from any thread, any number at once
 *     dlnms_result_scores  copies the numbers; dlnms_result_finding lists what the quality checks found
 *     dlnms_result_free
 *   dlnms_scorer_free, dlnms_runtime_free
 *
 * A CT in HU and a PET in SUVbw, both of the host, and a point in the tumour (error handling shortened):
 *
 *   dlnms_error *error = NULL;
 *   dlnms_runtime *runtime = NULL;
 *   if (dlnms_runtime_new(NULL, &runtime, &error)) {
 *       fprintf(stderr, "%s\n", dlnms_error_message(error));
 *       dlnms_error_free(error);
 *       return 1;
 *   }
 *   dlnms_scorer_options options;
 *   dlnms_scorer_options_init(&options, sizeof options);
 *   options.bundle_dir = "/opt/dlnms/bundle";
 *   dlnms_scorer *scorer = NULL;
 *   dlnms_scorer_new(runtime, &options, &scorer, &error);
 *   dlnms_scorer_prepare(scorer, NULL, NULL, &error);
 *
 *   dlnms_volume ct, pet;
 *   dlnms_volume_init(&ct, sizeof ct);    // then dtype, data, dims, origin, spacing, direction, rescale_slope ...
 *   dlnms_volume_init(&pet, sizeof pet);  // the same
 *   dlnms_roi roi;
 *   dlnms_roi_init(&roi, sizeof roi);
 *   roi.kind = DLNMS_ROI_POINT;
 *   roi.point[0] = -42.3; roi.point[1] = -14.6; roi.point[2] = -122.1;
 *   dlnms_case c;
 *   dlnms_case_init(&c, sizeof c);
 *   c.ct = &ct; c.pet = &pet; c.roi = &roi;
 *
 *   dlnms_result *result = NULL;
 *   dlnms_scorer_score(scorer, &c, NULL, &result, &error);
 *   dlnms_scores scores;
 *   dlnms_scores_init(&scores, sizeof scores);
 *   dlnms_result_scores(result, &scores, &error);
 *   printf("N1 %.3f  N2 %.3f\n", scores.n1, scores.n2);
 *
 *   dlnms_result_free(result); dlnms_scorer_free(scorer); dlnms_runtime_free(runtime);
 *
 * Conventions
 * -----------
 *
 * Names. A function is called dlnms_OBJECT_VERB and takes its object first. An object that a _new, _open, _scan, _submit
 * or _score function gives is freed with the _free function of that object. _free(NULL) does nothing. Objects may be
 * freed in any order.
 *
 * Errors. A call that can fail returns a dlnms_status, which is 0 on success. Its last parameter is `dlnms_error **err`,
 * which may be NULL. On failure *err receives an error with a message, which the caller frees; on success *err is not
 * written. A failed call leaves every other output unwritten, except a `needed` length. The functions below list their
 * own statuses. Every call can also return DLNMS_E_NULL_ARGUMENT (a required pointer is NULL), DLNMS_E_STRUCT_SIZE,
 * DLNMS_E_INVALID_ARGUMENT (with the name of the field or parameter), DLNMS_E_INVALID_HANDLE, DLNMS_E_FORKED and
 * DLNMS_E_INTERNAL. DLNMS_E_RESOURCES and DLNMS_E_OUT_OF_MEMORY are what the system refused for the moment: try again.
 * DLNMS_E_INTERNAL is a defect of the library; the object that it happened to answers with it from then on.
 *
 * Handles are not memory: a handle that was freed, or belongs to another kind of object, is DLNMS_E_INVALID_HANDLE.
 *
 * Structs begin with struct_size. Fill each one with its _init function and sizeof, then set fields. Reserved fields must
 * be 0. The library reads and writes no byte beyond struct_size, so a program that was built with an older header keeps
 * working. A struct that a call takes is read during the call; the sections below say which pointers inside it must stay
 * valid for longer.
 *
 * Strings are UTF-8 and NUL-terminated. A `const char *` that the library returns lives as long as the object it came
 * from.
 *
 * Coordinates are in DICOM's patient frame: LPS (towards the patient's left, back and head), in millimetres.
 *
 * Threads. Any function may be called from any thread at any time. Objects that are taken as const may be used by many
 * threads at once. A call uses at most as many threads as the `threads` of its options says, the calling one included
 * (0: the cores, four at most), and the threads that it makes end with it. ONNX Runtime's pool belongs to its scorer and
 * sleeps when idle; the workers of a queue belong to the queue. Where the system refuses a thread, reading and measuring
 * continue with fewer, and everything else is DLNMS_E_RESOURCES.
 *
 * Callbacks must not throw and must not longjmp. They may call the library; a call that would wait for the very call
 * whose callback it comes from is DLNMS_E_BUSY.
 *
 * Process. The library writes nothing to stdout or stderr, changes no signal handler and no environment variable, and
 * makes no network connection. Signals that the host handles may interrupt any call, which continues.
 *
 * Stack. A calling thread needs 128 KiB. The library's own threads have 2 MiB, those of the network's pool 1 MiB, that of
 * dlnms_scorer_prepare() 8 MiB.
 *
 * Memory. A buffer whose size comes from a file or a struct is reserved before it is used, with 40 MiB to spare; if the
 * system refuses it, the call returns DLNMS_E_OUT_OF_MEMORY. Loading ONNX Runtime needs 100 MiB of address space. A limit
 * on address space (RLIMIT_AS) is noticed this way; a limit that ends the process when pages are touched (cgroups) cannot
 * be. A small allocation that the system refuses is served from a reserve of 8 MiB; calls then end with
 * DLNMS_E_OUT_OF_MEMORY until the system has 40 MiB again (in libraries that were built with the feature memory-reserve,
 * as make dist does). Without a free file descriptor, and beyond a limit on the size of files (RLIMIT_FSIZE), a call fails
 * and no signal is raised.
 *
 * Fork. Threads are not inherited. In a process that was forked from one that has loaded ONNX Runtime, every call returns
 * DLNMS_E_FORKED at once, every _free does nothing (what it would free leaks until the process ends), and no callback or
 * drop is called. Such a process may exec, _exit or return from main, and nothing else. A process that was forked
 * earlier, while no thread of its parent was inside a call, may use the library and load ONNX Runtime normally.
 *
 * For C++17 see dlnms.hpp.
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

// The audit log cannot be read or written.
#define DLNMS_E_AUDIT 15

// The audit log is not the one that was written.
#define DLNMS_E_AUDIT_ALTERED 16

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

// ONNX Runtime's file is not the expected one.
#define DLNMS_E_RUNTIME_ALTERED 105

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

// The bundle is not signed, and a key was given.
#define DLNMS_E_BUNDLE_UNSIGNED 205

// The bundle's signature is malformed or does not fit its manifest.
#define DLNMS_E_BUNDLE_SIGNATURE 206

// The bundle is signed by another key.
#define DLNMS_E_BUNDLE_SIGNER 207

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

// A result cannot become a DICOM object; the message says what is missing or contradictory.
#define DLNMS_E_DICOM_WRITE 410

// The weights were not trained on patients, and dlnms_write_options.allow_not_trained is 0.
#define DLNMS_E_NOT_TRAINED 411

// A defect in this library.
#define DLNMS_E_INTERNAL 900

/* ======================================================================================================== */
/* Library                                                                                                  */
/* ======================================================================================================== */

// Version of this binary interface; libdlnms.so.N carries it as N. The library promises that a program built
// against a header of the same number works with every library of that number, newer or older in features.
#define DLNMS_ABI_VERSION 1

// Returns the DLNMS_ABI_VERSION that the library was built with. Compare it with the header's before any other call.
uint32_t dlnms_abi_version(void);

// Returns the version of the library, for example "0.1.0", as static text.
const char *dlnms_version(void);

// Returns the number of objects that this process holds from the library and has not freed. It is meant for leak checks in
// tests: 0 when nothing leaks. It is 0 in a forked process.
size_t dlnms_live_objects(void);

/* ======================================================================================================== */
/* Errors                                                                                                   */
/* ======================================================================================================== */

// Why a call failed: a status and a message that names the field, file or value at fault.
// Messages hold nothing a patient could be known by. Free with dlnms_error_free().
typedef struct dlnms_error dlnms_error;

// Outcome of a call: 0 is success, everything else one of the DLNMS_E_ constants.
typedef int32_t dlnms_status;

// Returns a static English text for a status code, never NULL.
//
// Parameters:
// - code: a dlnms_status; an unknown one has a text of its own.
const char *dlnms_status_string(dlnms_status code);

// Returns the status of an error.
//
// Parameters:
// - error: the error. DLNMS_E_INVALID_HANDLE is returned for NULL or a freed one, DLNMS_E_FORKED for any in a forked process.
dlnms_status dlnms_error_status(const dlnms_error *error);

// Returns the message of an error with its causes, never NULL. The text lives as long as the error.
//
// Parameters:
// - error: the error. NULL and a freed one have a message that says so.
const char *dlnms_error_message(const dlnms_error *error);

// Frees an error.
//
// Parameters:
// - error: the error. NULL and one that is freed already do nothing.
void dlnms_error_free(dlnms_error *error);

/* ======================================================================================================== */
/* Logging                                                                                                  */
/* ======================================================================================================== */

// Something failed.
#define DLNMS_LOG_ERROR 1

// Something is unusual.
#define DLNMS_LOG_WARN 2

// Something happened, at most once for each object.
#define DLNMS_LOG_INFO 3

// Details for finding faults.
#define DLNMS_LOG_DEBUG 4

// Every detail.
#define DLNMS_LOG_TRACE 5

// Receives log lines; fill with dlnms_logger_init(). Without a logger the library is silent: it never writes to
// stdout or stderr. Lines hold nothing a patient could be known by.
//
// callback receives a DLNMS_LOG_ level, a target such as "dlnms::runtime", the message and user_data; both texts
// live for the call alone. It may be called from any thread, several at once, and must not throw.
// drop, if not NULL, is called exactly once, after the last call of callback, when the logger is replaced.
typedef struct {
  // Size of the struct in bytes, set by dlnms_logger_init().
  uint32_t struct_size;
  // The most detailed level that is wanted, a DLNMS_LOG_ constant.
  uint32_t level;
  // The function to call. Required.
  void (*callback)(uint32_t level, const char *target, const char *message, void *user_data);
  // Passed to callback and drop; the library does not look at it.
  void *user_data;
  // Called once with user_data when the library no longer needs it; may be NULL.
  void (*drop)(void *user_data);
} dlnms_logger;

// Writes defaults into a logger: level DLNMS_LOG_WARN and no callback.
//
// Parameters:
// - logger: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_logger) as the caller sees it.
void dlnms_logger_init(dlnms_logger *logger, uint32_t struct_size);

// Sends the log lines of the whole process to a logger from now on.
//
// Parameters:
// - logger: an initialised struct, which is copied; NULL makes the library silent again.
//
// Errors:
// DLNMS_E_STRUCT_SIZE, DLNMS_E_NULL_ARGUMENT (callback), DLNMS_E_INVALID_ARGUMENT (level).
dlnms_status dlnms_logger_set(const dlnms_logger *logger, dlnms_error **err);

// Sends a line of the host to the logger, with the target "dlnms::host". It is meant for what a callback has to report and has
// no caller for. Nothing happens without a logger, or where the logger's level is lower.
//
// Parameters:
// - level: a DLNMS_LOG_ constant.
// - message: a NUL-terminated string; bytes that are not UTF-8 are replaced.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (level), DLNMS_E_NULL_ARGUMENT (message).
dlnms_status dlnms_logger_write(uint32_t level,
                                const char *message,
                                dlnms_error **err);

/* ======================================================================================================== */
/* Progress                                                                                                 */
/* ======================================================================================================== */

// The model file is read and verified, or the call waits for another thread that prepares the same scorer.
#define DLNMS_PHASE_LOAD 1

// The network is run for the first times, which allocates its memory.
#define DLNMS_PHASE_WARM_UP 2

// The bundle's self-test vectors are run and the answers compared.
#define DLNMS_PHASE_SELF_TEST 3

// dlnms_scorer_prepare() is done.
#define DLNMS_PHASE_READY 4

// DICOM files are being decoded. Called from the library's decoding threads, one call at a time.
#define DLNMS_PHASE_DECODE 5

// ONNX Runtime builds the network for a provider. Follows LOAD, once for each provider tried, and is repeated every 100 ms.
#define DLNMS_PHASE_BUILD 6

// The network is run on changed copies of a case, to explain its scores.
#define DLNMS_PHASE_EXPLAIN 7

// Reports the progress of a long call to the host; fill with dlnms_progress_init().
//
// callback receives a DLNMS_PHASE_ constant, the fraction of that phase that is done (0 to 1) and user_data; a return value
// that is not 0 cancels the call, which then fails with DLNMS_E_CANCELLED. It must not throw or longjmp.
// drop, if not NULL, is called exactly once with user_data before the call that took the struct returns,
// whether it succeeds or fails (but not if the struct itself is refused).
typedef struct {
  // Size of the struct in bytes, set by dlnms_progress_init().
  uint32_t struct_size;
  // Must be 0.
  uint32_t reserved;
  // The function to call. Required.
  int32_t (*callback)(uint32_t phase, float fraction, void *user_data);
  // Passed to callback and drop; the library does not look at it.
  void *user_data;
  // Called once with user_data when the library no longer needs it; may be NULL.
  void (*drop)(void *user_data);
} dlnms_progress;

// Writes defaults into a progress struct: no callback.
//
// Parameters:
// - progress: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_progress) as the caller sees it.
void dlnms_progress_init(dlnms_progress *progress, uint32_t struct_size);

/* ======================================================================================================== */
/* Cancelling                                                                                               */
/* ======================================================================================================== */

// Cancels calls that were given it; may be triggered from any thread, once and for good.
typedef struct dlnms_cancel dlnms_cancel;

// Makes a cancel token that is not triggered.
//
// Parameters:
// - out: receives the token; free it with dlnms_cancel_free().
//
// Errors:
// DLNMS_E_NULL_ARGUMENT (out).
dlnms_status dlnms_cancel_new(dlnms_cancel **out, dlnms_error **err);

// Cancels every call that has this token, now or later. Such a call fails with DLNMS_E_CANCELLED within 100 ms, also in the
// middle of a run of the network on the CPU. A GPU finishes the run that it was given.
//
// Parameters:
// - cancel: the token; NULL does nothing.
void dlnms_cancel_trigger(const dlnms_cancel *cancel);

// Frees a token. Calls that are using it keep it until they end.
//
// Parameters:
// - cancel: the token; NULL does nothing.
void dlnms_cancel_free(dlnms_cancel *cancel);

/* ======================================================================================================== */
/* Runtime: the process's ONNX Runtime                                                                      */
/* ======================================================================================================== */

// The process's ONNX Runtime. There is one for each process, loaded once and kept until the process ends, however
// many of these handles come and go.
typedef struct dlnms_runtime dlnms_runtime;

// How to find ONNX Runtime; fill with dlnms_runtime_options_init().
typedef struct {
  // Size of the struct in bytes, set by dlnms_runtime_options_init().
  uint32_t struct_size;
  // Not 0: nothing is looked for that the host has not named. No environment variable is read, by this library or by
  // ONNX Runtime, and no folder is searched but one that is given: library_path is needed and absolute, and so is
  // dlnms_scorer_options.plugin_path for a plugin.
  uint32_t hardened;
  // libonnxruntime.so or the folder that holds it. NULL: the environment variable DLNMS_ONNXRUNTIME, and where it
  // is not set the folder of this library (of the program, if it is linked statically).
  const char *library_path;
  // SHA-256 that the library's file must have, 64 hexadecimal digits. What is loaded is a sealed copy in memory of the bytes
  // that were hashed. Libraries of providers that ONNX Runtime loads from its folder (CUDA, TensorRT) are not covered. NULL: any.
  const char *expected_sha256;
} dlnms_runtime_options;

// Writes defaults into options: the library searches for ONNX Runtime as library_path describes.
//
// Parameters:
// - options: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_runtime_options) as the caller sees it.
void dlnms_runtime_options_init(dlnms_runtime_options *options, uint32_t struct_size);

// Loads ONNX Runtime (1.24 or later), or returns another handle to the one that is loaded. ONNX Runtime's telemetry is switched
// off.
//
// Parameters:
// - options: an initialised struct, read during the call; NULL: the defaults.
// - out: receives the handle; free it with dlnms_runtime_free(). ONNX Runtime itself stays loaded until the process ends.
//
// Errors:
// DLNMS_E_RUNTIME_NOT_FOUND with the places searched, DLNMS_E_RUNTIME_NOT_A_LIBRARY, DLNMS_E_RUNTIME_VERSION,
// DLNMS_E_RUNTIME_ALTERED if its digest is not the expected one, DLNMS_E_RUNTIME_CONFLICT if the process has loaded another one,
// or this one without the pin or the mode that is asked for now; DLNMS_E_INVALID_ARGUMENT (expected_onnxruntime_sha256, library_path).
dlnms_status dlnms_runtime_new(const dlnms_runtime_options *options,
                               dlnms_runtime **out,
                               dlnms_error **err);

// Returns the version of the loaded ONNX Runtime, for example "1.32.0". The text lives as long as the handle.
//
// Parameters:
// - runtime: the handle; NULL is returned for a dead one.
const char *dlnms_runtime_version(const dlnms_runtime *runtime);

// Returns the absolute path of the loaded ONNX Runtime. The text lives as long as the handle.
//
// Parameters:
// - runtime: the handle; NULL is returned for a dead one.
const char *dlnms_runtime_path(const dlnms_runtime *runtime);

// Frees a handle. Scorers that were made with it keep working.
//
// Parameters:
// - runtime: the handle; NULL does nothing.
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
  // Size of the struct in bytes, set by dlnms_volume_init().
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
  // Must be 0.
  uint32_t reserved;
  // See has_padding.
  double padding_first;
  // See has_padding.
  double padding_last;
} dlnms_volume;

// Writes defaults into a volume: origin 0, spacing 1 mm, identity direction, slope 1, intercept 0, tightly packed, no padding.
//
// Parameters:
// - volume: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_volume) as the caller sees it.
void dlnms_volume_init(dlnms_volume *volume,
                       uint32_t struct_size);

/* ======================================================================================================== */
/* PET attributes and SUV                                                                                   */
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

// Attributes of a PET series that SUV depends on (DICOM PS3.3 C.8.9); fill with dlnms_pet_info_init().
//
// Numbers that the header does not give are NaN. Times are seconds on any one clock, the same for all fields, on
// which midnight is a multiple of 86400. No number is repaired: a weight above 1000 kg or a dose below 10,000 Bq is
// refused with DLNMS_E_SUV.
typedef struct {
  // Size of the struct in bytes, set by dlnms_pet_info_init().
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

// Writes defaults into PET attributes: every number unknown (NaN), every array NULL.
//
// Parameters:
// - info: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_pet_info) as the caller sees it.
void dlnms_pet_info_init(dlnms_pet_info *info, uint32_t struct_size);

// Computes the SUVbw factor of each slice: SUVbw = physical value * factor. Nothing is kept.
//
// Parameters:
// - info: initialised PET attributes, read during the call.
// - factors: receives one factor for each slice; has room for capacity doubles. May be NULL if capacity is 0.
// - capacity: number of doubles that factors has room for; 0 asks for the number alone.
// - needed: receives the number of slices, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if capacity is not 0.
//
// Errors:
// DLNMS_E_SUV with the attribute at fault, DLNMS_E_INVALID_ARGUMENT, DLNMS_E_STRUCT_SIZE, DLNMS_E_BUFFER_TOO_SMALL.
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

// For information.
#define DLNMS_SEVERITY_INFO 1

// The scores may be off.
#define DLNMS_SEVERITY_WARNING 2

// The scores may belong to something else.
#define DLNMS_SEVERITY_CRITICAL 3

// The check is not made.
#define DLNMS_ACTION_IGNORE 1

// The finding is reported with the scores.
#define DLNMS_ACTION_WARN 2

// No scores: the call fails with DLNMS_E_QUALITY, whose message names every finding that is refused.
#define DLNMS_ACTION_REFUSE 3

// Not known; written by dlnms_case_metadata_init(). Negative, so that no boolean can be taken for it.
#define DLNMS_TRISTATE_UNKNOWN -1

// No; equal to false of C and C++.
#define DLNMS_TRISTATE_NO 0

// Yes; equal to true of C and C++.
#define DLNMS_TRISTATE_YES 1

// What happens on each finding of the quality checks; fill with dlnms_quality_policy_init().
typedef struct {
  // Size of the struct in bytes, set by dlnms_quality_policy_init().
  uint32_t struct_size;
  // A DLNMS_ACTION_ constant for each DLNMS_QC_ constant, which is the index; 0 is the default action. Index 0 is not used.
  uint32_t actions[63];
} dlnms_quality_policy;

// What is known of a case beyond voxels and SUV, for the quality checks; fill with dlnms_case_metadata_init().
// dlnms_study_case() fills one from DICOM headers.
typedef struct {
  // Size of the struct in bytes, set by dlnms_case_metadata_init().
  uint32_t struct_size;
  // PET and CT belong to one patient: a DLNMS_TRISTATE_ constant, as the next nine fields. The result of a
  // comparison in C or C++ (a == b) can be assigned directly.
  int32_t same_patient;
  // PET and CT belong to one study.
  int32_t same_study;
  // PET and CT have one frame of reference.
  int32_t same_frame_of_reference;
  // PET or CT was compressed with loss.
  int32_t lossy;
  // PET or CT is a derived image.
  int32_t derived;
  // The tracer is FDG.
  int32_t fdg;
  // The patient's age or birth date is known.
  int32_t age_known;
  // The modality is stated on every image.
  int32_t modality_stated;
  // The CT's values are HU by its headers, not "unspecified".
  int32_t hounsfield_stated;
  // Contours of one plane overlap in part and were joined to make the mask: dlnms_roi_info.contours_overlap.
  int32_t contours_overlap;
  // Must be 0.
  uint32_t reserved;
  // Slice thickness of the CT, mm; 0 if not known.
  double ct_slice_thickness_mm;
  // Slice thickness of the PET, mm; 0 if not known.
  double pet_slice_thickness_mm;
} dlnms_case_metadata;

// Writes the default policy: different patients are refused, every other finding is reported with the scores.
//
// Parameters:
// - policy: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_quality_policy) as the caller sees it.
void dlnms_quality_policy_init(dlnms_quality_policy *policy, uint32_t struct_size);

// Writes the strict policy, for a host that shows no score rather than a doubtful one.
//
// It refuses every finding of DLNMS_SEVERITY_CRITICAL (PATIENT_MISMATCH, FRAME_OF_REFERENCE_MISMATCH, LESION_ELSEWHERE,
// HALF_LIFE_MISMATCH, PET_NOT_SUV, MODALITIES_SWAPPED, SUV_SCALE), and also STUDY_MISMATCH, MISREGISTRATION, TRACER_NOT_FDG,
// SUV_IMPLAUSIBLE, SUV_NORMALIZATION, DOSE, WEIGHT, WEIGHT_UNIT_ASSUMED, DOSE_UNIT_ASSUMED, TIME_ZONE_ASSUMED, CENTER_IN_AIR
// and CENTER_WITHOUT_UPTAKE. After each of these the scores probably do not belong to the tumour's SUV and HU. The other
// findings make correct numbers less certain and stay warnings.
//
// Parameters:
// - policy: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_quality_policy) as the caller sees it.
void dlnms_quality_policy_init_strict(dlnms_quality_policy *policy,
                                      uint32_t struct_size);

// Returns the name of a quality check as it stands in the JSON, as static text.
//
// Parameters:
// - code: a DLNMS_QC_ constant; NULL is returned for an unknown one.
const char *dlnms_quality_name(uint32_t code);

// Writes defaults into case metadata: DLNMS_TRISTATE_UNKNOWN and thicknesses of 0. A struct that was only zeroed states
// DLNMS_TRISTATE_NO everywhere, and the default policy refuses it for its two patients.
//
// Parameters:
// - metadata: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_case_metadata) as the caller sees it.
void dlnms_case_metadata_init(dlnms_case_metadata *metadata,
                              uint32_t struct_size);

/* ======================================================================================================== */
/* Cases: volumes and tumour together                                                                       */
/* ======================================================================================================== */

// The CT.
#define DLNMS_MODALITY_CT 1

// The PET.
#define DLNMS_MODALITY_PET 2

// A point, which is the centre.
#define DLNMS_ROI_POINT 1

// A box; its midpoint is the centre.
#define DLNMS_ROI_BOX 2

// A mask; the centroid of its voxels that are not 0 is the centre.
#define DLNMS_ROI_MASK 3

// A point in the tumour. The lesion around it is delineated on the PET by a threshold, and its centroid is the centre. A
// lesion that does not contain the point is the finding DLNMS_QC_LESION_ELSEWHERE.
#define DLNMS_ROI_SEED 4

// threshold is a fraction of SUVmax: 0.41 is the usual one.
#define DLNMS_THRESHOLD_FRACTION 1

// threshold is an SUV.
#define DLNMS_THRESHOLD_SUV 2

// A PET/CT study read from DICOM: its series and ROIs, and once loaded one CT and one PET volume, decoded, with what
// SUV needs.
typedef struct dlnms_study dlnms_study;

// Who asks for a score, and which images it is of; fill with dlnms_case_context_init(), or with dlnms_study_context() for the images
// of a loaded study. Nothing is computed from it. The texts are copied during the call, also when a case is submitted to a queue. correlation_id and actor have 1 to 128 bytes
// and no control characters.
typedef struct {
  // Size of the struct in bytes, set by dlnms_case_context_init().
  uint32_t struct_size;
  // Must be 0.
  uint32_t reserved;
  // The host's own name of this call, for example the number of an order that says nothing about the patient: it stands in the
  // result's JSON, the log and the audit log. NULL: none.
  const char *correlation_id;
  // Who asks: a user's or a system's name, for the audit log. Needed where a scorer keeps one; else may be NULL.
  const char *actor;
  // Study Instance UID; stands in the audit log as a digest with the host's salt, and nowhere else. NULL: not known.
  const char *study_uid;
  // Series Instance UID of the CT, likewise.
  const char *ct_series_uid;
  // Series Instance UID of the PET, likewise.
  const char *pet_series_uid;
} dlnms_case_context;

// The tumour; fill with dlnms_roi_init().
typedef struct {
  // Size of the struct in bytes, set by dlnms_roi_init().
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
  // Seed: a DLNMS_THRESHOLD_ constant; 0 is 41 % of SUVmax.
  uint32_t threshold_kind;
  // Must be 0.
  uint32_t reserved;
  // Seed: the threshold, in the unit that threshold_kind names.
  double threshold;
  // Seed: radius around it within which the lesion is searched, mm; 0 is 40.
  double radius_mm;
} dlnms_roi;

// Everything about one tumour of one patient; fill with dlnms_case_init(). All pointers are borrowed for the call.
typedef struct {
  // Size of the struct in bytes, set by dlnms_case_init().
  uint32_t struct_size;
  // Not 0: sample the pictures of the page as well, for dlnms_result_page(). Adds some milliseconds to the call.
  uint32_t sample_pictures;
  // CT; physical values in HU.
  const dlnms_volume *ct;
  // PET.
  const dlnms_volume *pet;
  // What the PET values mean; NULL if they are SUVbw already.
  const dlnms_pet_info *pet_info;
  // The tumour.
  const dlnms_roi *roi;
  // What the quality checks may know beyond the voxels; NULL if nothing is known.
  const dlnms_case_metadata *metadata;
  // Not 0: measure the lesion as well, for dlnms_result_lesion(). Adds to the time of the call.
  uint32_t measure_lesion;
  // How the lesion is delineated: a DLNMS_THRESHOLD_ constant; 0 is 41 % of SUVmax.
  uint32_t threshold_kind;
  // The threshold, in the unit that threshold_kind names.
  double threshold;
  // Radius around a point within which the lesion is searched, mm; 0 is 40. A mask or box limits the search by itself.
  double radius_mm;
  // Not 0: measure liver and blood pool as well, for dlnms_result_reference(), and check whether their SUV is
  // plausible. Searching for them on the CT takes some 100 ms.
  uint32_t measure_references;
  // Not 0: hash what is scored, for the result's JSON (input) and dlnms verify. Takes some 100 ms.
  uint32_t digest_input;
  // Three coordinates, LPS mm: a point in the right lobe of the liver; NULL: searched on the CT.
  const double *liver_lps_mm;
  // Three coordinates, LPS mm: a point on the axis of the descending aorta; NULL: searched on the CT.
  const double *blood_pool_lps_mm;
  // The study whose volumes ct and pet are, set by dlnms_study_case(): says whose the result is when it is written
  // with dlnms_result_write(). NULL for volumes of the host's own. Another volume than the study's is refused.
  const dlnms_study *study;
  // Who asks, and which images these are; NULL: nothing is said.
  const dlnms_case_context *context;
} dlnms_case;

// Writes defaults into a context: nothing is known.
//
// Parameters:
// - context: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_case_context) as the caller sees it.
void dlnms_case_context_init(dlnms_case_context *context, uint32_t struct_size);

// Writes defaults into an ROI: a point whose coordinates are NaN, so that a forgotten point is an error.
//
// Parameters:
// - roi: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_roi) as the caller sees it.
void dlnms_roi_init(dlnms_roi *roi, uint32_t struct_size);

// Writes defaults into a case: all pointers NULL, nothing measured beside the scores.
//
// Parameters:
// - c: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_case) as the caller sees it.
void dlnms_case_init(dlnms_case *c, uint32_t struct_size);

/* ======================================================================================================== */
/* Providers                                                                                                */
/* ======================================================================================================== */

// The CPU; see DLNMS_KERNELS_.
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

// This library's for the backbones: faster. See DLNMS_INSTRUCTIONS_.
#define DLNMS_KERNELS_DLNMS 2

// Those of any processor. For tests: slow, and never chosen by itself.
#define DLNMS_INSTRUCTIONS_SCALAR 1

// AVX2 and FMA of x86-64 processors. In single precision the scores have the same bits as with AVX-512.
#define DLNMS_INSTRUCTIONS_AVX2 2

// AVX-512 Foundation of x86-64 processors.
#define DLNMS_INSTRUCTIONS_AVX512 3

// AVX-512 Foundation and AVX512-BF16, for DLNMS_PRECISION_BF16 alone.
#define DLNMS_INSTRUCTIONS_AVX512_BF16 4

// One provider of dlnms_scorer_options.providers; fill with dlnms_provider_options_init(). A
// field that is 0 or NULL, except device, takes the value of the scorer's options or the provider's default.
typedef struct {
  // Size of the struct in bytes, set by dlnms_provider_options_init().
  uint32_t struct_size;
  // A DLNMS_PROVIDER_ constant. Required.
  uint32_t provider;
  // A DLNMS_PRECISION_ constant.
  uint32_t precision;
  // Index of the device.
  int32_t device;
  // Threads of ONNX Runtime's pool.
  uint32_t threads;
  // Not 0: record the GPU's kernels once as a CUDA graph and replay it.
  uint32_t cuda_graph;
  // Limit of the GPU memory for activations, in bytes (CUDA).
  uint64_t memory_limit_bytes;
  // Limit of the GPU memory that a build may use, in bytes (TensorRT, TensorRT for RTX).
  uint64_t workspace_bytes;
  // Folder of its cache; NULL: that of the scorer's options. Copied.
  const char *cache_dir;
  // Library of a plugin provider, or its folder; NULL: that of the scorer's options. Copied.
  const char *plugin_path;
  // DLNMS_KERNELS_ constant, of the CPU alone. 0: this library's where the processor and the model allow and the self-test
  // passes, else ONNX Runtime's.
  uint32_t kernels;
  // Number of cases, 2 to 256, of a second engine with weights of its own that is built for dlnms_scorer_score_batch() on
  // a GPU. A smaller rest of a batch runs on the first engine. 0: no second engine; then a run has one case on a GPU and
  // up to eight on the CPU.
  uint32_t batch;
  // A DLNMS_INSTRUCTIONS_ constant, with DLNMS_KERNELS_DLNMS alone: a processor without them is refused. 0: the fastest that
  // the processor has and with which the self-test passes.
  uint32_t instruction_set;
  // Must be 0.
  uint32_t reserved;
} dlnms_provider_options;

// Writes defaults into provider options. Set provider afterwards; 0 is no provider.
//
// Parameters:
// - options: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_provider_options) as the caller sees it.
void dlnms_provider_options_init(dlnms_provider_options *options, uint32_t struct_size);

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

// Measures of the lesion, if dlnms_case.measure_lesion asked for them; fill with dlnms_lesion_init(). They are evidence
// beside the scores and not an input of them.
typedef struct {
  // Size of the struct in bytes, set by dlnms_lesion_init().
  uint32_t struct_size;
  // Not 0: longest_mm, perpendicular_mm and ct_slice are set.
  uint32_t has_diameters;
  // Number of PET voxels in the lesion.
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
  // Threshold that the voxels of the lesion reach, SUVbw.
  double threshold;
  // Longest diameter in an axial CT slice, mm.
  double longest_mm;
  // Extent perpendicular to the longest diameter in the same slice, mm.
  double perpendicular_mm;
  // Index of that CT slice.
  uint64_t ct_slice;
} dlnms_lesion;

// SUV over a reference region, if dlnms_case.measure_references asked for it; fill with
// dlnms_reference_init(). It is evidence beside the scores and not an input of them. A value outside the usual range of FDG is the finding DLNMS_QC_SUV_IMPLAUSIBLE.
typedef struct {
  // Size of the struct in bytes, set by dlnms_reference_init().
  uint32_t struct_size;
  // Who decided where the region is: a DLNMS_PLACED_BY_ constant.
  uint32_t placed_by;
  // Centre of the region, LPS mm.
  double center_lps_mm[3];
  // Mean SUVbw.
  double suv_mean;
  // Standard deviation of its voxels' SUVbw.
  double suv_sd;
  // Number of PET voxels in the region.
  uint64_t voxels;
} dlnms_reference;

// Sets every field of a lesion to 0 and its struct_size to struct_size.
//
// Parameters:
// - lesion: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_lesion) as the caller sees it.
void dlnms_lesion_init(dlnms_lesion *lesion, uint32_t struct_size);

// Sets every field of a reference to 0 and its struct_size to struct_size.
//
// Parameters:
// - reference: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_reference) as the caller sees it.
void dlnms_reference_init(dlnms_reference *reference, uint32_t struct_size);

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

// The outcome of one case: scores, findings, measures and provenance.
typedef struct dlnms_result dlnms_result;

// The numbers of a result; fill with dlnms_scores_init() and call
// dlnms_result_scores(). The times of the phases sum to total_ns exactly.
typedef struct {
  // Size of the struct in bytes, set by dlnms_scores_init().
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
  // Centre of the tumour that was used, LPS mm.
  double center_lps_mm[3];
  // SUVbw factor of the first slice; 1 if the host gave SUVbw.
  double suv_factor;
  // Seconds of decay that the SUV factor accounts for; 0 if none.
  double decay_time_s;
  // Time of the implicit prepare in nanoseconds, as the next five fields.
  uint64_t prepare_ns;
  // Time of making the input tensors: overlap, centre, SUV factors, sampling.
  uint64_t preprocess_ns;
  // Time of measuring evidence: quality checks, and the lesion and reference regions if the case asks for them.
  uint64_t evidence_ns;
  // Time of running the network.
  uint64_t infer_ns;
  // Time of making the risk groups and the result.
  uint64_t finish_ns;
  // Sum of the five times above.
  uint64_t total_ns;
  // DLNMS_PRECISION_ of the model that ran.
  uint32_t precision;
  // DLNMS_KERNELS_ that computed the backbones.
  uint32_t kernels;
  // DLNMS_INSTRUCTIONS_ of DLNMS_KERNELS_DLNMS; 0 with other kernels.
  uint32_t instruction_set;
  // Threads of the network, the calling thread among them.
  uint32_t threads;
} dlnms_scores;

// Sets every field of scores to 0 and its struct_size to struct_size.
//
// Parameters:
// - scores: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_scores) as the caller sees it.
void dlnms_scores_init(dlnms_scores *scores, uint32_t struct_size);

// Copies the numbers of a result.
//
// Parameters:
// - result: the result.
// - out: an initialised struct; receives the numbers.
//
// Errors:
// DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_result_scores(const dlnms_result *result, dlnms_scores *out, dlnms_error **err);

// Returns the number of the network's heads: n1, n2 and their auxiliary outputs (n1_pet, n1_ct ...).
//
// Parameters:
// - result: the result; 0 is returned for a dead one.
size_t dlnms_result_head_count(const dlnms_result *result);

// Returns the name and the score of one head.
//
// Parameters:
// - result: the result.
// - index: from 0 to dlnms_result_head_count() - 1.
// - name: receives the name, which lives as long as the result; may be NULL.
// - score: receives the score, 0 to 1; may be NULL.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_result_head(const dlnms_result *result,
                               size_t index,
                               const char **name,
                               float *score,
                               dlnms_error **err);

// Returns the number of findings of the quality checks. Findings that the policy ignores are not counted.
//
// Parameters:
// - result: the result; 0 is returned for a dead one.
size_t dlnms_result_finding_count(const dlnms_result *result);

// Returns one finding of the quality checks.
//
// Parameters:
// - result: the result.
// - index: from 0 to dlnms_result_finding_count() - 1.
// - code: receives a DLNMS_QC_ constant; may be NULL.
// - severity: receives a DLNMS_SEVERITY_ constant; may be NULL.
// - message: receives a sentence, which lives as long as the result; may be NULL.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_result_finding(const dlnms_result *result,
                                  size_t index,
                                  uint32_t *code,
                                  uint32_t *severity,
                                  const char **message,
                                  dlnms_error **err);

// Copies the measures of the lesion, if dlnms_case.measure_lesion asked for them.
//
// Parameters:
// - result: the result.
// - out: an initialised struct; receives the measures.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT if the case did not ask for them, DLNMS_E_ROI_INVALID with the reason if there is nothing to
// measure, DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_result_lesion(const dlnms_result *result,
                                 dlnms_lesion *out,
                                 dlnms_error **err);

// Copies the measures of a reference region, if dlnms_case.measure_references asked for them.
//
// Parameters:
// - result: the result.
// - which: a DLNMS_REFERENCE_ constant.
// - out: an initialised struct; receives the measures.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (which; the case did not ask for them), DLNMS_E_ROI_INVALID with the reason if the region was not
// found or the PET does not cover it, DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_result_reference(const dlnms_result *result,
                                    uint32_t which,
                                    dlnms_reference *out,
                                    dlnms_error **err);

// Returns the SHA-256 of the manifest.json of the bundle that computed the result, as 64 lower-case hexadecimal digits. The
// digest stands for every file of the bundle, cut-offs and preprocessing included; see
// dlnms_scorer_options.expected_manifest_sha256. The text lives as long as the result.
//
// Parameters:
// - result: the result; NULL is returned for a dead one.
const char *dlnms_result_manifest_sha256(const dlnms_result *result);

// Returns the digest of the result's line in the audit log, as 64 lower-case hexadecimal digits: what a host keeps in another place
// for expected_head. NULL where no log is kept. The text lives as long as the result.
//
// Parameters:
// - result: the result; NULL is returned for a dead one.
const char *dlnms_result_audit_sha256(const dlnms_result *result);

// Writes the whole result with its provenance as JSON (schema_version 1: keys are only ever added).
//
// Parameters:
// - result: the result.
// - buffer: receives the text with its NUL; has room for capacity bytes. May be NULL if capacity is 0.
// - capacity: size of buffer in bytes; 0 asks for the length alone.
// - needed: receives the length with the NUL, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if capacity is not 0.
//
// Errors:
// DLNMS_E_BUFFER_TOO_SMALL, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_result_json(const dlnms_result *result,
                               char *buffer,
                               size_t capacity,
                               size_t *needed,
                               dlnms_error **err);

// Frees a result.
//
// Parameters:
// - result: the result; NULL does nothing.
void dlnms_result_free(dlnms_result *result);

/* ======================================================================================================== */
/* Audit log                                                                                                */
/* ======================================================================================================== */

// An audit log that a scorer writes: one line of JSON for each case, scored or refused, each with the digest of the line before
// it. Fill with dlnms_audit_options_init().
//
// A line says who asked (dlnms_case_context.actor), the host's correlation id, the model, the engine, the findings of the quality
// checks and the result. UIDs stand in it as HMAC-SHA256 with the salt as key; nothing else a patient could be known by does.
// A line is on disk before the call returns; a call whose line cannot be written fails. Several scorers and processes
// may write to one file.
typedef struct {
  // Size of the struct in bytes, set by dlnms_audit_options_init().
  uint32_t struct_size;
  // Bytes of salt, at least 16.
  uint32_t salt_size;
  // The file; made if it does not exist. Required.
  const char *path;
  // Secret of the host. Required.
  const uint8_t *salt;
  // Digest of a line that the log must hold, 64 hexadecimal digits: the head that the host kept, without which a log whose
  // end was cut off cannot be told from a sound one. NULL: none.
  const char *expected_head;
} dlnms_audit_options;

// What a sound audit log is; fill with dlnms_audit_summary_init().
typedef struct {
  // Size of the struct in bytes, set by dlnms_audit_summary_init().
  uint32_t struct_size;
  // Lines among them that were torn when their writer was killed; each is followed by a line that says so.
  uint32_t torn;
  // Lines of the file.
  uint64_t lines;
  // Digest of the last line, 64 hexadecimal digits and NULs: what a host keeps in another place.
  char head[72];
} dlnms_audit_summary;

// Writes defaults into audit options: all pointers NULL.
//
// Parameters:
// - options: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_audit_options) as the caller sees it.
void dlnms_audit_options_init(dlnms_audit_options *options, uint32_t struct_size);

// Writes zeros into a summary.
//
// Parameters:
// - summary: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_audit_summary) as the caller sees it.
void dlnms_audit_summary_init(dlnms_audit_summary *summary, uint32_t struct_size);

// Verifies an audit log from its first line to its last.
//
// Parameters:
// - path: the file.
// - expected_head: digest of a line that the log must hold, as for dlnms_audit_options.expected_head; may be NULL. Lines behind
//   that line are allowed.
// - out: an initialised struct; receives what the log is. May be NULL.
//
// Errors:
// DLNMS_E_AUDIT_ALTERED naming the first line that was changed, cut, inserted or swapped, or that the expected line is missing;
// DLNMS_E_AUDIT if the file cannot be read; DLNMS_E_INVALID_ARGUMENT (expected_head), DLNMS_E_NULL_ARGUMENT, DLNMS_E_UTF8.
dlnms_status dlnms_audit_verify(const char *path,
                                const char *expected_head,
                                dlnms_audit_summary *out,
                                dlnms_error **err);

/* ======================================================================================================== */
/* Scorer                                                                                                   */
/* ======================================================================================================== */

// Cases that one batch may have.
#define DLNMS_MAX_BATCH 4096

// A bundle with a runtime. Share one among all threads of the host.
typedef struct dlnms_scorer dlnms_scorer;

// Options of a scorer; fill with dlnms_scorer_options_init().
typedef struct {
  // Size of the struct in bytes, set by dlnms_scorer_options_init().
  uint32_t struct_size;
  // Threads of a call, the calling one included: for the network, the input tensors of a batch and the reference
  // regions; 0 is min(4, cores). They sleep when idle; see spin.
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
  // What happens on findings of the quality checks; NULL: the default policy. Copied.
  const dlnms_quality_policy *quality;
  // Folder where providers store what they built from the model, for a faster next start. It is created if it does not
  // exist, and processes may share it. NULL: nothing is stored. DLNMS_KERNELS_DLNMS need none: they start about as fast without. Copied.
  const char *cache_dir;
  // Library of a plugin provider (TensorRT for RTX, OpenVINO) or its folder; NULL: DLNMS_TENSORRT_RTX or DLNMS_OPENVINO
  // in the environment, else beside this library, else beside ONNX Runtime. Copied.
  const char *plugin_path;
  // Longest time of dlnms_scorer_prepare() in milliseconds, after which it fails with DLNMS_E_DEADLINE; 0: no limit.
  uint32_t prepare_timeout_ms;
  // DLNMS_PRECISION_ of every provider that does not state its own; 0: FP16 on a GPU where the bundle has it and the
  // self-test passes, else FP32.
  uint32_t precision;
  // Not 0: the pool's threads spin between the operators of a run, and for some milliseconds after it, instead of
  // sleeping. A run becomes some hundredths faster, a tenth with ONNX Runtime's kernels, and the cores are busy for
  // longer.
  uint32_t spin;
  // Must be 0.
  uint32_t reserved;
  // SHA-256 of the bundle's manifest.json, 64 hexadecimal digits, as a result's JSON and dlnms info show it: the bundle
  // must be this one to the last byte of every file. NULL: any. Copied.
  const char *expected_manifest_sha256;
  // Public key in minisign's format, as the line of the key or as the whole text of its file: the bundle must hold this key's
  // signature of its manifest, in manifest.json.minisig. NULL: none is looked for. Copied.
  const char *bundle_key;
  // Audit log to which a line is added for each case; NULL: none. Copied.
  const dlnms_audit_options *audit;
} dlnms_scorer_options;

// Where the pixels of one plane of the input tensors lie in the patient; fill with dlnms_plane_grid_init(). Pixel (row, column)
// lies at origin + spacing_mm * (row * rows + column * columns), LPS mm.
typedef struct {
  // Size of the struct in bytes, set by dlnms_plane_grid_init().
  uint32_t struct_size;
  // Rows, and columns.
  uint32_t side;
  // Centre of pixel (0, 0), LPS mm.
  double origin[3];
  // Unit vector from row to row.
  double rows[3];
  // Unit vector from column to column.
  double columns[3];
  // From pixel to pixel along both axes, mm.
  double spacing_mm;
} dlnms_plane_grid;

// Writes defaults into scorer options: AUTO, default threads, default quality policy, no cache. Set bundle_dir afterwards.
//
// Parameters:
// - options: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_scorer_options) as the caller sees it.
void dlnms_scorer_options_init(dlnms_scorer_options *options,
                               uint32_t struct_size);

// Opens a bundle: reads and checks its manifest and its self-test vectors. dlnms_scorer_prepare() verifies the model file and
// builds the network.
//
// Parameters:
// - runtime: the handle of ONNX Runtime; may be freed afterwards.
// - options: an initialised struct; everything that it leads to is copied.
// - out: receives the scorer; free it with dlnms_scorer_free().
//
// Errors:
// DLNMS_E_BUNDLE_MISSING, DLNMS_E_BUNDLE_MANIFEST, DLNMS_E_BUNDLE_VERSION and DLNMS_E_BUNDLE_ALTERED (self-test vectors, or a
// manifest that is not the expected one) with the file or field; DLNMS_E_BUNDLE_UNSIGNED, DLNMS_E_BUNDLE_SIGNATURE and
// DLNMS_E_BUNDLE_SIGNER if the signature by bundle_key is missing, does not fit the manifest, or is by another key;
// DLNMS_E_AUDIT and DLNMS_E_AUDIT_ALTERED for an audit log that cannot be written or is not sound;
// DLNMS_E_NULL_ARGUMENT, DLNMS_E_INVALID_ARGUMENT, DLNMS_E_UTF8.
dlnms_status dlnms_scorer_new(const dlnms_runtime *runtime,
                              const dlnms_scorer_options *options,
                              dlnms_scorer **out,
                              dlnms_error **err);

// Does all slow work now: builds the network for a provider, warms it up, and compares its answers with the bundle's self-test
// vectors. A scorer that is prepared already returns at once. dlnms_scorer_score() prepares by itself if nobody did, and sets
// DLNMS_FLAG_PREPARED_IN_CALL.
//
// Cancelling and prepare_timeout_ms stop ONNX Runtime where it checks for them: between the parts of loading a model and
// between the nodes of a run, not inside the compiler of a GPU. After a failure the scorer can be prepared again.
//
// Parameters:
// - scorer: the scorer.
// - progress: an initialised struct, called from the calling thread at each step and every 100 ms; may be NULL.
// - cancel: a token; may be NULL.
//
// Errors:
// DLNMS_E_PROVIDER_UNAVAILABLE with the reason of each provider, DLNMS_E_SELF_TEST, DLNMS_E_BUNDLE_MODEL,
// DLNMS_E_BUNDLE_MISSING, DLNMS_E_BUNDLE_ALTERED, DLNMS_E_CANCELLED, DLNMS_E_DEADLINE, DLNMS_E_RESOURCES (the system refuses a
// thread), DLNMS_E_BUSY (called from progress of the same scorer, which holds for every function that scores).
dlnms_status dlnms_scorer_prepare(const dlnms_scorer *scorer,
                                  const dlnms_progress *progress,
                                  const dlnms_cancel *cancel,
                                  dlnms_error **err);

// Scores one case. Voxels are read in place during the call, and nothing of the case is kept.
//
// Parameters:
// - scorer: the scorer; any number of threads may score at once.
// - c: an initialised case; its pointers must stay valid and unchanged during the call.
// - cancel: a token; may be NULL.
// - out: receives the result; free it with dlnms_result_free().
//
// Errors:
// Those of dlnms_scorer_prepare(); DLNMS_E_VOLUME_SHAPE, DLNMS_E_VOLUME_GEOMETRY, DLNMS_E_VOXEL_NOT_FINITE,
// DLNMS_E_NO_OVERLAP, DLNMS_E_ROI_EMPTY, DLNMS_E_ROI_OUTSIDE, DLNMS_E_ROI_INVALID and DLNMS_E_SUV with the field at fault;
// DLNMS_E_QUALITY with every finding that the policy refuses; DLNMS_E_VOXEL_RANGE if the network's output for this case is not
// a probability although its provider still passes the self-test; DLNMS_E_AUDIT and DLNMS_E_AUDIT_ALTERED if the line of the audit
// log cannot be written.
dlnms_status dlnms_scorer_score(const dlnms_scorer *scorer,
                                const dlnms_case *c,
                                const dlnms_cancel *cancel,
                                dlnms_result **out,
                                dlnms_error **err);

// Scores many cases, several in one run of the network. Each case has an outcome of its own, equal to the bit to that of
// dlnms_scorer_score(). The call itself fails only if no case was scored; then nothing is written.
//
// Parameters:
// - scorer: the scorer.
// - cases: an array of n pointers to cases as for dlnms_scorer_score(); may be NULL if n is 0.
// - n: number of cases, at most DLNMS_MAX_BATCH.
// - cancel: a token; may be NULL. Cases that have not begun when it is triggered get DLNMS_E_CANCELLED.
// - results: has room for n pointers; receives each result, or NULL for a case that failed. Free each with dlnms_result_free().
// - errors: has room for n pointers; receives the error of each case that failed, else NULL. Free each with
//   dlnms_error_free(). May be NULL if the reasons are not wanted.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (n), those of dlnms_scorer_prepare().
dlnms_status dlnms_scorer_score_batch(const dlnms_scorer *scorer,
                                      const dlnms_case *const *cases,
                                      size_t n,
                                      const dlnms_cancel *cancel,
                                      dlnms_result **results,
                                      dlnms_error **errors,
                                      dlnms_error **err);

// Computes the input tensors of the network for a case, without running the network: channels x rows x columns of normalised
// values. With the default preprocessing the channels are the axial, coronal and sagittal plane through the centre. The scorer
// need not be prepared.
//
// Parameters:
// - scorer: the scorer.
// - c: a case as for dlnms_scorer_score().
// - pet: receives the PET tensor; has room for capacity floats and does not overlap ct. May be NULL if capacity is 0.
// - ct: receives the CT tensor; as pet.
// - capacity: number of floats that each tensor has room for; 0 asks for the number alone.
// - needed: receives the number of floats of each tensor, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if capacity is not 0.
//
// Errors:
// Those of dlnms_scorer_score() but for the network's; DLNMS_E_BUFFER_TOO_SMALL.
dlnms_status dlnms_scorer_planes(const dlnms_scorer *scorer,
                                 const dlnms_case *c,
                                 float *pet,
                                 float *ct,
                                 size_t capacity,
                                 size_t *needed,
                                 dlnms_error **err);

// Writes a description of the scorer as JSON: model, cut-offs, preprocessing, runtime, the provider in use and the reason for
// each provider that was skipped.
//
// Parameters:
// - scorer: the scorer.
// - buffer: receives the text with its NUL; has room for capacity bytes. May be NULL if capacity is 0.
// - capacity: size of buffer in bytes; 0 asks for the length alone.
// - needed: receives the length with the NUL, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if capacity is not 0.
//
// Errors:
// DLNMS_E_BUFFER_TOO_SMALL, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_scorer_info_json(const dlnms_scorer *scorer,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *needed,
                                    dlnms_error **err);

// Frees a scorer. Its memory is released when the calls that other threads have made with it have ended.
//
// Parameters:
// - scorer: the scorer; NULL does nothing.
void dlnms_scorer_free(dlnms_scorer *scorer);

// Sets every field of a plane's grid to 0 and its struct_size to struct_size.
//
// Parameters:
// - grid: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_plane_grid) as the caller sees it.
void dlnms_plane_grid_init(dlnms_plane_grid *grid, uint32_t struct_size);

// Returns where the pixels of a plane of dlnms_scorer_planes() lie in the patient, so that a viewer can overlay it. PET and CT
// share it. The scorer need not be prepared.
//
// Parameters:
// - scorer: the scorer.
// - c: a case as for dlnms_scorer_score().
// - plane: index of the plane, in the order of the channels.
// - out: an initialised struct; receives the grid.
//
// Errors:
// Those of dlnms_scorer_planes(); DLNMS_E_INVALID_ARGUMENT (plane), DLNMS_E_STRUCT_SIZE.
dlnms_status dlnms_scorer_plane_grid(const dlnms_scorer *scorer,
                                     const dlnms_case *c,
                                     uint32_t plane,
                                     dlnms_plane_grid *out,
                                     dlnms_error **err);

/* ======================================================================================================== */
/* Queue: scores without waiting                                                                            */
/* ======================================================================================================== */

// The job waits for a thread of the queue.
#define DLNMS_JOB_WAITING 1

// The case is being scored.
#define DLNMS_JOB_RUNNING 2

// The outcome is available.
#define DLNMS_JOB_DONE 3

// A case that was submitted.
typedef struct dlnms_job dlnms_job;

// Scores cases with threads of its own, for hosts whose threads must not wait.
typedef struct dlnms_queue dlnms_queue;

// Options of a queue; fill with dlnms_queue_options_init().
typedef struct {
  // Size of the struct in bytes, set by dlnms_queue_options_init().
  uint32_t struct_size;
  // Largest number of jobs that wait; 0 is 64.
  uint32_t capacity;
  // Threads, each with a case; they sleep when there is none. 0 is 2: one prepares planes while the other runs the
  // network, which has the threads of the scorer besides.
  uint32_t workers;
  // Must be 0.
  uint32_t reserved;
} dlnms_queue_options;

// Notifies the host that a job is done; fill with dlnms_completion_init().
//
// callback gets the job and user_data, from a thread of the queue, once, after the outcome is there and even if the
// job was cancelled. It may take the result, free the job, submit others and free the queue; it must not throw or longjmp.
// drop, if not NULL, is called exactly once with user_data when the library needs it no more.
typedef struct {
  // Size of the struct in bytes, set by dlnms_completion_init().
  uint32_t struct_size;
  // Must be 0.
  uint32_t reserved;
  // The function to call. Required.
  void (*callback)(dlnms_job *job, void *user_data);
  // Passed to callback and drop; the library does not look at it.
  void *user_data;
  // Called once with user_data when the library no longer needs it; may be NULL.
  void (*drop)(void *user_data);
} dlnms_completion;

// Writes defaults into queue options: 64 waiting jobs and two workers.
//
// Parameters:
// - options: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_queue_options) as the caller sees it.
void dlnms_queue_options_init(dlnms_queue_options *options, uint32_t struct_size);

// Writes defaults into a completion: no callback.
//
// Parameters:
// - completion: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_completion) as the caller sees it.
void dlnms_completion_init(dlnms_completion *completion, uint32_t struct_size);

// Makes a queue in front of a scorer.
//
// Parameters:
// - scorer: the scorer; the queue keeps it, so it may be freed afterwards.
// - options: an initialised struct, read during the call; NULL: the defaults.
// - out: receives the queue; free it with dlnms_queue_free().
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (capacity, workers), DLNMS_E_RESOURCES (the system refuses every thread; where it refuses some, the
// queue has fewer workers).
dlnms_status dlnms_queue_new(const dlnms_scorer *scorer,
                             const dlnms_queue_options *options,
                             dlnms_queue **out,
                             dlnms_error **err);

// Submits a case and returns at once.
//
// Parameters:
// - queue: the queue.
// - c: a case as for dlnms_scorer_score(). Its structs and texts are copied during the call; voxels, masks and arrays are read
//   later and must stay valid and unchanged until the job is done.
// - done: an initialised struct whose callback is called when the job is done; may be NULL.
// - out: receives the job; free it with dlnms_job_free().
//
// Errors:
// DLNMS_E_QUEUE_FULL when as many jobs wait as the queue has room for; those of dlnms_scorer_score() that do not depend on
// voxels. After an error nothing was submitted, and the drop of done was called if its struct was accepted.
dlnms_status dlnms_queue_submit(const dlnms_queue *queue,
                                const dlnms_case *c,
                                const dlnms_completion *done,
                                dlnms_job **out,
                                dlnms_error **err);

// Returns the number of jobs that wait for a thread.
//
// Parameters:
// - queue: the queue; 0 is returned for a dead one.
size_t dlnms_queue_waiting(const dlnms_queue *queue);

// Frees a queue. Jobs that wait are cancelled, jobs that run are finished, and the call returns when every job is done and every
// thread has ended.
//
// In the callback of a job of the same queue, and in the progress callback of the scorer's prepare, the call cannot wait and
// returns at once. The jobs are then done some time after that callback has returned; each job's callback says when, and until
// then its voxels must stay valid.
//
// Parameters:
// - queue: the queue; NULL does nothing.
void dlnms_queue_free(dlnms_queue *queue);

// Returns the state of a job as a DLNMS_JOB_ constant, without waiting.
//
// Parameters:
// - job: the job; 0 is returned for a dead one.
uint32_t dlnms_job_poll(const dlnms_job *job);

// Returns the fraction of a job that is done, 0 to 1: of an explanation the runs of the network, of a score 0 until it is done.
//
// Parameters:
// - job: the job; 0 is returned for a dead one.
float dlnms_job_progress(const dlnms_job *job);

// Waits until a job is done.
//
// Parameters:
// - job: the job.
// - timeout_ms: longest time to wait in milliseconds; UINT32_MAX waits without limit.
//
// Errors:
// DLNMS_E_DEADLINE if the job is not done by then. DLNMS_E_BUSY at once for a job that is not done, in the callback of a job of
// the same queue and in the progress callback of the scorer's prepare: the job may be waiting for that callback.
dlnms_status dlnms_job_wait(const dlnms_job *job,
                            uint32_t timeout_ms,
                            dlnms_error **err);

// Moves the outcome of a finished job to the caller: its result, or the error that dlnms_scorer_score() would have given. It can
// be called once for each job.
//
// Parameters:
// - job: the job.
// - out: receives the result; free it with dlnms_result_free().
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT if the job is not done, its outcome was taken before, or it is an explanation; those of the job.
dlnms_status dlnms_job_result(const dlnms_job *job,
                              dlnms_result **out,
                              dlnms_error **err);

// Cancels a job. One that waits ends with DLNMS_E_CANCELLED when a thread reaches it, one that runs at its next check.
//
// Parameters:
// - job: the job; NULL does nothing.
void dlnms_job_cancel(const dlnms_job *job);

// Frees the handle of a job. A job that is not done continues and still needs its voxels; its outcome is discarded, and its
// callback is called with the handle that was freed.
//
// Parameters:
// - job: the job; NULL does nothing.
void dlnms_job_free(dlnms_job *job);

/* ======================================================================================================== */
/* Explanations: what moved the scores, and how steady they are                                             */
/* ======================================================================================================== */

// Contributions of the planes and of the modalities: 15 runs of the network on the CPU, 127 on a GPU.
#define DLNMS_EXPLAIN_CONTRIBUTIONS 1

// Stability under small changes of the case: 43 runs.
#define DLNMS_EXPLAIN_STABILITY 2

// Occlusion maps: some hundred runs.
#define DLNMS_EXPLAIN_OCCLUSION 4

// What is taken away is replaced by the bundle's values outside of a volume: no uptake, air.
#define DLNMS_BASELINE_OUTSIDE 1

// What is taken away is replaced by the plane itself, blurred.
#define DLNMS_BASELINE_BLUR 2

// The score N1.
#define DLNMS_SCORE_N1 1

// The score N2.
#define DLNMS_SCORE_N2 2

// As the index of a plane: the modality as a whole, in the game of two players PET and CT.
#define DLNMS_PLANE_ALL 4294967295

// The scores of a case and what explains them.
typedef struct dlnms_explanation dlnms_explanation;

// Options of an explanation; fill with dlnms_explain_options_init().
typedef struct {
  // Size of the struct in bytes, set by dlnms_explain_options_init().
  uint32_t struct_size;
  // DLNMS_EXPLAIN_ bits; 0 for the result and the study's population alone.
  uint32_t what;
  // DLNMS_BASELINE_ of contributions and maps; contributions are computed with the other one too. 0: outside.
  uint32_t baseline;
  // Side of the squares that are hidden for occlusion maps, pixels; 0 with stride 0: 28. 16 suits tumours below 3 cm.
  uint32_t patch;
  // From square to square, pixels; 0 with patch 0: 14. The squares must end with the plane.
  uint32_t stride;
  // Not 0: squares of the whole planes are hidden, not only those within 20 mm of the lesion.
  uint32_t whole_planes;
  // Whether the patient's nodes are clinically negative (cN0): a DLNMS_TRISTATE_ constant.
  int32_t clinical_n0;
  // Whether the tumour is a non-small cell lung cancer: a DLNMS_TRISTATE_ constant.
  int32_t nsclc;
  // Age of the patient in years; NaN if it is not known.
  double age_years;
} dlnms_explain_options;

// What a plane or a modality contributes to the scores, as differences of the probability; fill with
// dlnms_contribution_init().
//
// The contributions of all planes sum to the difference of the score and its value without any plane, and so do those of both
// modalities: these are two games.
typedef struct {
  // Size of the struct in bytes, set by dlnms_contribution_init().
  uint32_t struct_size;
  // 1: both baselines agree in sign for N1; 0: the contribution depends on what replaces the plane.
  uint32_t agree_n1;
  // Likewise for N2.
  uint32_t agree_n2;
  // Runs of the network that the contributions took.
  uint32_t runs;
  // To N1, against the baseline of the options.
  double n1;
  // To N2, likewise.
  double n2;
  // To N1, against the other baseline.
  double second_n1;
  // To N2, likewise.
  double second_n2;
  // N1 without any plane, against the baseline of the options.
  double base_n1;
  // N2, likewise.
  double base_n2;
} dlnms_contribution;

// How steady a score is under the fixed list of small changes of the case; fill with dlnms_stability_init(). None of it is a
// probability.
typedef struct {
  // Size of the struct in bytes, set by dlnms_stability_init().
  uint32_t struct_size;
  // Changes that were made; at most 42.
  uint32_t changes;
  // 1: the bundle has cut-offs, and the next two fields are set.
  uint32_t has_groups;
  // In how many changed cases the score's risk group is another than that of the case as it is.
  uint32_t group_changed;
  // In how many changed cases the combined risk group is.
  uint32_t combined_changed;
  // Changes of the list that were not made, because the case does not allow them; the JSON says why.
  uint32_t omitted;
  // Lowest score.
  double min;
  // Highest score.
  double max;
  // Standard deviation.
  double sd;
  // The score that 5 % do not exceed.
  double p5;
  // The score that 95 % do not exceed.
  double p95;
  // Distance of the score from its cut-off in standard deviations; NaN without a cut-off or without spread.
  double margin_sd;
} dlnms_stability;

// Writes defaults into the options of an explanation: contributions and stability, nothing known of the patient.
//
// Parameters:
// - options: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_explain_options) as the caller sees it.
void dlnms_explain_options_init(dlnms_explain_options *options,
                                uint32_t struct_size);

// Scores one case and explains the scores: contributions of the planes, stability, and occlusion maps if they are asked for.
// The scores are the same to the bit as those of dlnms_scorer_score(). An explanation shows where changing the images changes
// the scores. It does not show where the disease is.
//
// Parameters:
// - scorer: the scorer; any number of threads may explain at once.
// - c: a case as for dlnms_scorer_score().
// - options: an initialised struct, read during the call; NULL: the defaults.
// - progress: an initialised struct, called from the calling thread with DLNMS_PHASE_EXPLAIN after each run of the network;
//   may be NULL.
// - cancel: a token; may be NULL.
// - out: receives the explanation; free it with dlnms_explanation_free().
//
// Errors:
// Those of dlnms_scorer_score(); DLNMS_E_UNSUPPORTED for a bundle of more than three planes; DLNMS_E_RUNTIME if a run fails, also
// where a score would go over to another provider: an explanation belongs to the engine of its scores.
dlnms_status dlnms_scorer_explain(const dlnms_scorer *scorer,
                                  const dlnms_case *c,
                                  const dlnms_explain_options *options,
                                  const dlnms_progress *progress,
                                  const dlnms_cancel *cancel,
                                  dlnms_explanation **out,
                                  dlnms_error **err);

// Returns the result that an explanation explains, as dlnms_scorer_score() would have returned it.
//
// Parameters:
// - explanation: the explanation.
// - out: receives a result of its own; free it with dlnms_result_free().
//
// Errors:
// DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_explanation_result(const dlnms_explanation *explanation,
                                      dlnms_result **out,
                                      dlnms_error **err);

// Writes the result as dlnms_result_json() does, with the whole explanation under explanation.
//
// Parameters:
// - explanation: the explanation.
// - buffer: receives the text with its NUL; has room for capacity bytes. May be NULL if capacity is 0.
// - capacity: size of buffer in bytes; 0 asks for the length alone.
// - needed: receives the length with the NUL, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if capacity is not 0.
//
// Errors:
// DLNMS_E_BUFFER_TOO_SMALL, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_explanation_json(const dlnms_explanation *explanation,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *needed,
                                    dlnms_error **err);

// Sets every field of a contribution to 0 and its struct_size to struct_size.
//
// Parameters:
// - contribution: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_contribution) as the caller sees it.
void dlnms_contribution_init(dlnms_contribution *contribution, uint32_t struct_size);

// Copies what a plane, or a modality as a whole, contributes to the scores.
//
// Parameters:
// - explanation: the explanation.
// - modality: DLNMS_MODALITY_PET or DLNMS_MODALITY_CT.
// - plane: index of a plane, in the order of the input tensors; or DLNMS_PLANE_ALL.
// - out: an initialised struct; receives the contribution.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (modality, plane; a modality that the network does not see; contributions that were not asked for),
// DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_explanation_contribution(const dlnms_explanation *explanation,
                                            uint32_t modality,
                                            uint32_t plane,
                                            dlnms_contribution *out,
                                            dlnms_error **err);

// Sets every field of a stability to 0 and its struct_size to struct_size.
//
// Parameters:
// - stability: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_stability) as the caller sees it.
void dlnms_stability_init(dlnms_stability *stability, uint32_t struct_size);

// Copies how steady a score is.
//
// Parameters:
// - explanation: the explanation.
// - score: DLNMS_SCORE_N1 or DLNMS_SCORE_N2.
// - out: an initialised struct; receives the stability.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (score; stability that was not asked for), DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_explanation_stability(const dlnms_explanation *explanation,
                                         uint32_t score,
                                         dlnms_stability *out,
                                         dlnms_error **err);

// Returns an occlusion map: for each pixel of a plane the mean of what the score loses when a square that covers the pixel is
// hidden; NaN where no hidden square covers it.
//
// Parameters:
// - explanation: the explanation.
// - modality: DLNMS_MODALITY_PET or DLNMS_MODALITY_CT, in which the squares were hidden.
// - plane: index of a plane, in the order of the input tensors.
// - score: DLNMS_SCORE_N1 or DLNMS_SCORE_N2.
// - values: receives grid.side x grid.side values, row by row, which live as long as the explanation.
// - grid: an initialised struct; receives where the pixels lie in the patient. May be NULL.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (modality, plane, score; maps that were not asked for), DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_explanation_map(const dlnms_explanation *explanation,
                                   uint32_t modality,
                                   uint32_t plane,
                                   uint32_t score,
                                   const float **values,
                                   dlnms_plane_grid *grid,
                                   dlnms_error **err);

// Frees an explanation.
//
// Parameters:
// - explanation: the explanation; NULL does nothing.
void dlnms_explanation_free(dlnms_explanation *explanation);

// Submits a case to be scored and explained, and returns at once. dlnms_job_progress() says how far it is; its outcome is for
// dlnms_job_explanation().
//
// Parameters:
// - queue: the queue.
// - c: a case as for dlnms_queue_submit().
// - options: an initialised struct, read during the call; NULL: the defaults.
// - done: an initialised struct whose callback is called when the job is done; may be NULL.
// - out: receives the job; free it with dlnms_job_free().
//
// Errors:
// Those of dlnms_queue_submit(); DLNMS_E_INVALID_ARGUMENT with the field of options at fault.
dlnms_status dlnms_queue_submit_explain(const dlnms_queue *queue,
                                        const dlnms_case *c,
                                        const dlnms_explain_options *options,
                                        const dlnms_completion *done,
                                        dlnms_job **out,
                                        dlnms_error **err);

// Moves the outcome of a finished job of dlnms_queue_submit_explain() to the caller: the explanation, or the error that
// dlnms_scorer_explain() would have given. It can be called once for each job.
//
// Parameters:
// - job: the job.
// - out: receives the explanation; free it with dlnms_explanation_free().
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT if the job is not done, its outcome was taken before, or it is a result; those of the job.
dlnms_status dlnms_job_explanation(const dlnms_job *job,
                                   dlnms_explanation **out,
                                   dlnms_error **err);

/* ======================================================================================================== */
/* Studies: DICOM folders and buffers                                                                       */
/* ======================================================================================================== */

// Limits of reading; fill with dlnms_read_options_init(). NULL instead of the struct means its defaults.
typedef struct {
  // Size of the struct in bytes, set by dlnms_read_options_init().
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
  // Must be 0.
  uint32_t reserved;
} dlnms_read_options;

// Which series to load; fill with dlnms_series_choice_init().
typedef struct {
  // Size of the struct in bytes, set by dlnms_series_choice_init().
  uint32_t struct_size;
  // Must be 0.
  uint32_t reserved;
  // Series Instance UID of the CT; NULL leaves it to the rule.
  const char *ct_series;
  // Series Instance UID of the PET; NULL leaves it to the rule.
  const char *pet_series;
} dlnms_series_choice;

// Writes defaults into reading options.
//
// Parameters:
// - options: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_read_options) as the caller sees it.
void dlnms_read_options_init(dlnms_read_options *options, uint32_t struct_size);

// Reads the headers of DICOM files and folders, which are searched recursively, without decoding a pixel. Afterwards
// dlnms_study_series() and dlnms_study_roi() list what was found, and dlnms_study_load() decodes the volumes.
//
// Parameters:
// - paths: an array of n_paths NUL-terminated UTF-8 strings, read during the call.
// - n_paths: number of strings.
// - options: an initialised struct, which also holds for dlnms_study_load(); NULL: the defaults.
// - cancel: a token; may be NULL. The call ends within 100 ms after it is triggered.
// - out: receives the study; free it with dlnms_study_free().
//
// Errors:
// DLNMS_E_DICOM_READ, DLNMS_E_CANCELLED, DLNMS_E_OUT_OF_MEMORY, DLNMS_E_RESOURCES (too many open files), DLNMS_E_UTF8,
// DLNMS_E_UNSUPPORTED in a build without readers.
dlnms_status dlnms_study_scan(const char *const *paths,
                              size_t n_paths,
                              const dlnms_read_options *options,
                              const dlnms_cancel *cancel,
                              dlnms_study **out,
                              dlnms_error **err);

// Reads the headers of DICOM files that are in memory, as dlnms_study_scan() does for files. Messages name them "buffer 0",
// "buffer 1" and so on.
//
// Parameters:
// - buffers: an array of n_buffers pointers, each to one DICOM file with or without preamble. The bytes are copied.
// - sizes: an array of n_buffers sizes in bytes.
// - n_buffers: number of buffers.
// - options: an initialised struct, which also holds for dlnms_study_load(); NULL: the defaults.
// - cancel: a token; may be NULL.
// - out: receives the study; free it with dlnms_study_free().
//
// Errors:
// Those of dlnms_study_scan().
dlnms_status dlnms_study_scan_buffers(const uint8_t *const *buffers,
                                      const size_t *sizes,
                                      size_t n_buffers,
                                      const dlnms_read_options *options,
                                      const dlnms_cancel *cancel,
                                      dlnms_study **out,
                                      dlnms_error **err);

// Writes defaults into a series choice: CT and PET are selected by rule.
//
// Parameters:
// - choice: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_series_choice) as the caller sees it.
void dlnms_series_choice_init(dlnms_series_choice *choice, uint32_t struct_size);

// Decodes the CT and the PET of a scanned study. It can be called once for each study.
//
// The rule: the CT is not a localizer and is in HU, the PET is attenuation corrected and convertible to SUV, both are complete
// and regular, and they share a frame of reference, or a study if either states no frame of reference. Of such pairs the one
// with the most voxels in both series is selected. If two pairs are equally good, the call fails and lists their UIDs. A UID
// in choice restricts that modality to one series; two UIDs select any pair, and a mismatch becomes a finding. The checks of
// each series remain.
//
// Parameters:
// - study: the study.
// - choice: an initialised struct; NULL: by rule.
// - progress: an initialised struct, called with DLNMS_PHASE_DECODE from the decoding threads, one call at a time; may be NULL.
// - cancel: a token; may be NULL. The call ends within 100 ms after it is triggered; a codec that cannot be interrupted may
//   finish its slice in the background.
//
// Errors:
// DLNMS_E_DICOM_NO_SERIES, DLNMS_E_DICOM_SERIES, DLNMS_E_DICOM_PIXELS, DLNMS_E_SUV, DLNMS_E_CANCELLED, DLNMS_E_OUT_OF_MEMORY,
// DLNMS_E_RESOURCES, DLNMS_E_INVALID_ARGUMENT if the study is loaded already or needs more than max_study_bytes.
dlnms_status dlnms_study_load(const dlnms_study *study,
                              const dlnms_series_choice *choice,
                              const dlnms_progress *progress,
                              const dlnms_cancel *cancel,
                              dlnms_error **err);

// Scans and loads a study in one call: dlnms_study_scan() and dlnms_study_load().
//
// Parameters:
// - paths: an array of n_paths NUL-terminated UTF-8 strings, read during the call.
// - n_paths: number of strings.
// - options: an initialised struct; NULL: the defaults.
// - choice: an initialised struct; NULL: by rule.
// - progress: an initialised struct, called with DLNMS_PHASE_DECODE from the decoding threads, one call at a time; may be NULL.
// - cancel: a token; may be NULL.
// - out: receives the study; free it with dlnms_study_free().
//
// Errors:
// Those of dlnms_study_scan() and dlnms_study_load().
dlnms_status dlnms_study_open(const char *const *paths,
                              size_t n_paths,
                              const dlnms_read_options *options,
                              const dlnms_series_choice *choice,
                              const dlnms_progress *progress,
                              const dlnms_cancel *cancel,
                              dlnms_study **out,
                              dlnms_error **err);

// Frees a study with its volumes, masks and texts.
//
// Parameters:
// - study: the study; NULL does nothing.
void dlnms_study_free(dlnms_study *study);

/* ======================================================================================================== */
/* Studies: what a score takes from them                                                                    */
/* ======================================================================================================== */

// Describes a volume of a loaded study. The pointers in out live as long as the study.
//
// Parameters:
// - study: a loaded study.
// - modality: DLNMS_MODALITY_CT or DLNMS_MODALITY_PET.
// - out: an initialised struct; receives the description.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (modality; not loaded), DLNMS_E_STRUCT_SIZE.
dlnms_status dlnms_study_volume(const dlnms_study *study,
                                uint32_t modality,
                                dlnms_volume *out,
                                dlnms_error **err);

// Returns the PET attributes of a loaded study. The pointers in out live as long as the study.
//
// Parameters:
// - study: a loaded study.
// - out: an initialised struct; receives the attributes.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (not loaded), DLNMS_E_STRUCT_SIZE.
dlnms_status dlnms_study_pet_info(const dlnms_study *study, dlnms_pet_info *out, dlnms_error **err);

// Fills a context with the UIDs of a loaded study, so that a host can add who asks. The pointers in out live as long as the study.
//
// Parameters:
// - study: a loaded study.
// - out: an initialised struct; receives the context.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (not loaded), DLNMS_E_STRUCT_SIZE.
dlnms_status dlnms_study_context(const dlnms_study *study,
                                 dlnms_case_context *out,
                                 dlnms_error **err);

// Fills a case from a loaded study: its volumes, PET attributes, metadata and UIDs, and the host's ROI. If the ROI is a mask of
// dlnms_study_roi_mask(), the metadata states whether its contours overlap. The pointers in out live as long as the study,
// except roi, which belongs to the host.
//
// Parameters:
// - study: a loaded study.
// - roi: an initialised ROI, stored as a pointer; NULL if the host sets it later.
// - out: an initialised struct; receives the case.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (not loaded), DLNMS_E_STRUCT_SIZE, DLNMS_E_ROI_INVALID if the mask's frame of reference is not that
// of the study.
dlnms_status dlnms_study_case(const dlnms_study *study,
                              const dlnms_roi *roi,
                              dlnms_case *out,
                              dlnms_error **err);

// Returns the number of warnings about a loaded study's series: what was skipped and what is unusual.
//
// Parameters:
// - study: the study; 0 is returned for a dead one.
size_t dlnms_study_warning_count(const dlnms_study *study);

// Returns one warning as a sentence, or NULL beyond the last. The text lives as long as the study.
//
// Parameters:
// - study: the study.
// - index: from 0 to dlnms_study_warning_count() - 1.
const char *dlnms_study_warning(const dlnms_study *study, size_t index);

/* ======================================================================================================== */
/* Studies: headers for a host that has the voxels itself                                                   */
/* ======================================================================================================== */

// Returns what makes SUV of the PET's values, from the headers of a scanned study: no pixel is decoded, and the study need not
// be loaded. The slices are in the order of dlnms_volume_from_dicom(). The pointers in out live as long as the study.
//
// Parameters:
// - study: a study of dlnms_study_scan() or dlnms_study_scan_buffers().
// - choice: an initialised struct; NULL: by rule, as in dlnms_study_load().
// - out: an initialised struct; receives the attributes.
//
// Errors:
// DLNMS_E_DICOM_NO_SERIES, DLNMS_E_DICOM_SERIES, DLNMS_E_SUV, DLNMS_E_STRUCT_SIZE.
dlnms_status dlnms_pet_info_from_dicom(const dlnms_study *study,
                                       const dlnms_series_choice *choice,
                                       dlnms_pet_info *out,
                                       dlnms_error **err);

// Compares the headers of the CT and the PET of a scanned study: whether they belong to one patient, one study and one frame of
// reference, and what else the quality checks may know. No name or number of a patient is given out.
//
// Parameters:
// - study: a study of dlnms_study_scan() or dlnms_study_scan_buffers().
// - choice: an initialised struct; NULL: by rule, as in dlnms_study_load().
// - out: an initialised struct; receives the metadata.
//
// Errors:
// Those of dlnms_pet_info_from_dicom().
dlnms_status dlnms_case_metadata_from_dicom(const dlnms_study *study,
                                            const dlnms_series_choice *choice,
                                            dlnms_case_metadata *out,
                                            dlnms_error **err);

// Describes a volume of a scanned study as loading would: dimensions, grid, uneven slices, rescaling and padding of the stored
// values; data is NULL. A host compares its own volume with it, and takes slice_offsets from it where its own has even steps.
// The pointers in out live as long as the study.
//
// Parameters:
// - study: a study of dlnms_study_scan() or dlnms_study_scan_buffers().
// - choice: an initialised struct; NULL: by rule, as in dlnms_study_load().
// - modality: DLNMS_MODALITY_CT or DLNMS_MODALITY_PET.
// - out: an initialised struct; receives the description.
//
// Errors:
// Those of dlnms_pet_info_from_dicom(); DLNMS_E_INVALID_ARGUMENT (modality).
dlnms_status dlnms_volume_from_dicom(const dlnms_study *study,
                                     const dlnms_series_choice *choice,
                                     uint32_t modality,
                                     dlnms_volume *out,
                                     dlnms_error **err);

/* ======================================================================================================== */
/* Studies: what they hold                                                                                  */
/* ======================================================================================================== */

// Contours of an RT Structure Set.
#define DLNMS_ROI_SOURCE_RTSTRUCT 1

// A segment of a DICOM Segmentation.
#define DLNMS_ROI_SOURCE_SEG 2

// One series of a study; fill with dlnms_series_init(). Texts live as long as
// the study.
typedef struct {
  // Size of the struct in bytes, set by dlnms_series_init().
  uint32_t struct_size;
  // DLNMS_MODALITY_CT or DLNMS_MODALITY_PET.
  uint32_t modality;
  // Number of images.
  uint64_t slices;
  // Number of columns of an image.
  uint64_t columns;
  // Number of rows of an image.
  uint64_t rows;
  // Series Instance UID.
  const char *uid;
  // Not 0: loading by rule would use it.
  uint32_t chosen;
  // Not 0: suv_factor is set.
  uint32_t has_suv;
  // Why loading by rule would not use it; NULL if it would.
  const char *rejected_because;
  // PET: SUVbw factor of the first slice.
  double suv_factor;
  // PET: the rule that gave the factor; NULL if there is none.
  const char *suv_rule;
  // PET: why there is no factor; NULL if there is one.
  const char *suv_refusal;
} dlnms_series;

// One ROI of a study; fill with dlnms_roi_info_init(). Texts live as long as
// the study.
typedef struct {
  // Size of the struct in bytes, set by dlnms_roi_info_init().
  uint32_t struct_size;
  // A DLNMS_ROI_SOURCE_ constant.
  uint32_t source;
  // ROI Number or Segment Number.
  int64_t number;
  // ROI Name or Segment Label.
  const char *name;
  // Name of the file it is in; "file 17" for one inside a folder, unless the scan's options ask for names.
  const char *file;
  // Number of voxels in its mask.
  uint64_t voxels;
  // Volume of the mask, ml.
  double ml;
  // Centroid of the mask, LPS mm.
  double centroid_lps_mm[3];
  // Why it has no mask; NULL if it has one.
  const char *refusal;
  // Not 0: contours of one plane overlap in part and were joined; dlnms_study_case() states it in the metadata.
  uint32_t contours_overlap;
  // Not 0: it has a mask, and voxels, ml and centroid_lps_mm are set.
  uint32_t has_mask;
} dlnms_roi_info;

// Sets every field of a series to 0 and its struct_size to struct_size.
//
// Parameters:
// - series: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_series) as the caller sees it.
void dlnms_series_init(dlnms_series *series, uint32_t struct_size);

// Makes the lists of series and ROIs. Every ROI is rasterized on its grid for this, which may take a second. The functions that
// list do the same at their first call; this one can be cancelled.
//
// Parameters:
// - study: the study.
// - cancel: a token; may be NULL.
//
// Errors:
// DLNMS_E_CANCELLED, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_study_inspect(const dlnms_study *study,
                                 const dlnms_cancel *cancel,
                                 dlnms_error **err);

// Returns the number of CT and PET series. CT series come first.
//
// Parameters:
// - study: the study; 0 is returned for a dead one.
size_t dlnms_study_series_count(const dlnms_study *study);

// Describes one series.
//
// Parameters:
// - study: the study.
// - index: from 0 to dlnms_study_series_count() - 1.
// - out: an initialised struct; receives the description. Its texts live as long as the study.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_STRUCT_SIZE.
dlnms_status dlnms_study_series(const dlnms_study *study, size_t index, dlnms_series *out, dlnms_error **err);

// Sets every field of an ROI description to 0 and its struct_size to struct_size.
//
// Parameters:
// - info: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_roi_info) as the caller sees it.
void dlnms_roi_info_init(dlnms_roi_info *info, uint32_t struct_size);

// Returns the number of ROIs. Those of structure sets come first. The first call rasterizes every ROI, which may take a second.
//
// Parameters:
// - study: the study; 0 is returned for a dead one.
size_t dlnms_study_roi_count(const dlnms_study *study);

// Describes one ROI.
//
// Parameters:
// - study: the study.
// - index: from 0 to dlnms_study_roi_count() - 1.
// - out: an initialised struct; receives the description. Its texts live as long as the study.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_STRUCT_SIZE.
dlnms_status dlnms_study_roi(const dlnms_study *study, size_t index, dlnms_roi_info *out, dlnms_error **err);

// Describes the mask of one ROI, for dlnms_roi.mask. Contours are rasterized on the series that they were drawn on.
//
// Parameters:
// - study: the study.
// - index: from 0 to dlnms_study_roi_count() - 1.
// - cancel: ends the call within 100 ms after it is triggered; may be NULL.
// - out: an initialised struct; receives the mask. Its pointers live as long as the study.
//
// Errors:
// DLNMS_E_ROI_INVALID, DLNMS_E_ROI_EMPTY, DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_STRUCT_SIZE, DLNMS_E_CANCELLED,
// DLNMS_E_OUT_OF_MEMORY.
dlnms_status dlnms_study_roi_mask(const dlnms_study *study,
                                  size_t index,
                                  const dlnms_cancel *cancel,
                                  dlnms_volume *out,
                                  dlnms_error **err);

// Writes the series and ROIs of a study as JSON, as dlnms inspect --json prints them.
//
// Parameters:
// - study: the study.
// - buffer: receives the text with its NUL; has room for capacity bytes. May be NULL if capacity is 0.
// - capacity: size of buffer in bytes; 0 asks for the length alone.
// - needed: receives the length with the NUL, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if capacity is not 0.
//
// Errors:
// DLNMS_E_BUFFER_TOO_SMALL, DLNMS_E_INVALID_HANDLE.
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

// Reads a volume from a .nii, .nii.gz, .nrrd or .nhdr file. Coordinates become LPS.
//
// Parameters:
// - path: a NUL-terminated UTF-8 string.
// - options: an initialised struct, of which max_study_bytes is used; NULL: the defaults.
// - cancel: a token; may be NULL. The call ends within 100 ms after it is triggered.
// - out: receives the file's handle; free it with dlnms_volume_file_free().
//
// Errors:
// DLNMS_E_NIFTI, DLNMS_E_NRRD, DLNMS_E_UNSUPPORTED, DLNMS_E_VOLUME_GEOMETRY, DLNMS_E_CANCELLED, DLNMS_E_OUT_OF_MEMORY,
// DLNMS_E_RESOURCES (too many open files), DLNMS_E_INVALID_ARGUMENT (max_study_bytes).
dlnms_status dlnms_volume_file_open(const char *path,
                                    const dlnms_read_options *options,
                                    const dlnms_cancel *cancel,
                                    dlnms_volume_file **out,
                                    dlnms_error **err);

// Describes the volume of a file. The pointers in out live as long as the file's handle.
//
// Parameters:
// - file: the handle.
// - out: an initialised struct; receives the description.
//
// Errors:
// DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
dlnms_status dlnms_volume_file_volume(const dlnms_volume_file *file, dlnms_volume *out, dlnms_error **err);

// Reads the SUV attributes of a PET volume from a side-car: JSON of DICOM keywords and values, for example
// {"Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["ATTN"], "PatientWeight": 91, ...}. A list with as many
// values as there are slices gives each slice its own. The pointers in out live as long as the file's handle.
//
// Parameters:
// - file: the handle of the PET volume.
// - path: a NUL-terminated UTF-8 string: the side-car.
// - out: an initialised struct; receives the attributes.
//
// Errors:
// DLNMS_E_SUV with the keyword, DLNMS_E_STRUCT_SIZE.
dlnms_status dlnms_volume_file_pet_info(const dlnms_volume_file *file,
                                        const char *path,
                                        dlnms_pet_info *out,
                                        dlnms_error **err);

// Frees a volume file with its voxels.
//
// Parameters:
// - file: the handle; NULL does nothing.
void dlnms_volume_file_free(dlnms_volume_file *file);

/* ======================================================================================================== */
/* Results as DICOM objects                                                                                 */
/* ======================================================================================================== */

// A structured report of the scores and the lesion's measures. It refers to the object of DLNMS_OBJECT_SEGMENTATION.
#define DLNMS_OBJECT_SCORE_REPORT 1

// A segmentation of the lesion that was measured.
#define DLNMS_OBJECT_SEGMENTATION 2

// A structured report with a point on the CT, for viewers that draw a marker there.
#define DLNMS_OBJECT_MARKER 3

// The page of the result as a picture, which the host passes in dlnms_write_options: a Secondary Capture.
#define DLNMS_OBJECT_PAGE_IMAGE 4

// The page of the result as a PDF document, which the host passes in dlnms_write_options: an Encapsulated PDF.
#define DLNMS_OBJECT_PAGE_DOCUMENT 5

// The patient, the study and the images of a case of the host's own volumes, for dlnms_result_write(); fill with
// dlnms_identity_init(). A case of dlnms_study_case() needs none.
//
// Texts are NUL-terminated; their bytes are copied into the objects as they are, in the encoding that
// specific_character_set states. NULL is an empty value. Everything is borrowed for the call.
typedef struct {
  // Size of the struct in bytes, set by dlnms_identity_init().
  uint32_t struct_size;
  // Must be 0.
  uint32_t reserved;
  // Specific Character Set (0008,0005): the encoding of the texts below, for example "ISO_IR 192" for UTF-8; NULL: ASCII.
  const char *specific_character_set;
  // Patient's Name (0010,0010). The name or the ID is required.
  const char *patient_name;
  // Patient ID (0010,0020).
  const char *patient_id;
  // Issuer of Patient ID (0010,0021).
  const char *issuer_of_patient_id;
  // Patient's Birth Date (0010,0030).
  const char *patient_birth_date;
  // Patient's Sex (0010,0040).
  const char *patient_sex;
  // Study Instance UID (0020,000D). Required.
  const char *study_instance_uid;
  // Study Date (0008,0020).
  const char *study_date;
  // Study Time (0008,0030).
  const char *study_time;
  // Study ID (0020,0010).
  const char *study_id;
  // Study Description (0008,1030).
  const char *study_description;
  // Accession Number (0008,0050).
  const char *accession_number;
  // Referring Physician's Name (0008,0090).
  const char *referring_physician_name;
  // Timezone Offset From UTC (0008,0201), "+HHMM" or "-HHMM".
  const char *timezone_offset_from_utc;
  // Frame of Reference UID (0020,0052) of the PET. Required for a segmentation.
  const char *frame_of_reference_uid;
  // Position Reference Indicator (0020,1040).
  const char *position_reference_indicator;
  // Study Instance UID of the CT; NULL: that of the PET.
  const char *ct_study_instance_uid;
  // Series Instance UID (0020,000E) of the PET. Required.
  const char *pet_series_instance_uid;
  // Series Instance UID of the CT. Required.
  const char *ct_series_instance_uid;
  // SOP Class UID (0008,0016) of the images of the PET. Required.
  const char *pet_sop_class_uid;
  // SOP Class UID of the images of the CT. Required.
  const char *ct_sop_class_uid;
  // SOP Instance UID (0008,0018) of the image of each slice of the PET, in the order of its volume. Required.
  const char *const *pet_sop_instance_uids;
  // The same for the CT. Required.
  const char *const *ct_sop_instance_uids;
  // Number of the frame of each slice of the PET, from 1, in a multi-frame object; NULL: every slice is an object of its own.
  const uint32_t *pet_frame_numbers;
  // The same for the CT.
  const uint32_t *ct_frame_numbers;
  // Slices of the PET: the length of its two arrays.
  uint64_t n_pet;
  // Slices of the CT.
  uint64_t n_ct;
} dlnms_identity;

// Options of dlnms_result_write(); fill with dlnms_write_options_init().
typedef struct {
  // Size of the struct in bytes, set by dlnms_write_options_init().
  uint32_t struct_size;
  // 1: write results of weights that were not trained on patients; each object then says so. 0: refuse them.
  uint32_t allow_not_trained;
  // Number of the lesion among those of the study, from 1; 0 is 1.
  uint32_t lesion;
  // Must be 0.
  uint32_t reserved;
  // Whose the volumes are, for a case that is not of dlnms_study_case(). NULL for one that is: its study says it.
  const dlnms_identity *identity;
  // When the content was made, "YYYYMMDDHHMMSS"; NULL: now.
  const char *content_time;
  // A text that enters every UID; another one gives other UIDs. NULL: none.
  const char *uid_salt;
  // DLNMS_OBJECT_PAGE_IMAGE: the picture, three bytes (red, green, blue) for each pixel, row by row from the top. Nothing that
  // a patient could be known by may be drawn in it.
  const uint8_t *page_rgb;
  // Pixels of a row of the picture.
  uint32_t page_width;
  // Rows of the picture.
  uint32_t page_height;
  // DLNMS_OBJECT_PAGE_DOCUMENT: the PDF.
  const uint8_t *page_pdf;
  // Bytes of the PDF.
  uint64_t page_pdf_size;
} dlnms_write_options;

// Takes an object; fill with dlnms_sink_init().
//
// callback receives the usual name of the object's file, its bytes and their number, and user_data, once, on the calling
// thread; name and bytes live until it returns. A return value that is not 0 makes the call fail with DLNMS_E_CANCELLED. It
// must not throw or longjmp. drop, if not NULL, is called exactly once with user_data before the call that took the struct
// returns (but not if the struct itself is refused).
typedef struct {
  // Size of the struct in bytes, set by dlnms_sink_init().
  uint32_t struct_size;
  // Must be 0.
  uint32_t reserved;
  // The function to call. Required.
  int32_t (*callback)(const char *name, const uint8_t *bytes, size_t size, void *user_data);
  // Passed to callback and drop; the library does not look at it.
  void *user_data;
  // Called once with user_data when the library no longer needs it; may be NULL.
  void (*drop)(void *user_data);
} dlnms_sink;

// Writes defaults into an identity: every pointer NULL.
//
// Parameters:
// - identity: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_identity) as the caller sees it.
void dlnms_identity_init(dlnms_identity *identity, uint32_t struct_size);

// Writes defaults into options of writing.
//
// Parameters:
// - options: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_write_options) as the caller sees it.
void dlnms_write_options_init(dlnms_write_options *options, uint32_t struct_size);

// Writes defaults into a sink: no callback.
//
// Parameters:
// - sink: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_sink) as the caller sees it.
void dlnms_sink_init(dlnms_sink *sink, uint32_t struct_size);

// Makes one DICOM object of a result and hands its bytes, those of a file (PS3.10), to the sink. The patient and the study are
// those of the study that filled the case, or of options.identity; their texts are copied byte for byte. The same result
// gives the same UIDs. Writing the same result again with the same content_time gives the same bytes.
//
// Parameters:
// - result: the result; any number of threads may write it at once.
// - kind: a DLNMS_OBJECT_ constant. The score report and the segmentation need dlnms_case.measure_lesion.
// - options: an initialised struct whose pointers are valid during the call; NULL: the defaults.
// - sink: an initialised struct.
//
// Errors:
// DLNMS_E_NOT_TRAINED; DLNMS_E_DICOM_WRITE with what is missing or contradictory; DLNMS_E_INVALID_ARGUMENT (kind; an identity
// for a case of a study), DLNMS_E_CANCELLED by the sink, DLNMS_E_OUT_OF_MEMORY, DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE,
// DLNMS_E_UNSUPPORTED in a build without writers.
dlnms_status dlnms_result_write(const dlnms_result *result,
                                uint32_t kind,
                                const dlnms_write_options *options,
                                const dlnms_sink *sink,
                                dlnms_error **err);

/* ======================================================================================================== */
/* Results as pages for people                                                                              */
/* ======================================================================================================== */

// One HTML file that needs nothing else: the page, and its content once more as tables.
#define DLNMS_PAGE_HTML 1

// The page as a picture, 2048 pixels wide.
#define DLNMS_PAGE_PNG 2

// The page as a PDF file of one A4 sheet.
#define DLNMS_PAGE_PDF 3

// The page as one SVG file.
#define DLNMS_PAGE_SVG 4

// The CT is shown at -600 / 1500 HU.
#define DLNMS_CT_WINDOW_LUNG 0

// The CT is shown at 40 / 400 HU.
#define DLNMS_CT_WINDOW_SOFT_TISSUE 1

// What a host adds to a page; fill with dlnms_page_options_init(). Texts are UTF-8, and NULL is "not stated"; the page shows
// at most 160 characters of each, without control characters. What is known of the patient decides which conditions of the
// evidence by risk group are met.
typedef struct {
  // Size of the struct in bytes, set by dlnms_page_options_init().
  uint32_t struct_size;
  // A DLNMS_CT_WINDOW_ constant.
  uint32_t ct_window;
  // What the lesion is called, for example the name of its ROI.
  const char *lesion;
  // The scanner.
  const char *scanner;
  // When the page was made, as it is to stand there.
  const char *content_time;
  // A line that identifies the patient. NULL: the page identifies nobody, and says so.
  const char *identity_line;
  // Age of the patient in years; NaN if it is not known.
  double age_years;
  // The nodes are clinically negative (cN0): a DLNMS_TRISTATE_ constant, as the next eight fields.
  int32_t clinical_n0;
  // The tumour is a non-small cell lung cancer.
  int32_t nsclc;
  // The clinical stage is I.
  int32_t clinical_stage_i;
  // The pathological stage is I.
  int32_t pathological_stage_i;
  // A nodal biopsy was made, or can be.
  int32_t nodal_biopsy;
  // The patient is male.
  int32_t male;
  // The tumour is purely solid on CT.
  int32_t solid;
  // The tumour is in the left lung.
  int32_t left;
  // The tumour is central.
  int32_t central;
  // Not 0: leave out how long the call took, so that the pages of two runs of one case are the same to the byte.
  uint32_t without_durations;
} dlnms_page_options;

// Writes defaults into the options of a page: nothing is stated.
//
// Parameters:
// - options: the struct to fill, struct_size writable bytes; NULL does nothing.
// - struct_size: sizeof(dlnms_page_options) as the caller sees it.
void dlnms_page_options_init(dlnms_page_options *options, uint32_t struct_size);

// Makes the page of a result and hands its bytes to the sink. The pictures are on it if dlnms_case.sample_pictures was not 0
// when the case was scored: they belong to the result, so that a page cannot show another patient than its scores. The page of
// a case of a study holds the warnings of reading that study.
//
// Parameters:
// - result: the result; any number of threads may make its page at once.
// - kind: a DLNMS_PAGE_ constant.
// - options: an initialised struct whose pointers are valid during the call; NULL: the defaults.
// - sink: an initialised struct. The names are report.html, report.png, report.pdf and report.svg.
//
// Errors:
// DLNMS_E_INVALID_ARGUMENT (kind, ct_window, age_years, a DLNMS_TRISTATE_ constant), DLNMS_E_UTF8, DLNMS_E_CANCELLED by the sink,
// DLNMS_E_OUT_OF_MEMORY, DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE, DLNMS_E_UNSUPPORTED in a build without that kind of page.
dlnms_status dlnms_result_page(const dlnms_result *result,
                               uint32_t kind,
                               const dlnms_page_options *options,
                               const dlnms_sink *sink,
                               dlnms_error **err);

#ifdef __cplusplus
}
#endif

#endif /* DLNMS_H */
