//! What a person sees: progress and colours on a terminal, plain lines elsewhere.

use dlnms::evidence::quality::Finding;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};

/// A bar on standard error; nothing where that is no terminal.
pub fn bar(what: &str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(1000)
    } else {
        ProgressBar::hidden()
    };
    let style = ProgressStyle::with_template("{msg:24} [{bar:32}] {percent:>3} %");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what.to_owned());
    bar
}

/// Move a bar to a fraction.
pub fn advance(bar: &ProgressBar, fraction: f64) {
    bar.set_position((fraction * 1000.0) as u64);
}

/// A line on standard output. A reader that has had enough (`| head`) ends the program, quietly.
pub fn line(text: &str) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// `println!` by way of [`line`].
macro_rules! say {
    ($($text:tt)*) => {
        $crate::terminal::line(&format!($($text)*))
    };
}
pub(crate) use say;

/// An error line.
pub fn error(text: &str) {
    eprintln!("{} {text}", paint("error:", "31"));
}

/// A warning line.
pub fn warning(text: &str) {
    eprintln!("{} {text}", paint("warning:", "33"));
}

/// Prints a warning line for each finding of the quality checks; `lesion` says which of several it is about.
pub fn findings(lesion: &str, findings: &[Finding]) {
    let of = if lesion.is_empty() { "" } else { ": " };
    for finding in findings {
        warning(&format!(
            "{lesion}{of}{}: {}",
            finding.code.name(),
            finding.message
        ));
    }
}

fn paint(text: &str, colour: &str) -> String {
    let plain = !std::io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some();
    if plain {
        text.to_owned()
    } else {
        format!("\x1b[1;{colour}m{text}\x1b[0m")
    }
}
