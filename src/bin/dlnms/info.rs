//! `dlnms info`.

use crate::Failure;
use crate::input::EngineArguments;
use crate::terminal::say;
use dlnms::engine::CacheOutcome;
use dlnms::report;
use dlnms::runtime::{REQUIRED_API, Runtime, RuntimeOptions};
use dlnms::scorer::{CancelToken, Scorer};
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// Check this bundle: every file against the manifest, then build, warm up and self-test it
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
    /// Machine-readable output
    #[arg(long)]
    json: bool,
}

pub fn run(a: &Arguments, library: &RuntimeOptions) -> Result<(), Failure> {
    let runtime = Runtime::load_with(library);
    if let Some(dir) = &a.bundle {
        dlnms::bundle::Bundle::open(dir, &a.engine.trust.pins()?)?; // every file, whatever the cache would spare
    }
    let scorer = match &a.bundle {
        Some(dir) if runtime.is_ok() => {
            let scorer = a.engine.scorer(dir, library)?;
            scorer.prepare(None, &CancelToken::default())?;
            Some(scorer)
        }
        _ => None,
    };
    let devices = runtime.as_ref().map(Runtime::devices).unwrap_or_default();
    if a.json {
        let document = json!({
            "library": report::library(),
            "research_use_only": true,
            "onnxruntime": runtime.as_ref().ok().map(|r| json!({ "version": r.version(), "path": r.path().display().to_string(), "sha256": r.sha256() })),
            "onnxruntime_error": runtime.as_ref().err().map(|e| e.to_string()),
            "onnxruntime_required": format!("1.{REQUIRED_API}"),
            "devices": devices,
            "bundle": scorer.as_ref().map(report::scorer_info),
        });
        say!("{document:#}");
    } else {
        say!(
            "dlnms         {} (ABI {})",
            env!("CARGO_PKG_VERSION"),
            dlnms::ABI_VERSION
        );
        match &runtime {
            Ok(r) => say!(
                "ONNX Runtime  {} at {} (1.{REQUIRED_API} or later is needed)",
                r.version(),
                r.path().display()
            ),
            Err(e) => say!("ONNX Runtime  {e}"),
        }
        for device in &devices {
            say!("device        {device}");
        }
        if let Some(scorer) = &scorer {
            print_bundle(scorer);
        }
        say!("{}", dlnms::risk::RESEARCH_USE_ONLY);
    }
    runtime.map(drop).map_err(Failure::from)
}

fn print_bundle(scorer: &Scorer) {
    let manifest = &scorer.bundle().manifest;
    say!(
        "bundle        {} {} ({} weights), every file is what the manifest says",
        manifest.id,
        manifest.version,
        manifest.weights.name()
    );
    say!("manifest      sha256 {}", scorer.bundle().manifest_sha256);
    if let Some(signature) = &scorer.bundle().signature {
        say!(
            "signature     key {}, {}",
            signature.key_id,
            signature.trusted_comment.replace('\t', ", ")
        );
    }
    if let Some(engine) = scorer.engine() {
        say!(
            "provider      {} in {} with {} threads, kernels of {}",
            engine.provider.name(),
            engine.precision.name(),
            scorer.threads(),
            engine.kernels_name()
        );
        for p in &engine.placement {
            say!("  placement   {} nodes on {}", p.nodes, p.provider);
        }
        for p in &engine.skipped_providers {
            say!("  passed over {}: {}", p.provider, p.reason);
        }
        say!("cache         {}", cache(&engine.cache));
        say!(
            "self-test     largest difference {:.1e}",
            engine.self_test_max_difference
        );
    }
}

fn cache(outcome: &CacheOutcome) -> String {
    match outcome {
        CacheOutcome::Off => {
            "none (--cache DIR makes the next start faster, where an engine is built)".into()
        }
        CacheOutcome::Unneeded => "not needed on this provider".into(),
        CacheOutcome::Hit => "hit".into(),
        CacheOutcome::Miss { reason } => format!("miss: {reason}"),
        CacheOutcome::Unusable { reason } => format!("cannot be used: {reason}"),
    }
}
