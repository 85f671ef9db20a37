//! Tests that need a process of their own: the test program starts itself again for one test.

use std::process::Command;

/// Set in a process that was started for one test.
const OWN_PROCESS: &str = "DLNMS_TEST_OWN_PROCESS";

/// Returns the name by which the test runner knows a test function of the calling module.
macro_rules! test_name {
    ($test:ident) => {{
        let _: fn() = $test; // the function exists
        concat!(module_path!(), "::", stringify!($test))
            .split_once("::")
            .unwrap()
            .1
    }};
}
pub(crate) use test_name;

/// Returns whether this process was started for one test.
pub fn is_own_process() -> bool {
    std::env::var_os(OWN_PROCESS).is_some()
}

/// Returns the arguments that make the test program run one test.
pub fn arguments(test: &str) -> [&str; 4] {
    [test, "--exact", "--nocapture", "--test-threads=1"]
}

/// Returns a command that runs one test in a process of its own.
pub fn command(test: &str) -> Command {
    let mut command = started_by(Command::new(std::env::current_exe().unwrap()));
    command.args(arguments(test));
    command
}

/// Marks a command that starts the test program for one test, directly or through another program.
pub fn started_by(mut command: Command) -> Command {
    command.env(OWN_PROCESS, "1");
    command
}

/// Runs a command that starts the test program for one test, which must run and pass. Returns its standard output and
/// standard error.
pub fn pass(command: &mut Command) -> [String; 2] {
    let output = command.output().unwrap();
    let texts = [output.stdout, output.stderr].map(|t| String::from_utf8(t).unwrap());
    assert!(output.status.success(), "{}\n{}", texts[0], texts[1]);
    assert!(
        texts[0].contains("test result: ok. 1 passed"),
        "{command:?}: no test of this name\n{}",
        texts[0]
    );
    texts
}

/// Runs a test in a process of its own, unless this is one: returns whether the test's body is to run.
///
/// What the test prints there is printed here.
pub fn body_runs_here(test: &str) -> bool {
    if !is_own_process() {
        let [out, err] = pass(&mut command(test));
        print!("{out}");
        // Past the test runner's capture: what was skipped there is said here.
        std::io::Write::write_all(&mut std::io::stderr(), err.as_bytes()).unwrap();
    }
    is_own_process()
}
