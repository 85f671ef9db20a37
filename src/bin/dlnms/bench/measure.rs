//! What is timed: whole calls beside bare ONNX Runtime, threads, batches, fresh processes.

use crate::Failure;
use crate::input::EngineArguments;
use crate::trust::repeat_runtime;
use dlnms::bundle::Precision;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::runtime::RuntimeOptions;
use dlnms::scorer::{CancelToken, Case, Scorer};
use dlnms::{Error, imaging::roi::Roi};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Noise in the shape of a study.
pub struct Synthetic {
    ct: Vec<u8>,
    pet: Vec<u8>,
    ct_side: usize,
    pet_side: usize,
    slices: usize,
}

impl Synthetic {
    /// A chest CT and a whole-body PET.
    pub fn whole_body() -> Self {
        Self::new(512, 200, 300)
    }

    /// Enough for one call.
    pub fn small() -> Self {
        Self::new(128, 64, 64)
    }

    fn new(ct_side: usize, pet_side: usize, slices: usize) -> Self {
        let noise = |n: usize| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let hu = |n: usize| ((noise(n) % 2000) as i16 - 1000).to_ne_bytes();
        let suv = |n: usize| ((noise(n) % 1000) as f32 / 100.0).to_ne_bytes();
        Self {
            ct: (0..ct_side * ct_side * slices).flat_map(hu).collect(),
            pet: (0..pet_side * pet_side * slices).flat_map(suv).collect(),
            ct_side,
            pet_side,
            slices,
        }
    }

    /// The n-th tumour: never the same planes twice in a row.
    pub fn case(&self, n: usize) -> Case<'_> {
        let grid = |side: usize| {
            let (pixel, step) = (500.0 / side as f64, 450.0 / self.slices as f64);
            let half = |count: usize, mm: f64| -(count as f64 - 1.0) / 2.0 * mm;
            ImageGrid {
                dims: [side, side, self.slices],
                origin: [
                    half(side, pixel),
                    half(side, pixel),
                    half(self.slices, step),
                ],
                spacing: [pixel, pixel, step],
                direction: IDENTITY,
                slice_offsets: None,
            }
        };
        let view = |data, dtype, side, name| {
            VolumeView::packed(data, dtype, grid(side), name).expect("the volumes are our own")
        };
        let at = |step: usize| (n * step % 61) as f64 - 30.0;
        Case::new(
            view(&self.ct, DType::I16, self.ct_side, "ct"),
            view(&self.pet, DType::F32, self.pet_side, "pet"),
            Roi::Point([at(7), at(11), at(13)]),
        )
    }
}

/// Percentiles of a histogram in microseconds, as JSON in milliseconds and as a row of the table.
pub mod summary {
    use super::*;

    const POINTS: [(&str, f64); 5] = [
        ("p50", 0.5),
        ("p90", 0.9),
        ("p99", 0.99),
        ("p99_9", 0.999),
        ("max", 1.0),
    ];

    pub fn from_histogram(histogram: &Histogram<u64>) -> Value {
        let at = |q| histogram.value_at_quantile(q) as f64 / 1e3;
        let mut all: serde_json::Map<String, Value> = POINTS
            .iter()
            .map(|(k, q)| ((*k).into(), json!(at(*q))))
            .collect();
        all.insert("p25".into(), json!(at(0.25)));
        all.insert("p75".into(), json!(at(0.75)));
        all.insert("samples".into(), json!(histogram.len()));
        Value::Object(all)
    }

    pub fn row(values: &Value) -> String {
        let value = |k: &str| values[k].as_f64().unwrap_or(f64::NAN);
        POINTS
            .iter()
            .map(|(k, _)| format!("{:9.3}", value(k)))
            .collect()
    }
}

fn histogram() -> Histogram<u64> {
    // Microseconds to a minute, three digits.
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are in order")
}

fn record(into: &mut Histogram<u64>, time: Duration) {
    into.saturating_record(time.as_micros() as u64);
}

/// Two things timed in turns.
pub struct Pairs {
    pub first: Histogram<u64>,
    pub second: Histogram<u64>,
    /// Median over the pairs of the first's time by the second's.
    pub ratio: f64,
}

/// Pairs before those that count.
const WARM_UP: usize = 3;

/// Time two things `n` times in pairs, which are numbered; who goes first changes from pair to pair.
pub fn in_turns(
    n: usize,
    mut first: impl FnMut(usize) -> Result<Duration, Failure>,
    mut second: impl FnMut(usize) -> Result<Duration, Failure>,
) -> Result<Pairs, Failure> {
    let (mut firsts, mut seconds) = (histogram(), histogram());
    let mut ratios = Vec::with_capacity(n);
    for i in 0..n + WARM_UP {
        let early = if i % 2 == 0 { Some(second(i)?) } else { None };
        let a = first(i)?;
        let b = match early {
            Some(time) => time,
            None => second(i)?,
        };
        if i >= WARM_UP {
            record(&mut firsts, a);
            record(&mut seconds, b);
            ratios.push(a.as_secs_f64() / b.as_secs_f64());
        }
    }
    ratios.sort_by(f64::total_cmp);
    Ok(Pairs {
        first: firsts,
        second: seconds,
        ratio: ratios[ratios.len() / 2],
    })
}

