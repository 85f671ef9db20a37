//! What is missing or hostile: the page says it, and is a page.

use super::{Volumes, page, scorer};
use crate::support::{onnxruntime, root, skip, tiny_bundle};
use dlnms::imaging::IDENTITY;
use dlnms::imaging::roi::{Delineation, Roi};
use dlnms::report::page::{Page, PageOptions};
use dlnms::scorer::{CancelToken, LesionRequest};
use std::io::Write;
use std::process::{Command, Stdio};

const HOSTILE: &str = "<script>alert(1)</script>\" onload='x' &lt; ]]> </svg></style>\u{202e}\u{0}";

/// Refuses what a page that is safe to open cannot hold.
fn require_harmless(html: &str) {
    let lower = html.to_lowercase();
    for bad in [
        "http:",
        "https:",
        "<script",
        "javascript:",
        "<iframe",
        "<link",
        "@import",
        "url(",
    ] {
        assert!(!lower.contains(bad), "{bad}");
    }
    // Attributes that run something: a word that begins with "on" before "=", inside a tag.
    for tag in html.split('<').skip(1).filter_map(|t| t.split('>').next()) {
        // Data of images is no markup.
        let words = tag
            .split_whitespace()
            .filter(|w| !w.starts_with("href=\"data:"));
        let handler = |w: &&str| w.to_lowercase().starts_with("on") && w.contains('=');
        assert_eq!(words.clone().find(handler), None, "{tag:.200}");
    }
}

/// Parses a page strictly with html5lib.
fn require_valid(html: &str) {
    let python = root().join("target/venv/bin/python");
    let script =
        "import sys, html5lib; html5lib.HTMLParser(strict=True).parse(sys.stdin.buffer.read())";
    let known = Command::new(&python)
        .args(["-c", "import html5lib"])
        .output();
    if !known.is_ok_and(|o| o.status.success()) {
        return skip(
            "html5lib",
            "it is not in target/venv (model/requirements.txt)",
        );
    }
    let mut child = Command::new(&python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(html.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn hostile_page() -> Page {
    let volumes = Volumes::new(IDENTITY);
    let scores = scorer()
        .score(&volumes.case(Roi::Point([0.0; 3])), &CancelToken::default())
        .unwrap();
    let options = PageOptions {
        lesion: Some(HOSTILE.into()),
        scanner: Some("<b>".repeat(10_000)),
        content_time: Some(HOSTILE.into()),
        identity_line: Some(HOSTILE.into()),
        ..PageOptions::default()
    };
    let warnings = [HOSTILE.to_owned(), "x".repeat(10_000)];
    Page::new(&scores, &warnings, &options).unwrap()
}

#[test]
fn a_page_is_valid_and_nothing_from_outside_is_markup() {
    let volumes = Volumes::new(IDENTITY);
    let plain = page(&volumes.case(Roi::Point([0.0; 3])), &PageOptions::default());
    let hostile = hostile_page();
    for page in [&plain, &hostile] {
        let html = page.html();
        require_harmless(&html);
        require_valid(&html);
        let policy = "content=\"default-src 'none'; img-src data:; style-src 'sha256-";
        assert!(html.contains(policy));
        assert!(html.contains("no identity on this page") == page.identity_line.is_none());
    }
    let html = hostile.html();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!html.contains('\u{202e}') && !html.contains('\0'));
    assert!(html.contains("(30000 characters)") && html.contains("(10000 characters)"));
    // Long texts add a bounded number of characters.
    assert!(html.len() < plain.html().len() + 20_000);
}

#[test]
fn what_is_missing_is_said() {
    let volumes = Volumes::new(IDENTITY);
    let mut case = volumes.case(Roi::Point([0.0; 3]));
    let plain = page(&case, &PageOptions::default());
    assert!(plain.not_trained.is_some());
    let html = plain.html();
    for words in [
        "RESEARCH USE ONLY",
        "WEIGHTS NOT TRAINED",
        "Not known, so not checked: whether PET and CT show one patient",
        "stability: not computed",
        "Lesion: not named",
    ] {
        assert!(html.contains(words), "{words}");
    }
    // No voxel reaches the threshold.
    case.lesion = Some(LesionRequest {
        delineation: Delineation::Fixed(50.0),
        radius_mm: 15.0,
    });
    let html = page(&case, &PageOptions::default()).html();
    assert!(html.contains("no voxel of the region reaches SUV &gt;= 50"));
    // Nothing was asked for.
    (case.lesion, case.pictures) = (None, false);
    let html = page(&case, &PageOptions::default()).html();
    assert!(html.contains("No pictures: the case did not ask for them"));
    assert!(html.contains("not measured: the case did not ask for it"));
}

#[test]
fn a_page_that_cannot_be_written_is_an_error() {
    let out = tempfile::tempdir().unwrap();
    let dlnms = || {
        let mut c = Command::new(env!("CARGO_BIN_EXE_dlnms"));
        c.env("DLNMS_ONNXRUNTIME", onnxruntime());
        c
    };
    let study = out.path().join("study");
    assert!(
        dlnms()
            .args(["phantom", "--out"])
            .arg(&study)
            .status()
            .unwrap()
            .success()
    );
    let score = |html: &str| {
        let mut c = dlnms();
        c.args(["score", "--center=-82,-12,46.5", "--html", html, "--bundle"]);
        c.arg(tiny_bundle()).arg("--ct").arg(study.join("ct"));
        c.arg("--pet").arg(study.join("pet")).output().unwrap()
    };
    for html in [
        "/dev/full",
        "/proc/report.html",
        "/no/such/folder/report.html",
    ] {
        let output = score(html);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(&format!("cannot write {html}")), "{error}");
    }
    let good = out.path().join("report.html");
    assert!(score(good.to_str().unwrap()).status.success());
    assert!(
        std::fs::read_to_string(good)
            .unwrap()
            .ends_with("</html>\n")
    );
}
