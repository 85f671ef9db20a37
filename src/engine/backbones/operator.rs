//! The backbones as an operator of ONNX Runtime: for each an image goes in, and the largest and the mean value of its
//! features come out.
#![allow(unsafe_code)]

use super::shared::Backbones as SharedBackbones;
use crate::cpu_kernels::arithmetic::Arithmetic;
use crate::cpu_kernels::instructions::Line;
use crate::cpu_kernels::layers::{CHANNELS, FEATURES, SIDE};
use crate::cpu_kernels::scratch::{self, Scratch};
use crate::cpu_kernels::team::{Leader, Team};
use crate::engine::failures::NO_MEMORY;
use crate::engine::interrupt::token_of_run;
use crate::lock::lock;
use ort::AsPointer;
use ort::operator::{
    ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput,
};
use ort::value::TensorElementType;
use std::collections::TryReserveError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex};

/// Name of the operator, and its domain, as graphs have them.
const OPERATOR: &str = "Backbones";
pub const DOMAIN: &str = "dlnms";

/// Most backbones of an operator. The networks N1 and N2 have two each, and so have separate ones for each modality.
pub const MAX_BACKBONES: usize = 16;

/// Values of an image.
const IMAGE: usize = CHANNELS * SIDE * SIDE;

/// The operator.
pub struct Backbones<A>(Arc<Network<A>>);

/// Backbones in the order of the node's inputs, at most [`MAX_BACKBONES`].
struct Network<A> {
    backbones: SharedBackbones<A>,
    /// Memory between layers, kept from run to run.
    idle: Mutex<Vec<Scratch>>,
    /// Memory of threads, kept from run to run.
    idle_workspaces: Mutex<Vec<Vec<Line>>>,
    threads: usize,
}

impl<A: Arithmetic> Backbones<A> {
    /// Backbones in the order of the node's inputs, for a session with so many threads.
    pub fn new(backbones: SharedBackbones<A>, threads: usize) -> Self {
        Self(Arc::new(Network {
            backbones,
            idle: Mutex::default(),
            idle_workspaces: Mutex::default(),
            threads,
        }))
    }
}

/// Made for a session. ONNX Runtime calls it from several threads at once, so it is only ever read.
pub struct BackbonesKernel<A>(Arc<Network<A>>);

impl<A: Arithmetic> Operator for Backbones<A> {
    type Kernel<'attr> = BackbonesKernel<A>;

    fn name(&self) -> &str {
        OPERATOR
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let one = |_: &_| OperatorInput::required(TensorElementType::Float32);
        self.0.backbones.iter().map(one).collect::<Vec<_>>()
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        let one = |_| OperatorOutput::required(TensorElementType::Float32);
        (0..2 * self.0.backbones.len()).map(one).collect::<Vec<_>>()
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        Ok(BackbonesKernel(self.0.clone()))
    }
}

impl<A: Arithmetic> Kernel for BackbonesKernel<A> {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        // ONNX Runtime is C++: nothing may unwind into it.
        let run = catch_unwind(AssertUnwindSafe(|| self.0.run(context)));
        run.unwrap_or_else(|_| Err(ort::Error::new("a defect in the backbones' kernels")))
    }
}

