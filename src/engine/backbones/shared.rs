//! Backbones laid out for the kernels, shared by all scorers of a bundle.

use crate::cpu_kernels::arithmetic::Arithmetic;
use crate::cpu_kernels::resnet::Backbone;
use crate::lock::lock;
use std::any::{Any, TypeId};
use std::sync::{Arc, Mutex, Weak};

/// Backbones of one network.
pub type Backbones<A> = Arc<Vec<Backbone<A>>>;

/// Backbones that a scorer of this process holds.
struct Entry {
    /// SHA-256 of the bundle's manifest, which names the digest of the weights.
    manifest_sha256: String,
    /// Precision and instruction set.
    arithmetic: TypeId,
    backbones: Weak<dyn Any + Send + Sync>,
}

static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Returns the backbones of the bundle with this manifest for an arithmetic, if a scorer holds them.
pub fn find<A: Arithmetic>(manifest_sha256: &str) -> Option<Backbones<A>> {
    find_in::<A>(&lock(&ENTRIES), manifest_sha256)
}

/// Shares backbones with scorers to come. Returns those that another thread has shared meanwhile, if it has.
pub fn share<A: Arithmetic>(manifest_sha256: &str, backbones: Vec<Backbone<A>>) -> Backbones<A> {
    let mut entries = lock(&ENTRIES);
    if let Some(shared) = find_in(&entries, manifest_sha256) {
        return shared;
    }
    entries.retain(|entry| entry.backbones.strong_count() > 0);
    let backbones = Arc::new(backbones);
    let weak: Weak<Vec<Backbone<A>>> = Arc::downgrade(&backbones);
    entries.push(Entry {
        manifest_sha256: manifest_sha256.into(),
        arithmetic: TypeId::of::<A>(),
        backbones: weak,
    });
    backbones
}

fn find_in<A: Arithmetic>(entries: &[Entry], manifest_sha256: &str) -> Option<Backbones<A>> {
    let key = (manifest_sha256, TypeId::of::<A>());
    let of_key = |entry: &&Entry| (&*entry.manifest_sha256, entry.arithmetic) == key;
    // An entry whose scorers are gone may stand before one that lives.
    let mut found = entries.iter().filter(of_key);
    let backbones = found.find_map(|entry| entry.backbones.upgrade())?;
    backbones.downcast().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu_kernels::arithmetic::{Bf16, Fp32};
    use crate::cpu_kernels::scalar::Scalar;

    #[test]
    fn backbones_are_shared_while_a_scorer_holds_them() {
        type Single = Fp32<Scalar>;
        let [mine, other] = ["manifest of this test", "another manifest"];
        let first = share::<Single>(mine, Vec::new());
        assert!(Arc::ptr_eq(&first, &find::<Single>(mine).unwrap()));
        assert!(Arc::ptr_eq(&first, &share::<Single>(mine, Vec::new())));
        assert!(find::<Single>(other).is_none());
        assert!(find::<Bf16<Scalar>>(mine).is_none());
        drop(first);
        assert!(find::<Single>(mine).is_none());
        let second = share::<Single>(mine, Vec::new());
        assert!(Arc::ptr_eq(&second, &find::<Single>(mine).unwrap()));
    }
}
