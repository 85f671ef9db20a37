//! Latency, always as a ratio against something measured in the same run: this machine is not yours.
//!
//! `make bench` runs it. `preprocess` is the whole sampler for CT 512 x 512 x 300 i16 and PET 200 x 200 x 300 f32, warm
//! and with caches flushed; `call` is one score through the C ABI beside a bare ONNX Runtime run of the same graph.

#![allow(unsafe_code)] // it is a host of the C ABI

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dlnms::bundle::Manifest;
use dlnms::ffi::*;
use dlnms::imaging::sampler::Workspace;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use ort::value::TensorRef;
use std::ffi::CString;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn target(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("target")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: run `make bench`",
        path.display()
    );
    path
}

/// The volumes of the promise: a whole chest CT and a whole-body PET.
struct Volumes {
    ct: Vec<u8>,
    pet: Vec<u8>,
}

const CENTER: [f64; 3] = [31.3, -12.7, 40.9];

impl Volumes {
    fn new() -> Self {
        let noise = |n: usize| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let ct =
            (0..512 * 512 * 300usize).flat_map(|n| ((noise(n) % 2000) as i16 - 1000).to_ne_bytes());
        let pet = (0..200 * 200 * 300usize)
            .flat_map(|n| ((noise(n) % 1000) as f32 / 100.0).to_ne_bytes());
        Self {
            ct: ct.collect(),
            pet: pet.collect(),
        }
    }

    fn grid(n: usize, pixel: f64, step: f64) -> ImageGrid<'static> {
        let half = (n as f64 - 1.0) / 2.0 * pixel;
        ImageGrid {
            dims: [n, n, 300],
            origin: [-half, -half, -299.0 / 2.0 * step],
            spacing: [pixel, pixel, step],
            direction: IDENTITY,
            slice_offsets: None,
        }
    }

    fn ct(&self) -> VolumeView<'_> {
        VolumeView::packed(&self.ct, DType::I16, Self::grid(512, 0.9766, 1.5), "ct").unwrap()
    }

    fn pet(&self) -> VolumeView<'_> {
        VolumeView::packed(&self.pet, DType::F32, Self::grid(200, 4.0728, 3.0), "pet").unwrap()
    }
}

fn preprocess(c: &mut Criterion) {
    let spec = Manifest::parse(&std::fs::read(target("bundle/manifest.json")).unwrap())
        .unwrap()
        .preprocessing;
    let volumes = Volumes::new();
    let mut workspace = Workspace::default();
    let mut tensor = vec![0f32; spec.tensor_len()];
    let mut both = |_: ()| {
        spec.sample(
            &volumes.ct(),
            &[],
            &spec.ct,
            CENTER,
            &mut workspace,
            &mut tensor,
        )
        .unwrap();
        spec.sample(
            &volumes.pet(),
            &[],
            &spec.pet,
            CENTER,
            &mut workspace,
            &mut tensor,
        )
        .unwrap();
        black_box(tensor[0])
    };
    let mut group = c.benchmark_group("preprocess");
    group.bench_function("warm", |b| b.iter(|| both(())));
    let mut evict = vec![0u8; 256 << 20];
    group.sample_size(20).bench_function("cold_caches", |b| {
        b.iter_batched(
            || {
                evict
                    .iter_mut()
                    .step_by(64)
                    .for_each(|v| *v = v.wrapping_add(1))
            },
            |()| both(()),
            BatchSize::PerIteration,
        )
    });
    group.finish();
}

/// The graph under bare ONNX Runtime, with the session options of the library.
struct Bare {
    session: ort::session::Session,
    pet: Vec<f32>,
    ct: Vec<f32>,
}

impl Bare {
    fn new(threads: usize) -> Self {
        // The library has loaded ONNX Runtime; one environment is all a process gets, and `ort` hands out sessions of
        // it. Options as in runtime/session.rs.
        let environment = dlnms::runtime::Runtime::load(None).unwrap();
        let session = environment
            .bare_session(&target("bundle/dlnms.onnx"), threads, false)
            .unwrap();
        Self {
            session,
            pet: vec![0.1; 3 * 112 * 112],
            ct: vec![-0.3; 3 * 112 * 112],
        }
    }

    fn run(&mut self) -> f32 {
        let shape = [1usize, 3, 112, 112];
        let pet = TensorRef::from_array_view((shape, self.pet.as_slice())).unwrap();
        let ct = TensorRef::from_array_view((shape, self.ct.as_slice())).unwrap();
        let out = self
            .session
            .run(ort::inputs! { "pet" => pet, "ct" => ct })
            .unwrap();
        out["scores"].try_extract_tensor::<f32>().unwrap().1[0]
    }
}

/// A host of the C ABI.
struct Host {
    scorer: *mut dlnms_scorer,
    volumes: Volumes,
}

