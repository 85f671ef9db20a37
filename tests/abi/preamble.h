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