/// Calls in pairs with bare runs of the same graph.
pub fn calls(scorer: &Scorer, volumes: &Synthetic, n: usize) -> Result<Value, Failure> {
    let cancel = CancelToken::default();
    let manifest = &scorer.bundle().manifest;
    let model = manifest.model(Precision::Fp32);
    let graph = model.and_then(|model| Some((model, model.graph.as_ref()?)));
    let (model, graph) = graph.ok_or_else(|| Error::Internal("no graph in FP32".into()))?;
    let path = scorer.bundle().path(&graph.file);
    let mut bare = scorer
        .runtime()
        .bare_session(&path, scorer.threads(), scorer.spins())?;
    let len = manifest.preprocessing.tensor_len();
    let images = [vec![0.1f32; len], vec![-0.3f32; len]];
    let side = manifest.preprocessing.output;
    let mut run_bare = || -> Result<Duration, Failure> {
        let shape = [1, len / side / side, side, side];
        let broken = |e: ort::Error| Error::Internal(format!("bare ONNX Runtime: {e}"));
        let start = Instant::now();
        let mut inputs = Vec::new();
        for (name, image) in model.inputs.by_modality().into_iter().zip(&images) {
            if let Some(name) = name {
                let view = ort::value::TensorRef::from_array_view((shape, &image[..]));
                inputs.push((name, view.map_err(broken)?));
            }
        }
        black_box(bare.run(inputs).map_err(broken)?);
        Ok(start.elapsed())
    };
    let (mut preprocess, mut evidence, mut infer) = (histogram(), histogram(), histogram());
    let pairs = in_turns(
        n,
        |i| {
            let case = volumes.case(i);
            let start = Instant::now();
            let scores = black_box(scorer.score(&case, &cancel)?);
            let took = start.elapsed();
            if i >= WARM_UP {
                record(&mut preprocess, scores.timings.preprocess);
                record(&mut evidence, scores.timings.evidence);
                record(&mut infer, scores.timings.infer);
            }
            Ok(took)
        },
        |_| run_bare(),
    )?;
    Ok(json!({
        "call": summary::from_histogram(&pairs.first),
        "preprocess": summary::from_histogram(&preprocess),
        "evidence": summary::from_histogram(&evidence),
        "infer": summary::from_histogram(&infer),
        "bare_ort": summary::from_histogram(&pairs.second),
        "ratio_to_bare": pairs.ratio,
    }))
}

/// Threads that share one scorer.
pub fn concurrency(
    scorer: &Scorer,
    volumes: &Synthetic,
    n: usize,
    threads: usize,
) -> Result<Value, Failure> {
    let next = AtomicUsize::new(0);
    let worker = || -> dlnms::Result<Histogram<u64>> {
        let mut times = histogram();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= n {
                return Ok(times);
            }
            let start = Instant::now();
            scorer.score(&volumes.case(i), &CancelToken::default())?;
            record(&mut times, start.elapsed());
        }
    };
    let start = Instant::now();
    let mut all = histogram();
    let found: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        running.into_iter().map(|t| t.join()).collect()
    });
    let took = start.elapsed().as_secs_f64();
    for times in found {
        let broken = |_| Error::Internal("a measuring thread panicked".into());
        let times = times.map_err(broken)??;
        all.add(times).map_err(|e| Error::Internal(e.to_string()))?;
    }
    Ok(
        json!({ "n": threads, "cases_per_s": n as f64 / took, "call_ms": summary::from_histogram(&all) }),
    )
}

/// Batches of one size.
pub fn batch(
    scorer: &Scorer,
    volumes: &Synthetic,
    n: usize,
    size: usize,
) -> Result<Value, Failure> {
    let batches = n.div_ceil(size);
    let mut times = histogram();
    let start = Instant::now();
    for b in 0..batches {
        let cases: Vec<Case<'_>> = (0..size).map(|i| volumes.case(b * size + i)).collect();
        let begun = Instant::now();
        for outcome in scorer.score_batch(&cases, &CancelToken::default())? {
            outcome?;
        }
        record(&mut times, begun.elapsed());
    }
    let took = start.elapsed().as_secs_f64();
    let per_second = (batches * size) as f64 / took;
    Ok(json!({ "n": size, "cases_per_s": per_second, "batch_ms": summary::from_histogram(&times) }))
}

/// From the start of a fresh process to the end of its first score: without a cache, and with one that is filled.
pub fn cold(
    bundle: &Path,
    engine: &EngineArguments,
    library: &RuntimeOptions,
    n: usize,
) -> Result<Value, Failure> {
    let program = std::env::current_exe().map_err(Failure::output(Path::new("this program")))?;
    let cache = std::env::temp_dir().join(format!("dlnms-bench-{}", std::process::id()));
    let once = |cached: bool| -> Result<f64, Failure> {
        let mut command = std::process::Command::new(&program);
        command.args(["bench", "--once", "--bundle"]).arg(bundle);
        engine.repeat(&mut command);
        repeat_runtime(library, &mut command);
        if cached {
            command.arg("--cache").arg(&cache);
        }
        let start = Instant::now();
        let output = command.output().map_err(Failure::output(&program))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::Internal(format!("cold start: {}", why.trim())).into());
        }
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    let measured = || -> Result<Value, Failure> {
        let mut rows = serde_json::Map::new();
        let filling = once(true)?;
        for (name, cached) in [("without cache", false), ("with cache", true)] {
            let times = (0..n)
                .map(|_| once(cached))
                .collect::<Result<Vec<_>, _>>()?;
            let best = times.iter().copied().fold(f64::INFINITY, f64::min);
            rows.insert(name.into(), json!({ "best_ms": best, "all_ms": times }));
        }
        rows.insert(
            "filling cache".into(),
            json!({ "best_ms": filling, "all_ms": [filling] }),
        );
        Ok(Value::Object(rows))
    };
    let rows = measured();
    let _ = std::fs::remove_dir_all(&cache);
    rows
}
