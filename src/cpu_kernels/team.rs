//! Threads that compute backbones together, without waiting for each other where they need not.
//!
//! A *job* is one backbone with some images. Each thread of a team takes jobs and leads them from image to features. A thread
//! that finds none left helps those that still lead: a leader that sees idle threads cuts a layer into pieces, and whoever
//! comes first computes the next one. The pieces are the same numbers in the same order, so the bits do not depend on who
//! computes them.
//!
//! Nobody waits for a thread that has not begun: a leader computes every piece that nobody has taken, and a helper only
//! waits for jobs that are being led. So a team works with any number of its threads, at any time.
#![allow(unsafe_code)]

use super::instructions::Line;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Computes the piece with this number, in a workspace of the thread.
type Piece<'a> = &'a (dyn Fn(usize, &mut [Line]) + Sync);

/// Jobs and the threads at work on them.
pub struct Team {
    jobs: Vec<Job>,
    /// Number of the first job that nobody has taken.
    next: AtomicUsize,
    finished: AtomicUsize,
    /// Threads that look for pieces.
    idle: AtomicUsize,
}

/// The layer of a job that is cut into pieces at the moment.
#[derive(Default)]
struct Job {
    /// A count of layers, the number of pieces of this one, and the number of the first that nobody has taken.
    state: AtomicU64,
    /// Pieces of the layer that are computed.
    done: AtomicUsize,
    /// Written by the leader while no piece is open, read by those who have taken one.
    piece: UnsafeCell<Option<Piece<'static>>>,
}

// SAFETY: `piece` is written only while no piece of the layer before is being computed and none of the next can be taken.
unsafe impl Sync for Job {}

/// Bits of the two smaller parts of [`Job::state`].
const BITS: u32 = 16;
const MASK: u64 = (1 << BITS) - 1;

impl Job {
    /// Takes a piece if one is left; returns its number.
    fn take(&self) -> Option<usize> {
        let open = |state: u64| (state & MASK < state >> BITS & MASK).then_some(state + 1);
        let taken = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, open);
        taken.ok().map(|state| (state & MASK) as usize)
    }

    /// Takes a piece and computes it; returns whether there was one.
    fn help(&self, workspace: &mut [Line]) -> bool {
        let Some(number) = self.take() else {
            return false;
        };
        let _done = Count(&self.done);
        // SAFETY: the leader wrote it before it opened the layer, and changes nothing before this piece counts as done.
        if let Some(piece) = unsafe { *self.piece.get() } {
            piece(number, workspace);
        }
        true
    }
}

/// Counts one when it goes, also in a panic.
struct Count<'a>(&'a AtomicUsize);

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// Closes the layer of a job when it goes, also in a panic: takes what nobody has taken, and waits for those who have.
struct Close<'a>(&'a Job);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        while self.0.take().is_some() {
            self.0.done.fetch_add(1, Ordering::Relaxed);
        }
        let pieces = (self.0.state.load(Ordering::Relaxed) >> BITS & MASK) as usize;
        let mut pause = Pause::default();
        while self.0.done.load(Ordering::Acquire) < pieces {
            pause.wait();
        }
    }
}

/// Waits for moments, and lets other threads have the processor if it takes longer.
#[derive(Default)]
struct Pause(u32);

