//! The log facade of this library: the host's callback, or nothing at all.
//!
//! Messages name files by their own name and DICOM attributes by their keyword, never by their value.

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::sync::{Arc, RwLock};

/// Where records go: level, target, message.
pub type Sink = Arc<dyn Fn(Level, &str, &str) + Send + Sync>;

struct HostLogger {
    sink: RwLock<Option<(LevelFilter, Sink)>>,
}

static LOGGER: HostLogger = HostLogger {
    sink: RwLock::new(None),
};

impl HostLogger {
    fn current(&self) -> Option<(LevelFilter, Sink)> {
        // The callback runs outside of the lock, so that it may replace the logger.
        crate::lock::read(&self.sink).clone()
    }
}

impl Log for HostLogger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        self.current()
            .is_some_and(|(level, _)| metadata.level() <= level)
    }

    fn log(&self, record: &Record) {
        // Only our own records: a crate that also logs must not leak a header value through this library.
        if !record.target().starts_with("dlnms") {
            return;
        }
        if let Some((level, sink)) = self.current()
            && record.level() <= level
        {
            sink(record.level(), record.target(), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Send records up to `level` to `sink` from now on; `None` silences the library. Returns whether this library owns
/// the process's `log` facade: a Rust host that installed its own logger keeps it.
pub fn set_sink(level: LevelFilter, sink: Option<Sink>) -> bool {
    let owned = log::set_logger(&LOGGER).is_ok() || std::ptr::addr_eq(log::logger(), &LOGGER);
    let max = if sink.is_some() {
        level
    } else {
        LevelFilter::Off
    };
    // Dropped after the lock is released: the old sink may run the host's destructor.
    let old = {
        let mut slot = crate::lock::write(&LOGGER.sink);
        std::mem::replace(&mut *slot, sink.map(|s| (level, s)))
    };
    drop(old);
    if owned {
        log::set_max_level(max);
    }
    owned
}
