//! Writing files in a process that has a limit on their size (RLIMIT_FSIZE), which Unix alone knows.

#[cfg(unix)]
mod signal;

/// Runs `write`, in which the calling thread may write files of any size: one that grows past the limit is an error
/// (EFBIG) as on a full disk, and no signal ends the host.
///
/// The kernel sends SIGXFSZ to the thread that writes. It is blocked in this thread alone, taken back if it came, and the
/// thread's mask is as before in the end: no handler of the process is touched.
pub fn without_signal<T>(write: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    let _blocked = signal::Blocked::new();
    write()
}
