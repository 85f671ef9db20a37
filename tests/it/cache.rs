//! The cache of engines, on a machine that builds none: the CPU needs no cache, and nothing is left in its folder.

use crate::support::{self, bundle, tiny_bundle};
use dlnms::engine::CacheOutcome;
use dlnms::runtime::provider::{Kernels, Policy, Provider};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions};
use std::path::Path;

/// What the cache did for a start, and by whose kernels it computes.
fn start(bundle: &Path, policy: Policy, cache: Option<&Path>) -> (CacheOutcome, Kernels) {
    let options = ScorerOptions {
        policy,
        threads: 1,
        cache: cache.map(Path::to_owned),
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(support::runtime(), bundle, options).unwrap();
    scorer.prepare(None, &CancelToken::default()).unwrap();
    let engine = scorer.engine().unwrap();
    (engine.cache.clone(), engine.kernels)
}

#[test]
fn the_cpu_keeps_nothing_by_either_kernels() {
    let out = tempfile::tempdir().unwrap();
    let cache = out.path().join("cache");
    for kernels in [None, Some(Kernels::OnnxRuntime)] {
        let mut policy = Policy::strict(Provider::Cpu);
        policy.entries[0].kernels = kernels;
        let (outcome, ran) = start(&bundle(), policy.clone(), Some(&cache));
        assert_eq!(outcome, CacheOutcome::Unneeded, "{ran:?}");
        assert_eq!(start(&bundle(), policy, None).0, CacheOutcome::Off);
    }
    assert!(!cache.exists());
}

#[test]
fn providers_that_are_not_there_leave_nothing_in_the_cache() {
    let out = tempfile::tempdir().unwrap();
    let cache = out.path().join("cache");
    let (outcome, _) = start(&tiny_bundle(), Policy::auto(), Some(&cache));
    assert_eq!(outcome, CacheOutcome::Unneeded);
    assert!(!cache.exists());
}
