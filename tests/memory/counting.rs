//! An allocator that counts: the whole process, and each thread for itself.
#![allow(unsafe_code)] // an allocator

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD_LIVE: Cell<isize> = const { Cell::new(0) };
    static THREAD_PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Waits until no other test counts.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the number of allocations so far and their bytes.
pub fn allocated() -> (usize, usize) {
    (CALLS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed))
}

/// A moment to measure the heap of the process from.
pub struct Mark(usize);

impl Mark {
    pub fn new() -> Self {
        let live = LIVE.load(Ordering::Relaxed);
        PEAK.store(live, Ordering::Relaxed);
        Self(live)
    }

    /// Returns the bytes that live now, beyond those that lived then.
    pub fn now(&self) -> usize {
        LIVE.load(Ordering::Relaxed).saturating_sub(self.0)
    }

    /// Returns the most bytes that lived at once since, beyond those that lived then.
    pub fn peak(&self) -> usize {
        PEAK.load(Ordering::Relaxed) - self.0
    }
}

/// A moment to measure the heap of this thread from.
pub struct ThreadMark(isize);

impl ThreadMark {
    pub fn new() -> Self {
        let live = THREAD_LIVE.get();
        THREAD_PEAK.set(live);
        Self(live)
    }

    /// Returns the most bytes of this thread that lived at once since, beyond those that lived then.
    pub fn peak(&self) -> usize {
        (THREAD_PEAK.get() - self.0).max(0) as usize
    }
}

struct Counting;

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        let _ = THREAD_LIVE.try_with(|live| {
            live.set(live.get() + layout.size() as isize);
            THREAD_PEAK.set(THREAD_PEAK.get().max(live.get()));
        });
        // SAFETY: handed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        let _ = THREAD_LIVE.try_with(|live| live.set(live.get() - layout.size() as isize));
        // SAFETY: handed on from the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
