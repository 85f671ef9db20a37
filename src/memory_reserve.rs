//! An allocator with a reserve for small requests, so that a lack of memory ends an operation and not the process.
//!
//! Buffers whose size comes from input can fail: they are made by `allocation`. Everything else that allocates, such as a
//! `String`, a growing `Vec` or a parser, ends the process where memory is refused: Rust offers no other answer. With
//! [`MemoryReserve`] as the program's allocator, such a request is served from 8 MiB that were set aside when the program
//! was loaded. Every operation looks at this between its steps and ends with [`Error::OutOfMemory`], long before the reserve
//! is used up.
//!
//! A program has one global allocator, which is its own choice. The program `dlnms` uses this one, and so do the shared and
//! the static library for C if they are built with the feature `memory-reserve`, as `make dist` does. The feature is off by
//! default, because a Rust library that installs an allocator takes that choice from every program that uses it. A Rust
//! program installs it by
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: dlnms::memory_reserve::MemoryReserve = dlnms::memory_reserve::MemoryReserve;
//! ```
#![allow(unsafe_code)]

use crate::error::{Error, Result};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The system's allocator, and a reserve of 8 MiB for requests of at most 1 MiB that the system refuses.
///
/// The reserve is part of the program's zero-initialised data: it counts as address space from the start, and takes memory
/// only where it is used. An allocation that the system serves costs nothing more, and each release one comparison. No lock
/// is held at any time, so that a forked process can allocate.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryReserve;

#[cfg(feature = "memory-reserve")]
#[global_allocator]
static ALLOCATOR: MemoryReserve = MemoryReserve;

/// The reserve was used since the last time that the system had [`SPARE_BYTES`].
static SHORT: AtomicBool = AtomicBool::new(false);

static POOL: Pool<2048> = Pool::new();

/// A larger request is refused, so that no single one takes much of the reserve.
const LARGEST: usize = 1 << 20;

/// Memory that an operation should find before it begins. It is more than glibc ever takes from its heap, so that asking
/// for it is one mapping that leaves no trace.
pub(crate) const SPARE_BYTES: usize = 40 << 20;

/// Returns an error while memory is short: the reserve is in use, and the system does not have [`SPARE_BYTES`] again.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn check() -> Result<()> {
    if is_short() {
        Err(Error::OutOfMemory {
            what: "what is small".into(),
            bytes: SPARE_BYTES as u64,
        })
    } else {
        Ok(())
    }
}

/// Returns whether memory is short. Costs a load of a flag where it never was.
pub(crate) fn is_short() -> bool {
    SHORT.load(Ordering::Relaxed) && is_still_short()
}

#[cold]
fn is_still_short() -> bool {
    let short = !can_allocate(SPARE_BYTES);
    SHORT.store(short, Ordering::Relaxed);
    short
}

/// Returns whether the system could serve a request of so many bytes now. No page is touched.
pub(crate) fn can_allocate(bytes: usize) -> bool {
    let Ok(layout) = Layout::from_size_align(bytes.max(1), PAGE) else {
        return false;
    };
    // SAFETY: the size is not 0.
    let probe = unsafe { System.alloc(layout) };
    // Unused memory may be optimised away with the question whether it can be had.
    let probe = std::hint::black_box(probe);
    if !probe.is_null() {
        // SAFETY: allocated above with this layout.
        unsafe { System.dealloc(probe, layout) };
    }
    !probe.is_null()
}

// SAFETY: as for `Reserved`, whose methods are called with the same arguments.
unsafe impl GlobalAlloc for MemoryReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: handed on from the caller.
        unsafe { RESERVED.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: handed on from the caller.
        unsafe { RESERVED.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: handed on from the caller.
        unsafe { RESERVED.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: handed on from the caller.
        unsafe { RESERVED.realloc(pointer, layout, size) }
    }
}

const RESERVED: Reserved<'static, System, 2048> = Reserved {
    system: System,
    pool: &POOL,
};

/// An allocator that takes from a pool what the system refuses.
struct Reserved<'p, S, const PAGES: usize> {
    system: S,
    pool: &'p Pool<PAGES>,
}

impl<S, const PAGES: usize> Reserved<'_, S, PAGES> {
    #[cold]
    fn take_from_pool(&self, layout: Layout) -> *mut u8 {
        SHORT.store(true, Ordering::Relaxed);
        self.pool.allocate(layout)
    }
}

