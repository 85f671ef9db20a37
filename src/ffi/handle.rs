//! Handles the host holds: numbers in the guise of pointers, never dereferenced.
//!
//! A handle is looked up in a registry, so one that is freed twice, used after free, of the wrong kind or simply
//! garbage is a clear error instead of undefined behaviour. Numbers are never given out again. An object that is
//! freed while another thread uses it lives until that call ends.

use crate::error::{Error, Result};
use once_cell::sync::Lazy;
use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

/// A Rust object behind a C handle.
pub trait Object: Any + Send + Sync {
    /// The opaque C type.
    type Handle;
    /// Its C name, for errors.
    const NAME: &'static str;
}

struct Slot {
    name: &'static str,
    poisoned: AtomicBool,
    object: Box<dyn Any + Send + Sync>,
}

static REGISTRY: Lazy<RwLock<BTreeMap<usize, Arc<Slot>>>> = Lazy::new(Default::default);
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// Give an object to the host.
pub fn register<T: Object>(object: T) -> *mut T::Handle {
    let slot = Slot {
        name: T::NAME,
        poisoned: AtomicBool::new(false),
        object: Box::new(object),
    };
    let number = NEXT.fetch_add(1, Ordering::Relaxed) << 4;
    crate::lock::write(&REGISTRY).insert(number, Arc::new(slot));
    std::ptr::without_provenance_mut(number)
}

/// An object in use; poisoned if the use panics, for it may be half-changed.
pub struct InUse<T> {
    slot: Arc<Slot>,
    kind: std::marker::PhantomData<T>,
}

impl<T: Object> Deref for InUse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.slot.object.downcast_ref() {
            Some(object) => object,
            None => unreachable!("the kind was checked when the handle was looked up"),
        }
    }
}

impl<T: Object> InUse<T> {
    /// Runs `body` on the object; a panic of `body` poisons it, also where this guard itself outlives the panic.
    ///
    /// # Errors
    /// [`Error::Internal`] if the object is poisoned already; those of `body`.
    pub fn with<R>(&self, body: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        let used = InUse::new(self.slot.clone())?;
        body(&used)
    }

    fn new(slot: Arc<Slot>) -> Result<Self> {
        if slot.poisoned.load(Ordering::Acquire) {
            return Err(Error::Internal(format!(
                "this {} was left unusable by an earlier internal error",
                T::NAME
            )));
        }
        Ok(Self {
            slot,
            kind: std::marker::PhantomData,
        })
    }
}

impl<T> Drop for InUse<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.slot.poisoned.store(true, Ordering::Release);
        }
    }
}

/// Look a handle up.
pub fn get<T: Object>(handle: *const T::Handle) -> Result<InUse<T>> {
    if handle.is_null() {
        return Err(Error::NullArgument(T::NAME));
    }
    let slot = crate::lock::read(&REGISTRY).get(&handle.addr()).cloned();
    let Some(slot) = slot else {
        return Err(Error::InvalidHandle(format!(
            "this {} was freed already, or never came from this library",
            T::NAME
        )));
    };
    if !slot.object.is::<T>() {
        return Err(Error::InvalidHandle(format!(
            "a {} is needed, this is a {}",
            T::NAME,
            slot.name
        )));
    }
    InUse::new(slot)
}

/// As [`get`], with NULL allowed.
pub fn get_optional<T: Object>(handle: *const T::Handle) -> Result<Option<InUse<T>>> {
    if handle.is_null() {
        Ok(None)
    } else {
        get(handle).map(Some)
    }
}

/// Take an object back. NULL, freed and foreign handles do nothing but leave a log line.
pub fn free<T: Object>(handle: *mut T::Handle) {
    if handle.is_null() {
        return;
    }
    // Destroyed outside of the lock: a destructor may run the host's code.
    let slot = {
        let mut registry = crate::lock::write(&REGISTRY);
        match registry.get(&handle.addr()) {
            Some(slot) if slot.object.is::<T>() => registry.remove(&handle.addr()),
            _ => None,
        }
    };
    if slot.is_none() {
        log::error!(target: "dlnms::ffi", "a {} was freed twice, or never came from this library", T::NAME);
    }
}

/// Objects the host holds.
pub fn live() -> usize {
    crate::lock::read(&REGISTRY).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(u8);
    enum ThingHandle {}
    impl Object for Thing {
        type Handle = ThingHandle;
        const NAME: &'static str = "thing";
    }
    struct Other;
    enum OtherHandle {}
    impl Object for Other {
        type Handle = OtherHandle;
        const NAME: &'static str = "other";
    }

    #[test]
    fn dead_foreign_and_mistaken_handles_are_refused() {
        let handle = register(Thing(7));
        assert_eq!(get::<Thing>(handle).unwrap().0, 7);
        assert!(
            matches!(get::<Other>(handle.cast()), Err(Error::InvalidHandle(t)) if t.contains("thing"))
        );
        free::<Other>(handle.cast());
        assert_eq!(
            get::<Thing>(handle).unwrap().0,
            7,
            "freeing under the wrong type does nothing"
        );
        let in_use = get::<Thing>(handle).unwrap();
        free::<Thing>(handle);
        free::<Thing>(handle);
        assert_eq!(in_use.0, 7, "a call in flight keeps its object");
        assert!(matches!(get::<Thing>(handle), Err(Error::InvalidHandle(_))));
        assert!(matches!(
            get::<Thing>(std::ptr::null()),
            Err(Error::NullArgument("thing"))
        ));
    }

    #[test]
    fn a_panic_poisons_the_object_it_used() {
        let handle = register(Thing(1));
        let address = handle.addr();
        let _ = std::panic::catch_unwind(|| {
            let _thing = get::<Thing>(std::ptr::without_provenance(address)).unwrap();
            std::panic::resume_unwind(Box::new("no message on stderr"));
        });
        assert!(matches!(get::<Thing>(handle), Err(Error::Internal(_))));
        free::<Thing>(handle);
    }

    #[test]
    fn a_panic_poisons_an_object_that_others_keep_in_use() {
        let handle = register(Thing(1));
        let kept = Arc::new(get::<Thing>(handle).unwrap());
        assert_eq!(kept.with(|thing| Ok(thing.0)).unwrap(), 1);
        let job = kept.clone();
        let panicked = super::super::guard::catch(|| {
            job.with(|_| -> Result<()> {
                std::panic::resume_unwind(Box::new("no message on stderr"))
            })
        });
        assert!(matches!(panicked, Err(Error::Internal(_))));
        let later = kept.with(|thing| Ok(thing.0)).unwrap_err();
        assert!(later.to_string().contains("left unusable"), "{later}");
        assert!(matches!(get::<Thing>(handle), Err(Error::Internal(_))));
        free::<Thing>(handle);
    }
}
