//! The sampler allocates nothing when it is warm, and little when it is not; a warm call nothing of the size of a
//! tensor; and reading a long scan little beyond the voxels that come out.
#![allow(unsafe_code)] // a counting allocator

mod support;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dlnms::bundle::Manifest;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::sampler::Workspace;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::readers::dicom::Modality;
use dlnms::scorer::{CancelToken, Case, Scorer, ScorerOptions};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// One test counts at a time.
static TURN: Mutex<()> = Mutex::new(());

struct Counting;

// SAFETY: hands every request to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() >= 4096 {
            // A question whether there is memory, not a use of it: only such probes are aligned to pages.
            // SAFETY: handed on from the caller.
            return unsafe { System.alloc(layout) };
        }
        CALLS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: handed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if layout.align() < 4096 {
            LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: handed on from the caller.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_warm_sampler_allocates_nothing_and_a_cold_one_under_two_megabytes() {
    let _turn = TURN.lock().unwrap();
    let manifest = std::fs::read(support::tiny_bundle().join("manifest.json")).unwrap();
    let spec = Manifest::parse(&manifest).unwrap().preprocessing;
    let geometry = |n: usize, pixel: f64, direction| ImageGrid {
        dims: [n, n, 300],
        origin: [
            -(n as f64 - 1.0) / 2.0 * pixel,
            -(n as f64 - 1.0) / 2.0 * pixel,
            -150.0,
        ],
        spacing: [pixel, pixel, 1.0],
        direction,
        slice_offsets: None,
    };
    let (ct, pet) = (
        vec![0u8; 512 * 512 * 300 * 2],
        vec![0u8; 200 * 200 * 300 * 4],
    );
    let turned = [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]];
    let mut tensor = vec![0f32; spec.tensor_len()];
    for direction in [IDENTITY, turned] {
        let ct =
            VolumeView::packed(&ct, DType::I16, geometry(512, 0.9766, direction), "ct").unwrap();
        let pet =
            VolumeView::packed(&pet, DType::F32, geometry(200, 4.07, direction), "pet").unwrap();
        let center = ct.geometry.index_to_lps([250.0, 260.0, 150.0]);
        let mut workspace = Workspace::default();
        let mut both = || {
            let before = (CALLS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
            spec.sample(&ct, &[], &spec.ct, center, &mut workspace, &mut tensor)
                .unwrap();
            spec.sample(&pet, &[], &spec.pet, center, &mut workspace, &mut tensor)
                .unwrap();
            (
                CALLS.load(Ordering::Relaxed) - before.0,
                BYTES.load(Ordering::Relaxed) - before.1,
            )
        };
        let cold = both();
        assert!(cold.1 < 2_000_000, "{cold:?}");
        assert_eq!(both().0, 0, "allocations of a warm call");
    }
}

#[test]
fn a_warm_call_allocates_a_few_hundred_bytes() {
    let _turn = TURN.lock().unwrap();
    let options = ScorerOptions::default();
    let scorer = Scorer::new(support::runtime(), &support::bundle(), options).unwrap();
    let side = 200usize;
    let data: Vec<u8> = (0..side.pow(3) as i32)
        .flat_map(|n| ((n % 300) as i16).to_ne_bytes())
        .collect();
    let geometry = ImageGrid {
        dims: [side; 3],
        origin: [-100.0; 3],
        spacing: [1.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let view = |name| VolumeView::packed(&data, DType::I16, geometry, name).unwrap();
    let mut case = Case::new(view("ct"), view("pet"), Roi::Point([0.0; 3]));
    let mut last = (0, 0);
    for n in 0..5 {
        case.roi = Roi::Point([f64::from(n); 3]);
        let before = (CALLS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
        scorer.score(&case, &CancelToken::default()).unwrap();
        last = (
            CALLS.load(Ordering::Relaxed) - before.0,
            BYTES.load(Ordering::Relaxed) - before.1,
        );
    }
    println!("a warm call: {} allocations, {} bytes", last.0, last.1);
    assert!(last.0 <= 60 && last.1 <= 8192, "{last:?}");
}

/// A quarter of the pixels of a slice, so that headers weigh four times as much as they would.
const SIDE: usize = 256;
const SLICES: usize = 1500;

#[test]
fn fifteen_hundred_slices_take_little_more_than_their_voxels() {
    let _turn = TURN.lock().unwrap();
    let Some(slice) = support::shared("data/petct/a_ct_roi/4dlung_113/ct") else {
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
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let ct = support::series(&[out.path().to_path_buf()], Modality::Ct).unwrap();
    let peak = PEAK.load(Ordering::Relaxed) - before;
    let decoded = SLICES * SIDE * SIDE * 2;
    assert_eq!(ct.volume.data.len(), decoded);
    println!(
        "peak {peak} for {decoded} bytes of voxels: {:.3}",
        peak as f64 / decoded as f64
    );
    assert!(
        (peak as f64) < 1.05 * decoded as f64,
        "{peak} for {decoded}"
    );
}
