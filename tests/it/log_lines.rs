//! The library's log: one line for a study that is opened and one for a case that is scored or refused.

use crate::own_process::{self, pass, test_name};
use crate::small_case::{small_case, voxels};
use crate::support::{not_tested_here, onnxruntime, shared, tiny_bundle};
use dlnms::imaging::roi::Roi;
use dlnms::readers::dicom::{Archive, SeriesChoice, Study};
use dlnms::runtime::Runtime;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions};
use std::process::Command;

/// Lines of the library's log.
static LINES: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        LINES.lock().unwrap().push(line);
    }
    fn flush(&self) {}
}

#[test]
fn the_log_has_one_line_for_each_case_scored_or_refused_and_nothing_is_written_without_proc() {
    let test = test_name!(
        the_log_has_one_line_for_each_case_scored_or_refused_and_nothing_is_written_without_proc
    );
    if !own_process::is_own_process() {
        pass(&mut own_process::command(test));
        // ONNX Runtime complains of the missing /proc/cpuinfo on standard error, by itself.
        let program = std::env::current_exe().unwrap();
        let hidden = |flags: &str, command: &str| {
            let script = format!("mount -t tmpfs none /proc && {command}");
            let mut child = own_process::started_by(Command::new("unshare"));
            child
                .args([flags, "sh", "-c", &script])
                .arg(&program)
                .args(own_process::arguments(test));
            child
        };
        let possible = |flags: &&str| {
            hidden(flags, "true")
                .output()
                .is_ok_and(|o| o.status.success())
        };
        let Some(flags) = ["-m", "-rm"].into_iter().find(possible) else {
            return not_tested_here("a process without /proc: it may not be made");
        };
        let [_, errors] = pass(&mut hidden(flags, "exec \"$0\" \"$@\""));
        assert_eq!(errors, "", "nothing is written to stderr");
        return;
    }
    log::set_logger(&Listener).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let runtime = Runtime::load(Some(&onnxruntime())).unwrap();
    let (voxels, none) = (voxels(), CancelToken::default());
    let case = small_case(&voxels);
    let mut outside = case;
    outside.roi = Roi::Point([1e6; 3]);
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(runtime, &tiny_bundle(), options).unwrap();
    let lines = || -> Vec<String> {
        let all = std::mem::take(&mut *LINES.lock().unwrap());
        let of_scorer = |l: &String| l.contains("dlnms::scorer");
        all.into_iter().filter(of_scorer).collect()
    };
    scorer.score(&case, &none).unwrap();
    let scored = lines();
    assert_eq!(scored.len(), 1, "{scored:?}");
    let begins = "INFO dlnms::scorer case scored by cpu in fp32 with kernels of onnxruntime in ";
    assert!(
        scored[0].starts_with(begins) && scored[0].ends_with(" findings"),
        "{scored:?}"
    );
    scorer.score(&outside, &none).unwrap_err();
    let refused = lines();
    assert_eq!(refused.len(), 1, "{refused:?}");
    let begins = "INFO dlnms::scorer case refused: roi: the centre (1000000.00, ";
    assert!(refused[0].starts_with(begins), "{refused:?}");
    scorer.score_batch(&[case, outside, case], &none).unwrap();
    let batch = lines();
    assert_eq!(batch.len(), 3, "{batch:?}");
    assert_eq!(
        batch.iter().filter(|l| l.contains("case refused")).count(),
        1
    );
}

#[test]
fn an_opened_study_is_one_line_of_counts_in_the_log() {
    if !own_process::body_runs_here(test_name!(an_opened_study_is_one_line_of_counts_in_the_log)) {
        return;
    }
    let Some(data) = shared("data/petct/a_paired/ibsi_sts/STS_001") else {
        return;
    };
    log::set_logger(&Listener).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let cancel = CancelToken::default();
    let paths = [data.join("CT/dicom"), data.join("PET/dicom")];
    let archive = Archive::open(&paths, &cancel).unwrap();
    let choice = SeriesChoice::default();
    let study = Study::load(&archive, &archive, choice, &|_, _| true, &cancel).unwrap();
    let n = study.warnings.len();
    let line =
        format!("study opened: CT of 59 slices 198 x 202, PET of 59 slices 41 x 43, {n} warnings");
    let mut found = LINES.lock().unwrap().clone();
    found.retain(|l| l.contains("dlnms::study"));
    assert_eq!(found, [format!("INFO dlnms::study {line}")]);
}