impl Pause {
    fn wait(&mut self) {
        if self.0 < 200 {
            self.0 += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

impl Team {
    /// Returns a team for so many jobs.
    pub fn new(jobs: usize) -> Self {
        Self {
            jobs: (0..jobs).map(|_| Job::default()).collect(),
            next: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
        }
    }

    /// Returns the number of threads that look for pieces.
    #[cfg(test)]
    pub fn idle(&self) -> usize {
        self.idle.load(Ordering::Relaxed)
    }

    /// Returns the number of jobs that nobody has taken.
    #[cfg(test)]
    pub fn unstarted(&self) -> usize {
        let taken = self.next.load(Ordering::Relaxed);
        self.jobs.len().saturating_sub(taken)
    }

    /// Works as a thread of the team until all its jobs are finished. `lead` computes the job with a number.
    pub fn work(&self, workspace: &mut [Line], mut lead: impl FnMut(usize, &mut Leader<'_>)) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = self.jobs.get(number) else {
                break;
            };
            let _finished = Count(&self.finished);
            let mut leader = Leader {
                team: self,
                job,
                workspace: &mut *workspace,
            };
            lead(number, &mut leader);
        }
        self.idle.fetch_add(1, Ordering::Relaxed);
        let mut pause = Pause::default();
        while self.finished.load(Ordering::Acquire) < self.jobs.len() {
            if self.jobs.iter().any(|job| job.help(workspace)) {
                pause = Pause::default()
            } else {
                pause.wait()
            }
        }
    }
}

/// The thread that leads a job.
pub struct Leader<'t> {
    team: &'t Team,
    job: &'t Job,
    workspace: &'t mut [Line],
}

impl Leader<'_> {
    /// Computes all of a layer: at once if no thread is idle, else as so many pieces. Returns when all of them are computed.
    pub fn share(
        &mut self,
        pieces: usize,
        whole: impl FnOnce(&mut [Line]),
        piece: &(dyn Fn(usize, &mut [Line]) + Sync),
    ) {
        if self.team.idle.load(Ordering::Relaxed) == 0 || pieces < 2 {
            return whole(self.workspace);
        }
        debug_assert!(pieces as u64 <= MASK);
        let job = self.job;
        // SAFETY: the lifetime is said to be longer than it is: `Close` waits for all who may use it before this returns.
        let piece = unsafe { std::mem::transmute::<Piece<'_>, Piece<'static>>(piece) };
        // SAFETY: all pieces of the layer before are done, so nobody reads it.
        unsafe { *job.piece.get() = Some(piece) };
        job.done.store(0, Ordering::Relaxed);
        let layer = (job.state.load(Ordering::Relaxed) >> (2 * BITS)) + 1;
        let opened = layer << (2 * BITS) | (pieces as u64) << BITS;
        job.state.store(opened, Ordering::Release);
        let _close = Close(job);
        while job.help(self.workspace) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    /// Jobs of some layers of some pieces; returns how often each piece of each job's layers was computed.
    fn run(threads: usize, jobs: usize, layers: usize, pieces: usize) -> Vec<u32> {
        let counts: Vec<AtomicU32> = (0..jobs * pieces).map(|_| AtomicU32::new(0)).collect();
        let (team, counts) = (Team::new(jobs), &counts);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut workspace = [Line([0; 16])];
                    team.work(&mut workspace, |job, leader| {
                        for layer in 0..layers as u32 {
                            let count = |piece: usize, workspace: &mut [Line]| {
                                workspace[0].0[0] += 1; // nobody else has it
                                let before =
                                    counts[job * pieces + piece].fetch_add(1, Ordering::Relaxed);
                                assert_eq!(before, layer, "layers are one after the other");
                            };
                            let whole = |workspace: &mut [Line]| {
                                (0..pieces).for_each(|piece| count(piece, workspace));
                            };
                            leader.share(pieces, whole, &count);
                        }
                    });
                });
            }
        });
        counts.iter().map(|c| c.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn every_piece_of_every_layer_is_computed_once() {
        let layers = if cfg!(miri) { 5 } else { 200 };
        for (threads, jobs, pieces) in [(1, 3, 4), (4, 1, 7), (3, 4, 2), (8, 2, 5), (2, 1, 1)] {
            let counts = run(threads, jobs, layers, pieces);
            assert_eq!(counts, vec![layers as u32; jobs * pieces]);
        }
    }

    #[test]
    fn a_panic_of_a_thread_ends_the_work_of_none() {
        let team = Team::new(2);
        let finished = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let work = |_| {
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    team.work(&mut [], |job, leader| {
                        while job == 0 && team.idle() == 0 {
                            std::thread::yield_now();
                        }
                        let fails = |piece: usize, _: &mut [Line]| {
                            assert!(job != 0 || piece != 2, "a piece that fails");
                        };
                        leader.share(4, |_| (), &fails);
                        finished.fetch_add(1, Ordering::Relaxed);
                    });
                }));
                result.is_err()
            };
            let threads = [0, 1].map(|n| scope.spawn(move || work(n)));
            let failed = threads.map(|t| t.join().unwrap());
            assert_eq!(failed.iter().filter(|f| **f).count(), 1, "{failed:?}");
        });
        assert!(finished.load(Ordering::Relaxed) >= 1);
    }
}
