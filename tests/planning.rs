//! A long scan: memory stays near the size of the voxels that come out.
#![allow(unsafe_code)] // a counting allocator

mod support;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dlnms::dicom::Modality;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use support::{series, shared};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: hands every request to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(live, Relaxed);
        // SAFETY: handed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: handed on from the caller.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A quarter of the pixels of a slice, so that headers weigh four times as much as they would.
const SIDE: usize = 256;
const SLICES: usize = 1500;

#[test]
fn fifteen_hundred_slices_take_little_more_than_their_voxels() {
    let Some(slice) = shared("data/petct/a_ct_roi/4dlung_113/ct") else {
        return;
    };
    let slice = slice.read_dir().unwrap().flatten().next().unwrap().path();
    let mut object = dicom_object::open_file(slice).unwrap();
    let out = tempfile::tempdir().unwrap();
    let (mut position, uid): (Vec<f64>, _) = (
        object
            .element(tags::IMAGE_POSITION_PATIENT)
            .unwrap()
            .to_multi_float64()
            .unwrap(),
        object
            .element(tags::SERIES_INSTANCE_UID)
            .unwrap()
            .to_str()
            .unwrap()
            .into_owned(),
    );
    let mut put = |tag, vr, value: PrimitiveValue| object.put(DataElement::new(tag, vr, value));
    for tag in [tags::ROWS, tags::COLUMNS] {
        put(tag, VR::US, (SIDE as u16).into());
    }
    let pixels: Vec<u16> = (0..SIDE * SIDE).map(|n| (n % 4096) as u16).collect();
    put(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.into()));
    for n in 0..SLICES {
        position[2] += 1.0;
        let position = position.iter().map(f64::to_string).collect::<Vec<_>>();
        for (tag, vr, value) in [
            (tags::SOP_INSTANCE_UID, VR::UI, format!("{uid}.{n}")),
            (tags::IMAGE_POSITION_PATIENT, VR::DS, position.join("\\")),
            (tags::SLICE_THICKNESS, VR::DS, "1".into()),
        ] {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        }
        object
            .write_to_file(out.path().join(format!("{n}.dcm")))
            .unwrap();
    }
    drop(object);
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let ct = series(&[out.path().to_path_buf()], Modality::Ct).unwrap();
    let peak = PEAK.load(Relaxed) - before;
    let decoded = SLICES * SIDE * SIDE * 2;
    assert_eq!(ct.volume.data.len(), decoded);
    println!(
        "peak {peak} for {decoded} bytes of voxels: {:.3}",
        peak as f64 / decoded as f64
    );
    assert!((peak as f64) < 1.2 * decoded as f64, "{peak} for {decoded}");
}
