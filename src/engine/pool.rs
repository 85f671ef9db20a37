//! The threads of ONNX Runtime's pools, made before ONNX Runtime asks for them.
//!
//! Where the system refuses it a thread of a pool, ONNX Runtime waits for the pool's other threads, which wait for work: for
//! ever. Therefore all threads of a session are made first, and a refusal is an error before ONNX Runtime hears of any.

use crate::error::{Error, Result};
use crate::lock::lock;
use ort::environment::ThreadManager;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard};
use std::thread::JoinHandle;

/// Enough for every operator of the network: what ONNX Runtime's kernels keep on the stack, they also keep on that of the
/// thread that calls them, which may be of 128 KiB.
const STACK: usize = 1 << 20;

/// Threads that wait for ONNX Runtime to use them; those it does not use end with this.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Waiting>>);

struct Waiting {
    work: Sender<Box<dyn FnOnce() + Send>>,
    thread: JoinHandle<()>,
}

impl Pool {
    /// Makes the threads of a session for runs of so many, the calling thread among them.
    ///
    /// # Errors
    /// [`Error::Resources`] if the system refuses one of them.
    pub fn new(threads: usize) -> Result<Self> {
        let pool = Self::default();
        for _ in 1..threads {
            let waiting = Waiting::new().map_err(|e| {
                Error::Resources(format!(
                    "a thread for the network: {e}; a scorer of one thread needs none"
                ))
            })?;
            pool.waiting().push(waiting);
        }
        Ok(pool)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        lock(&self.0)
    }
}

impl Waiting {
    fn new() -> std::io::Result<Self> {
        let (work, given) = channel::<Box<dyn FnOnce() + Send>>();
        let thread = std::thread::Builder::new()
            .name("dlnms-network".into())
            .stack_size(STACK)
            .spawn(move || {
                if let Ok(work) = given.recv() {
                    work();
                }
            })?;
        Ok(Self { work, thread })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for Waiting { work, thread } in self.waiting().drain(..) {
            drop(work);
            let _ = thread.join();
        }
    }
}

impl ThreadManager for Pool {
    type Thread = JoinHandle<()>;

    fn create(&self, work: impl FnOnce() + Send + 'static) -> ort::Result<Self::Thread> {
        let failed = |why: String| ort::Error::new(format!("no thread for a pool: {why}"));
        let waiting = self.waiting().pop();
        // More than were asked for: then as ONNX Runtime would.
        let waiting = waiting.map_or_else(Waiting::new, Ok);
        let waiting = waiting.map_err(|e| failed(e.to_string()))?;
        let given = waiting.work.send(Box::new(work));
        given.map_err(|e| failed(e.to_string()))?;
        Ok(waiting.thread)
    }

    fn join(thread: Self::Thread) -> ort::Result<()> {
        let _ = thread.join();
        Ok(())
    }
}