impl<A: Arithmetic> Network<A> {
    fn run(&self, context: &ComputeContext) -> ort::Result<()> {
        let n = self.backbones.len();
        let mut images: [&[f32]; MAX_BACKBONES] = [&[]; MAX_BACKBONES];
        for (i, image) in images.iter_mut().enumerate().take(n) {
            *image = input(context, i)?;
        }
        let images = &images[..n];
        let cases = images[0].len() / IMAGE;
        if cases == 0 || images.iter().any(|i| i.len() != cases * IMAGE) {
            return Err(ort::Error::new("the images differ in number or size"));
        }
        // Atomic because threads share them, not because they change.
        let features: [AtomicPtr<f32>; 2 * MAX_BACKBONES] = Default::default();
        for (i, rows) in features.iter().enumerate().take(2 * n) {
            rows.store(output(context, i, cases)?, Ordering::Relaxed);
        }
        // Each backbone of some of the cases is a job. Threads without one help.
        let share = cases.div_ceil(self.threads.div_ceil(n).clamp(1, cases));
        let jobs = n * cases.div_ceil(share);
        let team = Team::new(jobs);
        let (no_memory, defect) = (AtomicBool::new(false), AtomicBool::new(false));
        let cancel = token_of_run();
        context.par_for(self.threads, 0, |_| {
            let lead = |job: usize, leader: &mut Leader<'_>| {
                let (backbone, part) = (job % n, job / n);
                let (from, to) = (part * share, ((part + 1) * share).min(cases));
                let mut scratch = self.scratch(to - from)?;
                // SAFETY: the tensors have `cases` rows, and no other job has these rows of this backbone.
                let outputs = [0, 1].map(|which| unsafe {
                    let first = features[2 * backbone + which].load(Ordering::Relaxed);
                    let part = first.add(from * FEATURES);
                    std::slice::from_raw_parts_mut(part, (to - from) * FEATURES)
                });
                let images = &images[backbone][from * IMAGE..to * IMAGE];
                self.backbones[backbone].run(images, &mut scratch, outputs, &cancel, leader);
                lock(&self.idle).push(scratch);
                Ok::<(), TryReserveError>(())
            };
            // ONNX Runtime's threads are C++: nothing may unwind into them.
            let done = catch_unwind(AssertUnwindSafe(|| {
                let mut workspace = self.workspace()?;
                team.work(&mut workspace, |job, leader| {
                    if lead(job, leader).is_err() {
                        no_memory.store(true, Ordering::Relaxed);
                    }
                });
                lock(&self.idle_workspaces).push(workspace);
                Ok::<(), TryReserveError>(())
            }));
            match done {
                Ok(Ok(())) => {}
                Ok(Err(_)) => no_memory.store(true, Ordering::Relaxed),
                Err(_) => defect.store(true, Ordering::Relaxed),
            }
        })?;
        if cancel.is_triggered() {
            return Err(ort::Error::new("cancelled"));
        }
        match (defect.into_inner(), no_memory.into_inner()) {
            (true, _) => Err(ort::Error::new("a defect in the backbones' kernels")),
            (false, true) => Err(ort::Error::new(NO_MEMORY)),
            (false, false) => Ok(()),
        }
    }

    /// Returns the memory of a thread, used before if there is any.
    fn workspace(&self) -> Result<Vec<Line>, TryReserveError> {
        let idle = lock(&self.idle_workspaces).pop();
        idle.map_or_else(scratch::workspace::<A>, Ok)
    }

    /// Returns room for so many images, used before if there is any.
    fn scratch(&self, images: usize) -> Result<Scratch, TryReserveError> {
        let mut idle = lock(&self.idle);
        match idle.iter().position(|s| s.holds(images)) {
            Some(n) => Ok(idle.swap_remove(n)),
            None => {
                idle.pop(); // too small: what replaces it can serve for both
                drop(idle);
                Scratch::new::<A>(images)
            }
        }
    }
}

// Through the C API, because ort's values are allocated for each call.

/// Values of an input, which lives as long as the call.
fn input(context: &ComputeContext, index: usize) -> ort::Result<&[f32]> {
    let api = ort::api();
    let (mut value, mut bytes, mut data) = (std::ptr::null(), 0, std::ptr::null_mut());
    // SAFETY: the context is that of this call; the operator's inputs are float32 tensors on the CPU, by its declaration.
    unsafe {
        ort::Error::result_from_status((api.KernelContext_GetInput)(
            context.ptr(),
            index,
            &mut value,
        ))?;
        if value.is_null() {
            return Err(ort::Error::new("an input is missing"));
        }
        ort::Error::result_from_status((api.GetTensorSizeInBytes)(value, &mut bytes))?;
        ort::Error::result_from_status((api.GetTensorMutableData)(value.cast_mut(), &mut data))?;
        Ok(std::slice::from_raw_parts(
            data.cast(),
            bytes / size_of::<f32>(),
        ))
    }
}

/// Memory for so many rows of features.
fn output(context: &ComputeContext, index: usize, rows: usize) -> ort::Result<*mut f32> {
    let api = ort::api();
    let shape = [rows as i64, FEATURES as i64];
    let (mut value, mut data) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: as above; ONNX Runtime makes the tensor, or says that it cannot.
    unsafe {
        ort::Error::result_from_status((api.KernelContext_GetOutput)(
            context.ptr().cast_mut(),
            index,
            shape.as_ptr(),
            shape.len(),
            &mut value,
        ))?;
        if value.is_null() {
            return Err(ort::Error::new("an output is missing"));
        }
        ort::Error::result_from_status((api.GetTensorMutableData)(value, &mut data))?;
    }
    Ok(data.cast())
}
