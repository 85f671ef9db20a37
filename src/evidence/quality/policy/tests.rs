//! Numbers of actions.

use super::*;

#[test]
fn actions_have_the_numbers_1_to_3() {
    let actions = [0, 1, 2, 3, 4].map(Action::from_number);
    let [ignore, warn, refuse] = [Action::Ignore, Action::Warn, Action::Refuse].map(Some);
    assert_eq!(actions, [None, ignore, warn, refuse, None]);
}
