//! Cancelling long calls from another thread.

use crate::error::{Error, Result};
use crate::lock::lock;
use crate::memory_reserve;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Cancels the calls that were given it. Clones are the same token, and any thread may trigger it, once and for good.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Shared>);

#[derive(Default)]
struct Shared {
    triggered: AtomicBool,
    looks: Option<Looks>,
    listeners: Mutex<Listeners>,
}

/// Counts how often a token was looked at.
struct Looks {
    taken: AtomicU64,
    /// The number of the look that triggers the token.
    last: u64,
}

/// What is running under a token. The first has a place of its own, so that a token for one call allocates no list.
#[derive(Default)]
struct Listeners {
    first: Option<Arc<dyn Listener>>,
    others: Vec<Arc<dyn Listener>>,
}

/// Work that cannot look at a token itself, such as a run of ONNX Runtime.
pub(crate) trait Listener: Send + Sync {
    /// Ends the work. Called at most once for each registration, from the thread that triggers the token; must not block.
    fn cancel(&self);
}

/// Keeps a listener registered with its token.
pub(crate) struct Listening<'a> {
    token: &'a CancelToken,
    listener: Arc<dyn Listener>,
}

impl CancelToken {
    /// Cancels every call that has this token, now or later.
    pub fn trigger(&self) {
        self.0.triggered.store(true, Ordering::Release);
        let listeners = self.listeners();
        listeners.first.iter().for_each(|l| l.cancel());
        listeners.others.iter().for_each(|l| l.cancel());
    }

    /// Returns whether the token was triggered.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        if let Some(looks) = &self.0.looks
            && looks.taken.fetch_add(1, Ordering::AcqRel) + 1 == looks.last
        {
            self.trigger();
        }
        self.0.triggered.load(Ordering::Acquire)
    }

    /// Returns a token that counts how often it is looked at, and is triggered by look number `last`. For tests: what a call
    /// does between two looks is what it does at most after it is cancelled.
    #[doc(hidden)]
    #[must_use]
    pub fn triggered_by_look(last: u64) -> Self {
        let taken = AtomicU64::new(0);
        let looks = Some(Looks { taken, last });
        Self(Arc::new(Shared {
            looks,
            ..Shared::default()
        }))
    }

    /// Returns how often this token of [`CancelToken::triggered_by_look`] was looked at.
    #[doc(hidden)]
    #[must_use]
    pub fn looks(&self) -> u64 {
        let looks = self.0.looks.as_ref();
        looks.map_or(0, |l| l.taken.load(Ordering::Acquire))
    }

    /// Returns an error once the token was triggered, and while the [reserve of memory](crate::memory_reserve) is in use.
    /// Long loops call this at least every 100 ms.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the token was triggered, [`Error::OutOfMemory`].
    pub fn check(&self) -> Result<()> {
        if self.is_triggered() {
            Err(Error::Cancelled)
        } else {
            memory_reserve::check()
        }
    }

    /// Has `listener` cancelled when the token is triggered, until the returned guard is dropped.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the token was triggered before; the listener is then not called.
    pub(crate) fn listen(&self, listener: Arc<dyn Listener>) -> Result<Listening<'_>> {
        {
            let mut listeners = self.listeners();
            let added = listener.clone();
            match listeners.first {
                None => listeners.first = Some(added),
                Some(_) => listeners.others.push(added),
            }
        }
        let listening = Listening {
            token: self,
            listener,
        };
        // A trigger before this line is seen here, one after it finds the listener.
        self.check()?;
        Ok(listening)
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        lock(&self.0.listeners)
    }
}

impl std::fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CancelToken")
            .field(&self.0.triggered.load(Ordering::Acquire))
            .finish()
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut listeners = self.token.listeners();
        let is_this = |other: &Arc<dyn Listener>| {
            std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(&self.listener))
        };
        if listeners.first.as_ref().is_some_and(is_this) {
            listeners.first = None;
        } else if let Some(n) = listeners.others.iter().position(is_this) {
            listeners.others.swap_remove(n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Listener for Count {
        fn cancel(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_trigger_reaches_what_listens_and_nothing_that_ended() {
        let token = CancelToken::default();
        let counts: [Arc<Count>; 4] = Default::default();
        let mut listening: Vec<_> = counts
            .iter()
            .map(|c| token.listen(c.clone()).unwrap())
            .collect();
        drop(listening.remove(2));
        drop(listening.remove(0));
        token.trigger();
        let called = |c: &Arc<Count>| c.0.load(Ordering::Relaxed);
        assert_eq!(counts.each_ref().map(called), [0, 1, 0, 1]);
        drop(listening);
        let late = Arc::new(Count::default());
        assert!(matches!(token.listen(late.clone()), Err(Error::Cancelled)));
        assert_eq!((called(&late), Arc::strong_count(&late)), (0, 1));
    }
}
