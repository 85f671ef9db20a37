//! The sampler allocates nothing when it is warm, and little when it is not.
#![allow(unsafe_code)] // a counting allocator

mod support;

use dlnms::bundle::Manifest;
use dlnms::planes::Workspace;
use dlnms::volume::{DType, Geometry, IDENTITY, VolumeView};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: hands every request to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: handed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: handed on from the caller.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_warm_sampler_allocates_nothing_and_a_cold_one_under_two_megabytes() {
    let manifest = std::fs::read(support::tiny_bundle().join("manifest.json")).unwrap();
    let spec = Manifest::parse(&manifest).unwrap().preprocessing;
    let geometry = |n: usize, pixel: f64, direction| Geometry {
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
