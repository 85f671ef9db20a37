//! `dlnms audit`.

use crate::Failure;
use crate::terminal::say;
use crate::trust::read_salt;
use dlnms::audit;
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub enum Arguments {
    /// Verify an audit log: name the first line that was changed, cut, inserted or swapped
    Verify {
        /// The log
        file: PathBuf,
        /// Digest of a line that the log must hold; without it a log whose end was cut off cannot be told from a sound one
        #[arg(long, value_name = "HEX")]
        expected_head: Option<String>,
    },
    /// Show what stands for a UID in an audit log, to find its lines
    Uid {
        /// Study or Series Instance UID
        uid: String,
        /// The salt of the log
        #[arg(long, value_name = "FILE")]
        audit_salt: PathBuf,
    },
}

pub fn run(a: &Arguments) -> Result<(), Failure> {
    match a {
        Arguments::Verify {
            file,
            expected_head,
        } => {
            let found = audit::verify(file, expected_head.as_deref())?;
            say!("lines  {}", found.lines);
            if found.torn > 0 {
                say!(
                    "torn   {}, each followed by a line that says so",
                    found.torn
                );
            }
            say!("head   {}", found.head);
            if expected_head.is_none() {
                say!("whether lines were cut off the end shows --expected-head alone");
            }
        }
        Arguments::Uid { uid, audit_salt } => {
            say!("{}", audit::hidden(&read_salt(audit_salt)?, uid));
        }
    }
    Ok(())
}
