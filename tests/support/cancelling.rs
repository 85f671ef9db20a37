//! Cancelling, measured in looks at the token: what a call does between two looks is what it goes on with at most after it
//! is cancelled. No test can measure that in time on a machine that does something else as well.

use super::watchdog::Watchdog;
use dlnms::cancel::CancelToken;
use dlnms::error::Error;

/// Returns how often a call that nobody cancels looks at its token.
pub fn looks<T>(call: impl FnOnce(&CancelToken) -> Result<T, Error>) -> u64 {
    let token = CancelToken::triggered_by_look(u64::MAX);
    if let Err(Error::Cancelled) = call(&token) {
        panic!("nobody cancelled it");
    }
    token.looks()
}

/// Cancels a call by each of these looks at its token. It must end as cancelled, and look at most `more` times after that.
pub fn ends_when_cancelled<T>(
    what: &str,
    looks: impl IntoIterator<Item = u64>,
    more: u64,
    call: impl Fn(&CancelToken) -> Result<T, Error>,
) {
    let watchdog = Watchdog::new(what);
    for look in looks {
        watchdog.sees(&format!("{what}, cancelled by look {look}"));
        let token = CancelToken::triggered_by_look(look);
        let outcome = call(&token).map(drop);
        assert!(
            matches!(outcome, Err(Error::Cancelled)),
            "{what}, cancelled by look {look}: {outcome:?}"
        );
        let after = token.looks() - look;
        assert!(after <= more, "{what}: {after} looks after look {look}");
    }
}
