//! Ends the test program when something goes on for ever, which no test could report by itself.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Far beyond what anything takes on a machine that is busy: who is silent for so long does not come back.
const SILENCE: Duration = Duration::from_secs(60);

/// Watches work until it is dropped. This finds what hangs; how long anything takes is not measured.
pub struct Watchdog {
    sign: Sender<()>,
    what: Arc<Mutex<String>>,
}

impl Watchdog {
    pub fn new(what: &str) -> Self {
        let what = Arc::new(Mutex::new(what.to_owned()));
        let (sign, signs) = channel();
        let last = what.clone();
        std::thread::spawn(move || {
            loop {
                match signs.recv_timeout(SILENCE) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let what = last.lock().unwrap_or_else(PoisonError::into_inner);
                        super::say(&format!("*** HANGS: {what}: silent for {SILENCE:?} ***"));
                        std::process::exit(101);
                    }
                }
            }
        });
        Self { sign, what }
    }

    /// Says that the work goes on, and at what it is now.
    pub fn sees(&self, what: &str) {
        let mut last = self.what.lock().unwrap_or_else(PoisonError::into_inner);
        what.clone_into(&mut last);
        let _ = self.sign.send(());
    }
}
