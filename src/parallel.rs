//! A parallel map over indices, with a cap on threads. The threads end with the call.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Returns the number of threads a call uses unless its caller says otherwise: the cores that the process may use when this
/// is first called, at most four.
///
/// It is looked up once: the system reads files for the answer.
#[must_use]
pub fn default_threads() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    let cores = *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
    cores.min(4)
}

/// Calls `f(0)` to `f(n - 1)` on at most `threads` threads, the calling one among them, and returns the results in order.
/// `threads` of 0 means [`default_threads`].
///
/// Threads that the system refuses to make (a limit on processes, no memory for a stack) are done without: the calling
/// thread does whatever is left.
///
/// # Panics
/// A panic of `f` goes on in the calling thread.
pub fn map<T: Send>(n: usize, threads: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut mine = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= n {
                return mine;
            }
            mine.push((i, f(i)));
        }
    };
    let threads = match threads {
        0 => default_threads(),
        given => given,
    };
    let mut all = std::thread::scope(|scope| {
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, worker).ok();
        let others: Vec<_> = (1..threads.min(n)).map_while(spawn).collect();
        let mut all = worker();
        for other in others {
            match other.join() {
                Ok(found) => all.extend(found),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    #[test]
    fn results_are_in_order_and_no_more_threads_work_than_allowed() {
        for threads in [1, 2, 3, 16] {
            let seen = Mutex::new(BTreeSet::new());
            let squares = map(100, threads, |i| {
                seen.lock()
                    .unwrap()
                    .insert(format!("{:?}", std::thread::current().id()));
                i * i
            });
            assert_eq!(squares, (0..100).map(|i| i * i).collect::<Vec<_>>());
            assert!(seen.into_inner().unwrap().len() <= threads);
        }
        assert!(map(0, 0, |i| i).is_empty());
    }
}
