//! The signal that the kernel sends for a file past the limit.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// SIGXFSZ is blocked in this thread until the value is dropped.
pub struct Blocked {
    signal: libc::sigset_t,
    before: libc::sigset_t,
    /// One was waiting before, which belongs to the host.
    was_pending: bool,
}

impl Blocked {
    /// Blocks the signal; `None` where the mask cannot be changed.
    pub fn new() -> Option<Self> {
        let (mut signal, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let mut pending = MaybeUninit::uninit();
        // SAFETY: each set is written by the call that gets it first and read only after that; the mask is this thread's.
        unsafe {
            libc::sigemptyset(signal.as_mut_ptr());
            libc::sigaddset(signal.as_mut_ptr(), libc::SIGXFSZ);
            libc::sigemptyset(pending.as_mut_ptr());
            libc::sigpending(pending.as_mut_ptr());
            let was_pending = libc::sigismember(pending.as_ptr(), libc::SIGXFSZ) == 1;
            if libc::pthread_sigmask(libc::SIG_BLOCK, signal.as_ptr(), before.as_mut_ptr()) != 0 {
                return None;
            }
            Some(Self {
                signal: signal.assume_init(),
                before: before.assume_init(),
                was_pending,
            })
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the sets are initialised; waiting for no time only takes a pending signal back; the mask is this thread's.
        unsafe {
            // A signal that was pending before is not ours to take.
            if !self.was_pending {
                loop {
                    let taken = libc::sigtimedwait(&self.signal, std::ptr::null_mut(), &now);
                    let error = std::io::Error::last_os_error();
                    if taken < 0 && error.kind() != std::io::ErrorKind::Interrupted {
                        break;
                    }
                }
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::file_limit::without_signal;

    /// Whether SIGXFSZ is blocked in this thread, and whether one is waiting for it.
    fn state() -> (bool, bool) {
        let (mut mask, mut pending) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: each set is written by the call that gets it and read after that; no mask is changed.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr());
            libc::sigpending(pending.as_mut_ptr());
            let holds = |set: *const libc::sigset_t| libc::sigismember(set, libc::SIGXFSZ) == 1;
            (holds(mask.as_ptr()), holds(pending.as_ptr()))
        }
    }

    #[test]
    fn the_signal_of_the_limit_is_taken_back_and_the_mask_is_as_before() {
        assert_eq!(state(), (false, false));
        let during = without_signal(|| {
            // SAFETY: sends a signal to this thread, in which it is blocked; unblocked it would end the process.
            unsafe { libc::raise(libc::SIGXFSZ) };
            state()
        });
        assert_eq!(during, (true, true));
        assert_eq!(state(), (false, false));
    }
}