impl Host {
    fn new() -> Self {
        let library = CString::new(target("onnxruntime").to_str().unwrap()).unwrap();
        let bundle = CString::new(target("bundle").to_str().unwrap()).unwrap();
        let (mut runtime, mut scorer) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: structs are initialised by their own functions; strings and outputs live through the calls.
        unsafe {
            let mut where_ = std::mem::zeroed();
            dlnms_runtime_options_init(&mut where_, size_of::<dlnms_runtime_options>() as u32);
            where_.library_path = library.as_ptr();
            assert_eq!(
                dlnms_runtime_new(&where_, &mut runtime, std::ptr::null_mut()),
                0
            );
            let mut options = std::mem::zeroed();
            dlnms_scorer_options_init(&mut options, size_of::<dlnms_scorer_options>() as u32);
            options.bundle_dir = bundle.as_ptr();
            let mut cpu: dlnms_provider_options = std::mem::zeroed();
            dlnms_provider_options_init(&mut cpu, size_of_val(&cpu) as u32);
            cpu.provider = DLNMS_PROVIDER_CPU;
            let providers: [*const dlnms_provider_options; 1] = [&cpu];
            (options.n_providers, options.providers) = (1, providers.as_ptr());
            assert_eq!(
                dlnms_scorer_new(runtime, &options, &mut scorer, std::ptr::null_mut()),
                0
            );
            assert_eq!(
                dlnms_scorer_prepare(
                    scorer,
                    std::ptr::null(),
                    std::ptr::null(),
                    std::ptr::null_mut()
                ),
                0
            );
        }
        Self {
            scorer,
            volumes: Volumes::new(),
        }
    }

    /// Raw volumes in, numbers out.
    fn score(&self) -> f32 {
        let describe = |view: &VolumeView<'_>, data: &[u8]| {
            let g = view.grid;
            // SAFETY: zeroed, then initialised by its own function.
            let mut v: dlnms_volume = unsafe { std::mem::zeroed() };
            // SAFETY: as above.
            unsafe { dlnms_volume_init(&mut v, size_of::<dlnms_volume>() as u32) };
            (v.dtype, v.data) = (view.dtype() as u32, data.as_ptr().cast());
            (v.dims, v.origin, v.spacing) = (g.dims.map(|n| n as u64), g.origin, g.spacing);
            v
        };
        let ct = describe(&self.volumes.ct(), &self.volumes.ct);
        let pet = describe(&self.volumes.pet(), &self.volumes.pet);
        let mut result = std::ptr::null_mut();
        // SAFETY: every struct is initialised by its own function and outlives the call.
        unsafe {
            let mut roi = std::mem::zeroed();
            dlnms_roi_init(&mut roi, size_of::<dlnms_roi>() as u32);
            roi.point = CENTER;
            let mut case = std::mem::zeroed();
            dlnms_case_init(&mut case, size_of::<dlnms_case>() as u32);
            (case.ct, case.pet, case.roi) = (&ct, &pet, &roi);
            let status = dlnms_scorer_score(
                self.scorer,
                &case,
                std::ptr::null(),
                &mut result,
                std::ptr::null_mut(),
            );
            assert_eq!(status, 0);
            let mut scores = std::mem::zeroed();
            dlnms_scores_init(&mut scores, size_of::<dlnms_scores>() as u32);
            dlnms_result_scores(result, &mut scores, std::ptr::null_mut());
            dlnms_result_free(result);
            scores.n1
        }
    }
}

fn call(c: &mut Criterion) {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(4);
    let host = Host::new();
    let mut bare = Bare::new(threads);
    let mut group = c.benchmark_group("call");
    group
        .sample_size(60)
        .measurement_time(Duration::from_secs(6));
    group.bench_function("bare_onnxruntime", |b| b.iter(|| bare.run()));
    group.bench_function("c_abi", |b| b.iter(|| host.score()));
    group.finish();
    // The two above run one after the other; on a busy machine a pair run side by side is the fairer ratio.
    let timed = |f: &mut dyn FnMut() -> f32| {
        let start = Instant::now();
        black_box(f());
        start.elapsed().as_secs_f64()
    };
    let mut ratios: Vec<f64> = (0..200)
        .map(|i| {
            let (mut ours, mut theirs) = (0.0, 0.0);
            for turn in 0..2 {
                if (i + turn) % 2 == 0 {
                    ours = timed(&mut || host.score())
                } else {
                    theirs = timed(&mut || bare.run())
                }
            }
            ours / theirs
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "call: c_abi / bare_onnxruntime, 200 interleaved pairs: median {:.3}, p10 {:.3}, p90 {:.3}",
        ratios[100], ratios[20], ratios[180]
    );
}

criterion_group!(benches, preprocess, call);
criterion_main!(benches);
