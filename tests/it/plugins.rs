//! Plugin providers that are not there, or not what they should be: a reason in words, and the next of the policy.

use crate::own_process::{body_runs_here, test_name};
use crate::support;
use dlnms::error::status::DLNMS_E_PROVIDER_UNAVAILABLE;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions};
use std::path::Path;

fn prepare(providers: &[Provider], plugin: Option<&Path>) -> dlnms::Result<Scorer> {
    let mut policy = Policy::new(providers);
    for entry in &mut policy.entries {
        entry.plugin = plugin.map(Path::to_owned);
    }
    let options = ScorerOptions {
        policy,
        threads: 1,
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(support::runtime(), &support::tiny_bundle(), options)?;
    scorer.prepare(None, &CancelToken::default())?;
    Ok(scorer)
}

fn refused(provider: Provider, plugin: Option<&Path>, word: &str) {
    let error = prepare(&[provider], plugin).map(|_| ()).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_PROVIDER_UNAVAILABLE, "{error}");
    assert!(error.to_string().contains(word), "{word}: {error}");
    // Not alone, it is passed over with the same reason.
    let scorer = prepare(&[provider, Provider::Cpu], plugin).unwrap();
    let engine = scorer.engine().unwrap();
    assert_eq!(engine.provider, Provider::Cpu);
    assert_eq!(engine.skipped_providers[0].provider, provider.name());
    assert!(
        engine.skipped_providers[0].reason.contains(word),
        "{engine:?}"
    );
}

/// One test in a process of its own, for a process registers a plugin once: first what fails, then the real one.
#[test]
fn a_plugin_that_cannot_be_used_says_why_and_a_real_one_is_used() {
    if !body_runs_here(test_name!(
        a_plugin_that_cannot_be_used_says_why_and_a_real_one_is_used
    )) {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let text = out.path().join("text.so");
    std::fs::write(&text, "not an ELF").unwrap();
    let pipe = out.path().join("pipe.so");
    support::run(std::process::Command::new("mkfifo").arg(&pipe));
    let script = "libonnxruntime_providers_nv_tensorrt_rtx.so";
    std::fs::write(out.path().join(script), [0x7F, b'E', b'L', b'F', 0, 0]).unwrap();
    for provider in [Provider::TensorRtRtx, Provider::OpenVino] {
        refused(provider, None, "was not found; searched");
        refused(
            provider,
            Some(Path::new("/nowhere/at/all.so")),
            "does not exist",
        );
        refused(provider, Some(&text), "text.so");
        // The loader would wait for a writer.
        refused(provider, Some(&pipe), "it is not a file");
        // A sound library, but no plugin.
        let runtime = support::runtime().path();
        refused(provider, Some(runtime), "libonnxruntime.so");
    }
    // A folder is searched for the plugin's name; what is found there is cut off.
    refused(Provider::TensorRtRtx, Some(out.path()), script);
    refused(Provider::OpenVino, Some(out.path()), "was not found");
    a_real_plugin_runs_or_lists_no_device();
}

/// Intel's plugin as its wheel has it, which `make` fetches: it runs if it lists a device, and says so if it lists none.
fn a_real_plugin_runs_or_lists_no_device() {
    let folder = support::root().join("target/openvino");
    assert!(
        folder.exists(),
        "{} is missing: run `make test`",
        folder.display()
    );
    match prepare(&[Provider::OpenVino], Some(&folder)) {
        Ok(scorer) => {
            let engine = scorer.engine().unwrap();
            let placed = |p: &dlnms::runtime::provider::Placement| p.provider.contains("OpenVINO");
            assert!(engine.placement.iter().any(placed), "{engine:?}");
            println!("it runs: {engine:?}");
        }
        Err(e) => {
            assert!(e.to_string().contains("lists no device"), "{e}");
            println!("{e}");
        }
    }
    // Registered or not, the CPU still runs beside it.
    prepare(&[Provider::OpenVino, Provider::Cpu], Some(&folder)).unwrap();
}
