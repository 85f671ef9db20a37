//! A bounded queue with threads of its own, for hosts that must not wait.

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::lock::lock;
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Work for a queue: it has an outcome of its own, and sees by its token that nobody wants it any more.
pub struct Task {
    /// Triggered for tasks that wait when the queue is dropped.
    pub cancel: CancelToken,
    /// What to do.
    pub work: Box<dyn FnOnce() + Send>,
}

/// A bounded queue. Dropping it cancels what waits, and ends when every task has run.
pub struct Queue {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
    id: QueueId,
}

/// Tells queues apart; no number is used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueId(usize);

static NEXT_ID: AtomicUsize = AtomicUsize::new(1);

thread_local! {
    /// The queue that this thread belongs to; 0 if to none.
    static OF_THIS_THREAD: Cell<QueueId> = const { Cell::new(QueueId(0)) };
}

impl QueueId {
    /// Returns whether this thread is one of the queue's own, which must not wait for its tasks.
    #[must_use]
    pub fn has_this_thread(self) -> bool {
        OF_THIS_THREAD.get() == self
    }
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Task>,
    closed: bool,
}

impl Queue {
    /// Makes a queue where up to `capacity` tasks wait for `workers` threads, which sleep when there is nothing to do. It has
    /// fewer threads where the system refuses more.
    ///
    /// # Errors
    /// [`Error::Resources`] if the system refuses even the first thread.
    pub fn new(capacity: usize, workers: usize) -> Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            capacity,
            id: QueueId(NEXT_ID.fetch_add(1, Ordering::Relaxed)),
        });
        let mut queue = Self {
            shared: shared.clone(),
            workers: Vec::with_capacity(workers),
        };
        for n in 0..workers {
            let shared = shared.clone();
            let worker = std::thread::Builder::new()
                .name(format!("dlnms-queue-{n}"))
                .spawn(move || shared.work());
            match worker {
                Ok(worker) => queue.workers.push(worker),
                Err(e) if n == 0 => {
                    return Err(Error::Resources(format!("a thread for the queue: {e}")));
                }
                Err(e) => {
                    log::warn!(target: "dlnms::scorer", "the queue has {n} threads instead of {workers}: {e}");
                    break;
                }
            }
        }
        Ok(queue)
    }

    /// Put a task in, which is only made if there is room; [`Error::QueueFull`] otherwise. Never waits.
    pub fn submit(&self, task: impl FnOnce() -> Result<Task>) -> Result<()> {
        let mut state = lock(&self.shared.state);
        if state.waiting.len() >= self.shared.capacity {
            return Err(Error::QueueFull(self.shared.capacity));
        }
        state.waiting.push_back(task()?);
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Returns what tells this queue apart from others.
    #[must_use]
    pub fn id(&self) -> QueueId {
        self.shared.id
    }

    /// Has the queue end by itself: dropping it then waits for no task.
    pub fn detach(&mut self) {
        self.workers.clear();
    }

    /// Tasks that wait for a thread.
    pub fn waiting(&self) -> usize {
        lock(&self.shared.state).waiting.len()
    }
}

impl Shared {
    fn work(&self) {
        OF_THIS_THREAD.set(self.id);
        loop {
            let mut state = lock(&self.state);
            let task = loop {
                match state.waiting.pop_front() {
                    Some(task) => break task,
                    None if state.closed => return,
                    None => state = self.changed.wait(state).unwrap_or_else(|e| e.into_inner()),
                }
            };
            drop(state);
            // A panic is that of one task; the thread goes on.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(task.work));
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.shared.state);
            state.closed = true;
            state.waiting.iter().for_each(|task| task.cancel.trigger());
        }
        self.shared.changed.notify_all();
        let me = std::thread::current().id();
        // A task may be what drops the queue: its own thread then ends when the task does.
        for worker in self.workers.drain(..).filter(|w| w.thread().id() != me) {
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    fn task(cancel: &CancelToken, work: impl FnOnce() + Send + 'static) -> Result<Task> {
        Ok(Task {
            cancel: cancel.clone(),
            work: Box::new(work),
        })
    }

    #[test]
    fn a_full_queue_says_so_and_dropping_it_runs_every_task_once() {
        let queue = Queue::new(2, 1).unwrap();
        let (ran, cancelled) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (go, wait) = channel::<()>();
        let (begun, began) = channel();
        let counter = ran.clone();
        let first = move || {
            begun.send(()).unwrap();
            wait.recv().unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
        };
        queue
            .submit(|| task(&CancelToken::default(), first))
            .unwrap();
        began.recv().unwrap(); // it runs, so it waits no more
        for _ in 0..2 {
            let token = CancelToken::default();
            let (ran, cancelled, seen) = (ran.clone(), cancelled.clone(), token.clone());
            let count = move || {
                ran.fetch_add(1, Ordering::Relaxed);
                cancelled.fetch_add(usize::from(seen.is_triggered()), Ordering::Relaxed);
            };
            queue.submit(|| task(&token, count)).unwrap();
        }
        assert_eq!(queue.waiting(), 2);
        let full = queue.submit(|| panic!("there is no room for it"));
        assert!(matches!(full, Err(Error::QueueFull(2))), "{full:?}");
        let releaser = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            go.send(()).unwrap();
        });
        drop(queue);
        releaser.join().unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 3);
        assert_eq!(cancelled.load(Ordering::Relaxed), 2, "those that waited");
    }

    #[test]
    fn a_panic_ends_its_task_alone_and_a_task_may_drop_its_queue() {
        let queue = Arc::new(Queue::new(8, 1).unwrap());
        let token = CancelToken::default();
        queue
            .submit(|| task(&token, || std::panic::resume_unwind(Box::new(()))))
            .unwrap();
        let (done, end) = channel();
        let last = queue.clone();
        let (held, release) = channel::<()>();
        queue
            .submit(|| {
                task(&token, move || {
                    release.recv().unwrap();
                    drop(last);
                    done.send(()).unwrap();
                })
            })
            .unwrap();
        drop(queue);
        held.send(()).unwrap();
        end.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
