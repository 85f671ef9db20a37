//! `dlnms batch`: one line for each row, whatever becomes of it; restart; killing; rows that another program scores.

use crate::support::{onnxruntime, shared, tiny_bundle};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

fn dlnms(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    command
        .env("DLNMS_ONNXRUNTIME", onnxruntime())
        .args(arguments);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A manifest in a folder of its own, and a folder for the results.
struct Batch {
    folder: TempDir,
    /// Real studies.
    paired: PathBuf,
}

impl Batch {
    fn new() -> Option<Self> {
        Some(Self {
            paired: shared("data/petct/a_paired")?,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn write(&self, manifest: &str) {
        let text = manifest.replace("DATA", self.paired.to_str().unwrap());
        std::fs::write(self.folder.path().join("m.csv"), text).unwrap();
    }

    fn command(&self, more: &[&str]) -> Command {
        let bundle = tiny_bundle();
        let mut command = dlnms(&["batch", "--bundle", bundle.to_str().unwrap(), "--out"]);
        command
            .arg(self.out())
            .arg(self.folder.path().join("m.csv"))
            .args(more);
        command
    }

    fn run(&self, more: &[&str]) -> Output {
        self.command(more).output().unwrap()
    }

    fn results(&self) -> String {
        std::fs::read_to_string(self.out().join("results.jsonl")).unwrap_or_default()
    }

    /// Lines by row; each row has one.
    fn lines(&self) -> BTreeMap<u64, Value> {
        by_row(&self.results())
    }
}

fn by_row(text: &str) -> BTreeMap<u64, Value> {
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let row = line["row"].as_u64().unwrap();
        assert!(lines.insert(row, line).is_none(), "row {row} twice");
    }
    lines
}

/// Twelve tumours of one study, which take long enough to be interrupted.
fn slow() -> String {
    let mut manifest = "study,tumour\n".to_owned();
    for n in 0..12 {
        let _ = writeln!(
            manifest,
            "DATA/acrin042,\"point:-42.3,-14.6,-{}.5\"",
            112 + n
        );
    }
    manifest
}

/// Starts a run and waits until it has written lines.
fn started(batch: &Batch, lines: usize) -> Child {
    let child = batch.command(&[]).stderr(Stdio::null()).spawn().unwrap();
    while batch.results().lines().count() < lines {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child
}

#[test]
fn every_row_is_a_line_and_scores_are_those_of_score() {
    let Some(batch) = Batch::new() else { return };
    std::fs::write(batch.folder.path().join("no_dicom.txt"), "text").unwrap();
    batch.write(
        "patient,study,tumour,n1\n\
         a,DATA/acrin042/ct;DATA/acrin042/pet_ac,\"point:-42.3,-14.6,-122.1\",0\n\
         b,DATA/acrin042,roi:GTV_SUV4,1\n\
         c,DATA/acrin042/ct;DATA/acrin042/pet_nac,\"point:-42.3,-14.6,-122.1\",1\n\
         d,nothing,\"point:-42.3,-14.6,-122.1\",1\n\
         e,DATA/acrin042,\"point:1,2\",1\n\
         f,no_dicom.txt,\"point:1,2,3\",1\n\
         g,,\"point:1,2,3\",1\n\
         h,DATA/acrin042,,1\n\
         i,DATA/acrin042,GTV,1\n\
         j,DATA/acrin042,rtstruct:file.dcm,1\n\
         k,ct:DATA/ibsi_sts/STS_001/CT/dicom;pet:DATA/ibsi_sts/STS_001/PET/dicom,\"seed:70.2,12.4,-791.2\",0\n",
    );
    let output = batch.run(&["--workers", "2"]);
    assert!(output.status.success(), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("columns that are not used: n1"), "{said}");
    assert!(
        said.contains("3 scored, 8 refused; 11 studies in"),
        "{said}"
    );
    let lines = batch.lines();
    assert_eq!(
        lines.keys().copied().collect::<Vec<_>>(),
        (2..=12).collect::<Vec<_>>()
    );
    for (row, status, message) in [
        (4, 320, "PROPCNTS"),
        (5, 400, "nothing does not exist"),
        (6, 3, "row 6: invalid value '1,2'"),
        (7, 400, "none of 1 files is a DICOM image"),
        (8, 3, "column study: no value"),
        (9, 3, "column tumour: no value"),
        (10, 3, "column tumour: begins with none of point:"),
        (11, 3, "column tumour: write rtstruct:FILE#ROI"),
    ] {
        let line = &lines[&row];
        assert_eq!(line["outcome"], "refused", "{line}");
        let said = line["error"]["message"].as_str().unwrap();
        assert!(said.contains(message), "{said}");
        assert_eq!(line["error"]["status"], status, "{said}");
        assert!(line["result"].is_null());
    }
    for (row, patient, tumour) in [
        (2, "a", "--center=-42.3,-14.6,-122.1"),
        (3, "b", "--roi=GTV_SUV4"),
    ] {
        let bundle = tiny_bundle();
        let alone = dlnms(&[
            "score",
            "--bundle",
            bundle.to_str().unwrap(),
            "--json",
            "-",
            tumour,
        ])
        .arg(batch.paired.join("acrin042"))
        .output()
        .unwrap();
        let mut alone: Value = serde_json::from_slice(&alone.stdout).unwrap();
        let mut line = lines[&row].clone();
        assert_eq!(
            (&line["patient"], &line["outcome"]),
            (&patient.into(), &"scored".into())
        );
        for result in [&mut alone, &mut line["result"]] {
            // Times differ; notes are about all files that were given; threads are shared out among the workers.
            for key in ["timings_ms", "warnings", "runtime", "flags"] {
                result.as_object_mut().unwrap().remove(key).unwrap();
            }
        }
        assert_eq!(line["result"], alone);
    }
}

#[test]
fn a_restart_scores_what_is_new_or_changed_and_nothing_else() {
    let Some(batch) = Batch::new() else { return };
    let two = "study,tumour\n\
         ct:DATA/ibsi_sts/STS_001/CT/dicom;pet:DATA/ibsi_sts/STS_001/PET/dicom,\"seed:70.2,12.4,-791.2\"\n\
         copy;nothing,\"point:1,2,3\"\n";
    std::fs::create_dir(batch.folder.path().join("copy")).unwrap();
    std::fs::write(batch.folder.path().join("copy/file"), "a").unwrap();
    batch.write(two);
    assert!(batch.run(&[]).status.success());
    let first = batch.results();
    assert_eq!(by_row(&first).len(), 2);

    let again = batch.run(&[]);
    assert!(
        text(&again.stderr).contains("1 scored, 1 refused; 0 left"),
        "{again:?}"
    );
    assert_eq!(batch.results(), first);

    batch.write(&format!(
        "{two}ct:DATA/ibsi_sts/STS_002/CT/dicom;pet:DATA/ibsi_sts/STS_002/PET/dicom,\"point:0,0,0\"\n"
    ));
    assert!(batch.run(&[]).status.success());
    assert!(batch.results().starts_with(&first));
    assert_eq!(batch.lines().len(), 3);

    // Refused ones are tried again on request, and where a file has changed.
    assert!(!batch.out().join("superseded.jsonl").exists());
    std::fs::write(batch.folder.path().join("copy/file"), "longer").unwrap();
    let again = batch.run(&[]);
    assert!(text(&again.stderr).contains("1 left"), "{again:?}");
    assert_eq!(batch.lines().len(), 3);
    let superseded = std::fs::read_to_string(batch.out().join("superseded.jsonl")).unwrap();
    assert_eq!(by_row(&superseded).keys().collect::<Vec<_>>(), [&3]);
    assert!(text(&batch.run(&["--retry"]).stderr).contains("2 left"));
    assert_eq!(batch.lines().len(), 3);

    for (more, wanted) in [
        (
            ["--quality", "strict"],
            "quality \"default\" instead of \"strict\"",
        ),
        (["--radius", "30"], "radius_mm 40.0 instead of 30.0"),
        (
            ["--threshold", "2.5"],
            "threshold \"Fraction(0.41)\" instead of",
        ),
    ] {
        let other = batch.run(&more);
        assert_eq!(other.status.code(), Some(1));
        assert!(text(&other.stderr).contains(wanted), "{other:?}");
    }
}

#[test]
fn a_killed_run_goes_on_with_nothing_lost_and_nothing_twice() {
    let Some(batch) = Batch::new() else { return };
    batch.write(&slow());
    let mut child = started(&batch, 2);
    let locked = batch.run(&[]);
    assert_eq!(locked.status.code(), Some(1));
    assert!(
        text(&locked.stderr).contains("another run writes to this folder"),
        "{locked:?}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = batch.results();
    let whole: String = killed
        .lines()
        .take(killed.matches('\n').count())
        .map(|l| format!("{l}\n"))
        .collect();
    // The run may have been killed in the middle of a line.
    let mut file = std::fs::File::options()
        .append(true)
        .open(batch.out().join("results.jsonl"))
        .unwrap();
    file.write_all(br#"{"row":9,"patient":null,"key":"01"#)
        .unwrap();
    drop(file);

    let output = batch.run(&["--workers", "2"]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        batch.results().starts_with(&whole),
        "lines that were whole are kept"
    );
    let lines = batch.lines();
    assert_eq!(
        lines.keys().copied().collect::<Vec<_>>(),
        (2..=13).collect::<Vec<_>>()
    );
    assert!(lines.values().all(|l| l["outcome"] == "scored"));
    assert!(!batch.out().join("superseded.jsonl").exists());
}

#[test]
fn a_manifest_that_is_none_is_refused_with_its_row() {
    let Some(batch) = Batch::new() else { return };
    for (manifest, wanted) in [
        ("study\na\n", "there is no column \"tumour\""),
        (
            "study,tumour,study\na,b,c\n",
            "there are several columns \"study\"",
        ),
        (
            "study,tumour\na,roi:x\nb\n",
            "row 3: has 1 cells, the header has 2",
        ),
        (
            "study,tumour\na,roi:x\nb,roi:x\na,roi:x\n",
            "rows 2 and 4 are equal",
        ),
    ] {
        batch.write(manifest);
        let output = batch.run(&[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(wanted), "{output:?}");
    }
    std::fs::write(batch.folder.path().join("m.csv"), b"study,tumour\na,\xff\n").unwrap();
    assert!(text(&batch.run(&[]).stderr).contains("row 2: is not UTF-8"));
    batch.write("study,tumour\nnothing,roi:x\n");
    let output = batch
        .command(&["--expected-manifest-sha256", &"0".repeat(64)])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(3),
        "a bundle at fault stops before the first study"
    );
    assert_eq!(batch.results(), "");
}

/// A worker of another program, and its rows.
fn exchange(batch: &Batch) -> (Child, Vec<String>) {
    let mut child = batch
        .command(&["--hand-out"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let rows = out
        .lines()
        .map(Result::unwrap)
        .take_while(|l| !l.is_empty());
    let rows = rows.collect();
    (child, rows)
}

#[test]
fn rows_that_are_handed_out_come_back_once() {
    let Some(batch) = Batch::new() else { return };
    batch.write(
        "study,tumour\n\
         ct:DATA/ibsi_sts/STS_001/CT/dicom;pet:DATA/ibsi_sts/STS_001/PET/dicom,\"seed:70.2,12.4,-791.2\"\n\
         nothing,\"point:1,2,3\"\n",
    );
    let (mut coordinator, rows) = exchange(&batch);
    assert_eq!(rows.len(), 2);
    let bundle = tiny_bundle();
    let mut worker = dlnms(&["batch", "--worker", "--bundle", bundle.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    worker
        .stdin
        .take()
        .unwrap()
        .write_all((rows.join("\n") + "\n").as_bytes())
        .unwrap();
    let lines = text(&worker.wait_with_output().unwrap().stdout);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 2);
    let mut to = coordinator.stdin.take().unwrap();
    // The first comes back twice: a worker was taken for dead.
    writeln!(to, "{}\n{}\n{}", lines[0], lines[0], lines[1]).unwrap();
    drop(to);
    assert!(coordinator.wait().unwrap().success());
    let handed = batch.lines();
    assert_eq!(
        batch.results(),
        format!("{}\n{}\n", lines[0], lines[1]),
        "to the last digit"
    );
    std::fs::remove_dir_all(batch.out()).unwrap();
    assert!(batch.run(&[]).status.success());
    for (row, line) in batch.lines() {
        assert_eq!(line["key"], handed[&row]["key"]);
        assert_eq!(line["result"]["scores"], handed[&row]["result"]["scores"]);
        assert_eq!(line["error"], handed[&row]["error"]);
    }

    std::fs::remove_dir_all(batch.out()).unwrap();
    let (mut coordinator, _) = exchange(&batch);
    let foreign = lines[0].replacen("\"key\":\"", "\"key\":\"0", 1);
    let _ = writeln!(coordinator.stdin.take().unwrap(), "{foreign}");
    let output = coordinator.wait_with_output().unwrap();
    assert!(
        text(&output.stderr).contains("a row that was not handed out"),
        "{output:?}"
    );
    assert_eq!(batch.results(), "");
}

#[test]
fn memory_does_not_grow_with_the_number_of_studies() {
    let Some(batch) = Batch::new() else { return };
    let mut manifest = "study,tumour\n".to_owned();
    for n in 0..24 {
        let study = "ct:DATA/ibsi_sts/STS_001/CT/dicom;pet:DATA/ibsi_sts/STS_001/PET/dicom";
        let _ = writeln!(manifest, "{study},\"point:70.2,12.4,-7{}.5\"", 80 + n % 20);
    }
    // Equal rows are refused: patients tell them apart.
    let manifest: String = manifest
        .lines()
        .enumerate()
        .map(|(n, l)| {
            if n == 0 {
                format!("patient,{l}\n")
            } else {
                format!("{n},{l}\n")
            }
        })
        .collect();
    batch.write(&manifest);
    let (mut coordinator, rows) = exchange(&batch);
    coordinator.kill().unwrap();
    coordinator.wait().unwrap();
    let bundle = tiny_bundle();
    let mut worker = dlnms(&["batch", "--worker", "--bundle", bundle.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut to, mut from) = (
        worker.stdin.take().unwrap(),
        BufReader::new(worker.stdout.take().unwrap()),
    );
    let mut peaks = Vec::new();
    for row in &rows {
        writeln!(to, "{row}").unwrap();
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        assert!(line.contains("\"scored\""), "{line}");
        peaks.push(peak_kib(worker.id()));
    }
    drop(to);
    assert!(worker.wait().unwrap().success());
    let (early, late) = (peaks[3], peaks[23]);
    assert!(
        late < early + 16 * 1024,
        "{early} KiB after 4 studies, {late} KiB after 24"
    );
}

fn peak_kib(process: u32) -> u64 {
    let status =
        std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))
            .unwrap();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
