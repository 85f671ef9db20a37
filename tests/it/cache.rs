//! The cache of optimised models: whatever happens to it, the scores are those without it, and what happened is said.

use crate::support;
use crate::support::{bundle, onnxruntime, tiny_bundle};
use dlnms::engine::CacheOutcome;
use dlnms::error::status::DLNMS_E_BUNDLE_ALTERED;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::runtime::provider::{Kernels, Policy, Provider};
use dlnms::scorer::{CancelToken, Case, Scorer, ScorerOptions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn scorer(bundle: &Path, cache: Option<&Path>) -> dlnms::Result<Scorer> {
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        threads: 1,
        cache: cache.map(Path::to_owned),
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(support::runtime(), bundle, options)?;
    scorer.prepare(None, &CancelToken::default())?;
    Ok(scorer)
}

/// All heads of one case.
fn heads(scorer: &Scorer) -> Vec<f32> {
    let ct: Vec<u8> = (0..80i32.pow(3))
        .flat_map(|v| ((v % 997) as i16 - 500).to_ne_bytes())
        .collect();
    let pet: Vec<u8> = (0..80i32.pow(3))
        .flat_map(|v| ((v % 89) as f32 / 10.0).to_ne_bytes())
        .collect();
    let grid = ImageGrid {
        dims: [80; 3],
        origin: [-79.0; 3],
        spacing: [2.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let case = Case::new(
        VolumeView::packed(&ct, DType::I16, grid, "ct").unwrap(),
        VolumeView::packed(&pet, DType::F32, grid, "pet").unwrap(),
        Roi::Point([0.0; 3]),
    );
    scorer.score(&case, &CancelToken::default()).unwrap().heads
}

fn start(bundle: &Path, cache: Option<&Path>) -> (CacheOutcome, Vec<f32>) {
    let scorer = scorer(bundle, cache).unwrap();
    (scorer.engine().unwrap().cache.clone(), heads(&scorer))
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    let found = cache.read_dir().unwrap().flatten().map(|e| e.path());
    found.filter(|path| path.is_dir()).collect() // locks are files
}

#[test]
fn the_second_start_is_a_hit_and_damage_is_made_good() {
    let out = tempfile::tempdir().unwrap();
    let cache = out.path().join("made/when/needed");
    let (off, truth) = start(&tiny_bundle(), None);
    assert_eq!(off, CacheOutcome::Off);
    let again = |what: &str| {
        let (outcome, heads) = start(&tiny_bundle(), Some(&cache));
        assert_eq!(
            heads, truth,
            "{what}: the scores are those without a cache, to the bit"
        );
        outcome
    };
    let missed = |outcome, word: &str| match outcome {
        CacheOutcome::Miss { reason } => assert!(reason.contains(word), "{reason}"),
        other => panic!("{other:?}"),
    };
    missed(again("first"), "not there");
    assert_eq!(again("second"), CacheOutcome::Hit);
    let [entry] = &entries(&cache)[..] else {
        panic!("{:?}", entries(&cache));
    };
    let damage = |file: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = entry.join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        missed(again(file), "damaged");
        assert_eq!(again(file), CacheOutcome::Hit);
    };
    damage("model.onnx", &|b| {
        let middle = b.len() / 2;
        b[middle] ^= 1;
    });
    damage("model.onnx", &|b| b.truncate(100));
    damage("weights.bin", &|b| b.extend(b"x"));
    damage("entry.json", &|b| b.truncate(20));
    // Made by another ONNX Runtime: a folder of the same name, which only a fault could give it.
    damage("entry.json", &|b| {
        let text = String::from_utf8(b.clone()).unwrap();
        *b = text.replace("\"cpu\"", "\"gpu\"").into_bytes();
    });
    std::fs::remove_file(entry.join("weights.bin")).unwrap();
    missed(again("removed"), "damaged");

    // What a killed process left a day ago is gone after the next miss; what is young may be in use.
    for (name, age) in [(".1-0.part", "2 days ago"), (".2-0.part", "now")] {
        std::fs::create_dir(cache.join(name)).unwrap();
        let touched = Command::new("touch")
            .args(["-d", age])
            .arg(cache.join(name))
            .status();
        assert!(touched.unwrap().success());
    }
    std::fs::remove_dir_all(entry).unwrap();
    missed(again("swept"), "not there");
    assert!(!cache.join(".1-0.part").exists() && cache.join(".2-0.part").exists());
}

/// What is done to the sound entry of a cache, and the word in the reason why it is made again.
type Forgery<'a> = (&'a str, &'a dyn Fn(&Path, &Path), &'a str);

#[test]
fn an_entry_proves_that_it_was_made_by_this_user_in_this_folder() {
    let (_, truth) = start(&tiny_bundle(), None);
    let out = tempfile::tempdir().unwrap();
    let (ours, theirs) = (out.path().join("ours"), out.path().join("theirs"));
    start(&tiny_bundle(), Some(&theirs));
    let foreign = entries(&theirs).remove(0);
    let forgeries: [Forgery; 5] = [
        (
            "an altered graph with its digest",
            &|_, entry| {
                let path = entry.join("model.onnx");
                let mut graph = std::fs::read(&path).unwrap();
                let before = dlnms::bundle::Digest::of(&graph).sha256;
                *graph.last_mut().unwrap() ^= 1;
                let after = dlnms::bundle::Digest::of(&graph).sha256;
                std::fs::write(&path, graph).unwrap();
                let entry = entry.join("entry.json");
                let text = std::fs::read_to_string(&entry).unwrap();
                assert!(text.contains(&before));
                std::fs::write(entry, text.replace(&before, &after)).unwrap();
            },
            "prove",
        ),
        (
            "an entry from another folder",
            &|_, entry| {
                for file in ["model.onnx", "weights.bin", "entry.json"] {
                    std::fs::copy(foreign.join(file), entry.join(file)).unwrap();
                }
            },
            "prove",
        ),
        (
            "a key that others can read",
            &|cache, _| mode(&cache.join(".key"), 0o644),
            "key",
        ),
        (
            "a file that others can write",
            &|_, entry| mode(&entry.join("weights.bin"), 0o666),
            "can be written by other users",
        ),
        (
            "a pipe",
            &|_, entry| {
                std::fs::remove_file(entry.join("weights.bin")).unwrap();
                support::run(Command::new("mkfifo").arg(entry.join("weights.bin")));
                mode(&entry.join("weights.bin"), 0o600);
            },
            "not a file",
        ),
    ];
    for (what, forge, word) in forgeries {
        start(&tiny_bundle(), Some(&ours));
        assert_eq!(start(&tiny_bundle(), Some(&ours)).0, CacheOutcome::Hit);
        forge(&ours, &entries(&ours)[0]);
        let (outcome, heads) = start(&tiny_bundle(), Some(&ours));
        match outcome {
            CacheOutcome::Miss { reason } => assert!(reason.contains(word), "{what}: {reason}"),
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(heads, truth, "{what}");
        assert_eq!(
            start(&tiny_bundle(), Some(&ours)).0,
            CacheOutcome::Hit,
            "{what}"
        );
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_that_others_can_write_or_that_is_not_ones_own_is_not_used() {
    let (_, truth) = start(&tiny_bundle(), None);
    let out = tempfile::tempdir().unwrap();
    let unused = |cache: &Path, word: &str| {
        let (outcome, heads) = start(&tiny_bundle(), Some(cache));
        match outcome {
            CacheOutcome::Unusable { reason } => assert!(reason.contains(word), "{reason}"),
            other => panic!("{word}: {other:?}"),
        }
        assert_eq!(heads, truth, "{word}");
    };
    let cache = out.path().join("cache");
    start(&tiny_bundle(), Some(&cache));
    let made = cache.metadata().unwrap().permissions().mode();
    assert_eq!(made & 0o7777, 0o700);
    for open in [0o770, 0o707, 0o1777] {
        mode(&cache, open);
        unused(&cache, "its folder can be written by other users");
    }
    mode(&cache, 0o755);
    assert_eq!(start(&tiny_bundle(), Some(&cache)).0, CacheOutcome::Hit);
    let link = out.path().join("link");
    std::os::unix::fs::symlink(&cache, &link).unwrap();
    unused(&link, "link");
    unused(&PathBuf::from(format!("{}/", link.display())), "link");
    // Whoever can write the folder above can put another in its place; in a sticky one, as /tmp is, nobody can.
    mode(out.path(), 0o777);
    unused(&cache, "above it can be written by other users");
    mode(out.path(), 0o1777);
    assert_eq!(start(&tiny_bundle(), Some(&cache)).0, CacheOutcome::Hit);
    mode(out.path(), 0o700);
    match std::os::unix::fs::chown(&cache, Some(12345), None) {
        Ok(()) => unused(&cache, "belongs to another user"),
        Err(_) => support::skip("a folder of another user", "only root can make one"),
    }
}

#[test]
fn pipes_in_the_place_of_lock_and_key_are_not_waited_for() {
    let (_, truth) = start(&tiny_bundle(), None);
    let out = tempfile::tempdir().unwrap();
    let cache = out.path().join("cache");
    start(&tiny_bundle(), Some(&cache));
    let locks = cache.read_dir().unwrap().flatten().map(|e| e.path());
    let lock = locks.filter(|p| p.extension().is_some_and(|e| e == "lock"));
    for (path, usable) in lock
        .map(|p| (p, false))
        .collect::<Vec<_>>()
        .into_iter()
        .chain([(cache.join(".key"), true)])
    {
        let _ = std::fs::remove_dir_all(&entries(&cache)[0]);
        std::fs::remove_file(&path).unwrap();
        support::run(Command::new("mkfifo").arg(&path));
        let (outcome, heads) = start(&tiny_bundle(), Some(&cache));
        match outcome {
            CacheOutcome::Miss { .. } if usable => {} // a key is made again
            CacheOutcome::Unusable { reason } if !usable => {
                assert!(reason.contains("lock"), "{reason}")
            }
            other => panic!("{}: {other:?}", path.display()),
        }
        assert_eq!(heads, truth);
        let _ = std::fs::remove_file(&path);
        start(&tiny_bundle(), Some(&cache));
    }
}

#[test]
fn what_happens_to_the_weights_of_an_entry_in_use_reaches_no_score() {
    let out = tempfile::tempdir().unwrap();
    let options = || {
        let mut policy = Policy::strict(Provider::Cpu);
        policy.entries[0].kernels = Some(Kernels::OnnxRuntime);
        ScorerOptions {
            policy,
            threads: 2,
            cache: Some(out.path().join("cache")),
            ..ScorerOptions::default()
        }
    };
    let prepared = || {
        let scorer = Scorer::new(support::runtime(), &bundle(), options()).unwrap();
        scorer.prepare(None, &CancelToken::default()).unwrap();
        scorer
    };
    drop(prepared());
    let scorer = prepared();
    assert_eq!(scorer.engine().unwrap().cache, CacheOutcome::Hit);
    let truth = heads(&scorer);
    let weights = entries(&out.path().join("cache"))[0].join("weights.bin");
    let bytes = weights.metadata().unwrap().len();
    assert!(bytes > 100 << 20, "{bytes}");
    let file = std::fs::File::options().write(true).open(&weights).unwrap();
    std::io::copy(&mut std::io::repeat(0x3f).take(bytes), &mut &file).unwrap();
    assert_eq!(heads(&scorer), truth, "overwritten");
    file.set_len(0).unwrap();
    assert_eq!(heads(&scorer), truth, "truncated");
    drop(scorer);
    let again = prepared();
    let outcome = again.engine().unwrap().cache.clone();
    assert!(matches!(outcome, CacheOutcome::Miss { .. }), "{outcome:?}");
    assert_eq!(heads(&again), truth, "made again");
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_alone() {
    let (_, truth) = start(&tiny_bundle(), None);
    let file = tempfile::NamedTempFile::new().unwrap();
    for place in [
        file.path().join("below-a-file"),
        PathBuf::from("/proc/dlnms"),
    ] {
        let (outcome, heads) = start(&tiny_bundle(), Some(&place));
        assert!(
            matches!(outcome, CacheOutcome::Unusable { .. }),
            "{outcome:?}"
        );
        assert_eq!(heads, truth);
    }
}

#[test]
fn an_altered_model_is_refused_when_it_is_read() {
    let out = tempfile::tempdir().unwrap();
    let (copy, cache) = (out.path().join("bundle"), out.path().join("cache"));
    std::fs::create_dir(&copy).unwrap();
    for file in tiny_bundle().read_dir().unwrap().flatten() {
        std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let (_, truth) = start(&copy, Some(&cache));
    let model = copy.join("tiny.onnx");
    let mut bytes = std::fs::read(&model).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&model, bytes).unwrap();
    // The sound model is in the cache, so the altered one is never read.
    assert_eq!(start(&copy, Some(&cache)), (CacheOutcome::Hit, truth));
    std::fs::remove_dir_all(&cache).unwrap();
    let refused = scorer(&copy, Some(&cache)).map(|_| ()).unwrap_err();
    assert_eq!(refused.status(), DLNMS_E_BUNDLE_ALTERED, "{refused}");
}

/// `dlnms info` on the seeded bundle, whose entry takes a while to make.
fn info(cache: &Path, before: &str) -> Child {
    let script = format!("{before} exec \"$0\" \"$@\"");
    Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_dlnms"), "info", "--json"])
        .args(["--provider", "cpu", "--kernels", "onnxruntime", "--bundle"])
        .arg(bundle())
        .arg("--cache")
        .arg(cache)
        .env("DLNMS_ONNXRUNTIME", onnxruntime())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn outcome(child: Child) -> serde_json::Value {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    // It passed the bundle's self-test, or it would have failed.
    json["bundle"]["runtime"]["cache"].clone()
}

#[test]
fn processes_at_once_killed_ones_and_a_full_disk_leave_a_sound_cache() {
    let out = tempfile::tempdir().unwrap();
    let cache = out.path().join("cache");
    // A file size limit stands in for a full disk: writing fails half-way.
    // The signal of that limit would end a host that has no handler for it.
    for signal in ["trap '' XFSZ;", "trap - XFSZ;"] {
        let full = outcome(info(&cache, &format!("{signal} ulimit -f 20000;")));
        assert_eq!(full["state"], "unusable", "{full}");
        assert!(entries(&cache).is_empty(), "{:?}", entries(&cache));
    }

    let mut killed = info(&cache, "");
    let written = || {
        entries(&cache)
            .iter()
            .any(|e| e.join("weights.bin").exists())
    };
    let begun = std::time::Instant::now();
    while !written() && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    killed.kill().unwrap(); // SIGKILL
    killed.wait().unwrap();
    assert!(written(), "it was killed while it wrote");

    let at_once = [info(&cache, ""), info(&cache, ""), info(&cache, "")];
    let states = at_once.map(|child| outcome(child)["state"].clone());
    println!("at once: {states:?}");
    let made = states.iter().filter(|s| **s == "miss").count();
    let used = states.iter().filter(|s| **s == "hit").count();
    assert_eq!(
        (made, used),
        (1, 2),
        "one builds, the others wait: {states:?}"
    );
    assert_eq!(outcome(info(&cache, ""))["state"], "hit");
    let whole = entries(&cache);
    let whole = whole
        .iter()
        .filter(|e| !e.to_string_lossy().ends_with(".part"));
    assert_eq!(whole.count(), 1);
}

#[test]
fn providers_that_are_not_there_leave_nothing_in_the_cache() {
    let out = tempfile::tempdir().unwrap();
    let options = ScorerOptions {
        policy: Policy::auto(),
        cache: Some(out.path().to_path_buf()),
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(support::runtime(), &tiny_bundle(), options).unwrap();
    scorer.prepare(None, &CancelToken::default()).unwrap();
    let engine = scorer.engine().unwrap();
    let absent = engine.passed_over.iter().filter(|p| p.provider != "cpu");
    assert_eq!(absent.count(), 3, "{engine:?}");
    assert_eq!(entries(out.path()).len(), 1, "{:?}", entries(out.path()));
}