// SAFETY: memory is the system's or the pool's, each of which hands out no byte twice; a release goes to where the address
// lies. Nothing here panics: the pool indexes its bitmap below its length alone.
unsafe impl<S: GlobalAlloc, const PAGES: usize> GlobalAlloc for Reserved<'_, S, PAGES> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: handed on from the caller.
        let pointer = unsafe { self.system.alloc(layout) };
        if pointer.is_null() {
            self.take_from_pool(layout)
        } else {
            pointer
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: handed on from the caller.
        let pointer = unsafe { self.system.alloc_zeroed(layout) };
        if !pointer.is_null() {
            return pointer;
        }
        let pointer = self.take_from_pool(layout);
        if !pointer.is_null() {
            // SAFETY: so many bytes were allocated just now.
            unsafe { pointer.write_bytes(0, layout.size()) };
        }
        pointer
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match self.pool.block(pointer) {
            Some(block) => self.pool.release(block, blocks(layout.size())),
            // SAFETY: it is not the pool's, so it is the system's.
            None => unsafe { self.system.dealloc(pointer, layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let in_pool = self.pool.block(pointer);
        if in_pool.is_none() {
            // SAFETY: it is not the pool's, so it is the system's.
            let moved = unsafe { self.system.realloc(pointer, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        let (before, after) = (blocks(layout.size()), blocks(size));
        if let Some(block) = in_pool.filter(|_| after <= before) {
            self.pool.release(block + after, before - after);
            return pointer;
        }
        // SAFETY: the caller promises that the size is valid for this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let moved = match in_pool {
            // SAFETY: the caller promises that the size is not 0.
            Some(_) => unsafe { self.alloc(wanted) },
            None => self.take_from_pool(wanted),
        };
        if !moved.is_null() {
            // SAFETY: both are of at least so many bytes, and the old one is released after it was copied.
            unsafe {
                moved.copy_from_nonoverlapping(pointer, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
        }
        moved
    }
}

/// The unit that the pool hands out. A bit of a 64-bit word stands for each, so that a word stands for a page.
const BLOCK: usize = 64;
const PAGE: usize = 64 * BLOCK;

fn blocks(bytes: usize) -> usize {
    bytes.div_ceil(BLOCK)
}

/// Memory that is handed out in runs of blocks, by any number of threads and without a lock.
#[repr(C, align(4096))]
struct Pool<const PAGES: usize> {
    memory: UnsafeCell<MaybeUninit<[[u8; PAGE]; PAGES]>>,
    /// A set bit is a block in use.
    used: [AtomicU64; PAGES],
}

// SAFETY: the memory is reached only through pointers that `allocate` handed out, and no block is handed out twice before it
// is released: its bit is set by one thread, in one atomic step.
unsafe impl<const PAGES: usize> Sync for Pool<PAGES> {}

impl<const PAGES: usize> Pool<PAGES> {
    const fn new() -> Self {
        Self {
            memory: UnsafeCell::new(MaybeUninit::zeroed()),
            used: [const { AtomicU64::new(0) }; PAGES],
        }
    }

    /// Returns memory for a layout, or null if there is none or it would be more than [`LARGEST`].
    fn allocate(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST || layout.align() > PAGE {
            return null_mut();
        }
        let blocks = blocks(layout.size());
        let step = layout.align().div_ceil(BLOCK);
        let mut from = 0;
        // What another thread took in between is passed by in the next search. Words are claimed in ascending order, so
        // that of the threads that disturb each other one goes on.
        while let Some(start) = self.find(from, blocks, step) {
            if self.claim(start, blocks) {
                return self.memory.get().cast::<u8>().wrapping_add(start * BLOCK);
            }
            from = start;
        }
        null_mut()
    }

    /// Returns the first run of so many unused blocks at a multiple of `step`.
    fn find(&self, from: usize, blocks: usize, step: usize) -> Option<usize> {
        let mut start = from.next_multiple_of(step);
        let mut at = start;
        while start + blocks <= 64 * PAGES {
            if at >= start + blocks {
                return Some(start);
            }
            let (word, bit) = (at / 64, at % 64);
            let rest = self.used[word].load(Ordering::Relaxed) >> bit;
            if rest & 1 == 0 {
                at += (rest.trailing_zeros() as usize).min(64 - bit);
            } else {
                start = (at + rest.trailing_ones() as usize).next_multiple_of(step);
                at = start;
            }
        }
        None
    }

    /// Marks a run as used, unless another thread was faster with a part of it.
    fn claim(&self, start: usize, blocks: usize) -> bool {
        for (word, mask) in words(start, blocks) {
            let claimed =
                self.used[word].fetch_update(Ordering::Acquire, Ordering::Relaxed, |used| {
                    (used & mask == 0).then_some(used | mask)
                });
            if claimed.is_err() {
                self.release(start, (64 * word).saturating_sub(start));
                return false;
            }
        }
        true
    }

    fn release(&self, start: usize, blocks: usize) {
        for (word, mask) in words(start, blocks) {
            self.used[word].fetch_and(!mask, Ordering::Release);
        }
    }

    /// Returns the block at an address; `None` for an address outside the pool.
    #[inline]
    fn block(&self, pointer: *mut u8) -> Option<usize> {
        let offset = pointer.addr().wrapping_sub(self.memory.get().addr());
        (offset < PAGES * PAGE).then_some(offset / BLOCK)
    }
}

/// Returns the words of the bitmap that a run lies in, each with the run's bits.
fn words(start: usize, blocks: usize) -> impl Iterator<Item = (usize, u64)> {
    let end = start + blocks;
    let last = if blocks == 0 {
        start / 64
    } else {
        end.div_ceil(64)
    };
    (start / 64..last).map(move |word| {
        let first = start.saturating_sub(64 * word);
        let last = (end - 64 * word).min(64);
        (word, (u64::MAX >> (64 - (last - first))) << first)
    })
}

#[cfg(test)]
mod tests;
