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

