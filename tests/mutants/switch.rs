//! Which mutant runs, and which were reached. `tests/mutants/run.py` puts this file into its copy of the crate.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::OnceLock;

const UNSET: u32 = u32::MAX;
const RECORD: u32 = u32::MAX - 1;

static ACTIVE: AtomicU32 = AtomicU32::new(UNSET);
static SEEN: [AtomicBool; 65536] = [const { AtomicBool::new(false) }; 65536];
static REACHED: OnceLock<Option<File>> = OnceLock::new();

/// Returns the mutant that runs if it is one of these, else 0.
#[inline]
pub fn active(first: u32, last: u32) -> u32 {
    let active = ACTIVE.load(Relaxed);
    if active >= RECORD {
        recorded(active, first, last)
    } else if first <= active && active <= last {
        active
    } else {
        0
    }
}

#[cold]
#[inline(never)]
fn recorded(mut active: u32, first: u32, last: u32) -> u32 {
    if active == UNSET {
        active = match std::env::var("DLNMS_MUTANT") {
            Ok(number) => number.parse().unwrap_or(0),
            Err(_) if std::env::var_os("DLNMS_MUTANTS_REACHED").is_some() => RECORD,
            Err(_) => 0,
        };
        ACTIVE.store(active, Relaxed);
    }
    if active == RECORD && !SEEN[first as usize].swap(true, Relaxed) {
        let file = REACHED.get_or_init(|| {
            let path = std::env::var_os("DLNMS_MUTANTS_REACHED")?;
            File::options().append(true).create(true).open(path).ok()
        });
        if let Some(mut file) = file.as_ref() {
            let _ = file.write_all(format!("{first} {last}\n").as_bytes());
        }
    }
    if first <= active && active <= last { active } else { 0 }
}

/// The iterator of a function, or the one that a mutant returns in its place.
pub enum Choice<T, I> {
    Changed(Box<dyn Iterator<Item = T> + Send + Sync>),
    Own(I),
}

impl<T, I: Iterator<Item = T>> Iterator for Choice<T, I> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Self::Changed(changed) => changed.next(),
            Self::Own(own) => own.next(),
        }
    }
}
