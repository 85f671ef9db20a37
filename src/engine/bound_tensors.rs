//! The tensors of one run and their binding to a session: made once, used for many cases, so that a run allocates nothing
//! of ours and a GPU copies from memory that does not move.
#![allow(unsafe_code)]

use super::failures::{NO_MEMORY, failed};
use super::interrupt::{Termination, with_token_of_run};

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use half::f16;
use half::slice::HalfFloatSliceExt;
use ort::AsPointer;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, RunOptions, Session};
use ort::value::Tensor;
use std::ffi::CString;
use std::sync::Arc;

/// Names, shapes and types of a session's inputs and output.
pub(super) struct Signature {
    /// PET, CT; `None` for a modality that the network does not see.
    pub inputs: [Option<CString>; 2],
    pub output: CString,
    /// Channels, rows, columns.
    pub image: [usize; 3],
    pub heads: usize,
    /// Names of the pooled features among the outputs, and the values of each for one case.
    pub pooled: Vec<CString>,
    pub pooled_width: usize,
    /// Inputs are float16.
    pub half_inputs: bool,
    /// Inputs are copied to a GPU.
    pub pinned: bool,
}

/// The input and output tensors for a number of cases, bound to a session.
pub(super) struct BoundTensors {
    // Dropped before what is bound to it.
    binding: IoBinding,
    /// PET, CT.
    images: [Option<Image>; 2],
    scores: Tensor<f32>,
    /// Empty if nobody wants them.
    pooled: Vec<Tensor<f32>>,
    options: Arc<Termination>,
    pub cases: usize,
}

enum Image {
    Full(Tensor<f32>),
    Half(Tensor<f16>),
}

impl Image {
    fn new(signature: &Signature, allocator: &Allocator, cases: usize) -> Result<Self> {
        let [channels, rows, columns] = signature.image;
        let shape = [cases, channels, rows, columns];
        let made = if signature.half_inputs {
            Tensor::new(allocator, shape).map(Self::Half)
        } else {
            Tensor::new(allocator, shape).map(Self::Full)
        };
        made.map_err(failed("allocate the inputs"))
    }

    fn pointer(&self) -> *const ort::sys::OrtValue {
        match self {
            Self::Full(tensor) => tensor.ptr(),
            Self::Half(tensor) => tensor.ptr(),
        }
    }

    fn set(&mut self, case: usize, values: &[f32]) {
        let at = case * values.len()..(case + 1) * values.len();
        match self {
            Self::Full(tensor) => tensor.extract_tensor_mut().1[at].copy_from_slice(values),
            Self::Half(tensor) => tensor.extract_tensor_mut().1[at].convert_from_f32_slice(values),
        }
    }
}

impl BoundTensors {
    /// Makes the tensors for so many cases; those of the pooled features only if a run is to return them.
    pub fn new(
        session: &Session,
        signature: &Signature,
        cases: usize,
        with_pooled: bool,
    ) -> Result<Self> {
        let allocate = failed("allocate the inputs");
        // Pinned memory is copied to the GPU without a detour; where there is none, any will do.
        let pinned = || {
            let (device, kind) = (AllocationDevice::CUDA_PINNED, MemoryType::CPUInput);
            let info = MemoryInfo::new(device, 0, AllocatorType::Device, kind).ok()?;
            Allocator::new(session, info).ok()
        };
        let allocator = signature.pinned.then(pinned).flatten().unwrap_or_default();
        let image = |name: &Option<CString>| {
            let image = name
                .as_ref()
                .map(|_| Image::new(signature, &allocator, cases));
            image.transpose()
        };
        let [pet, ct] = &signature.inputs;
        let images = [image(pet)?, image(ct)?];
        let scores =
            Tensor::new(&Allocator::default(), [cases, signature.heads]).map_err(&allocate)?;
        let names = signature.pooled.iter().filter(|_| with_pooled);
        let shape = [cases, signature.pooled_width];
        let pooled = names
            .clone()
            .map(|_| Tensor::new(&Allocator::default(), shape));
        let pooled = pooled.collect::<ort::Result<Vec<_>>>().map_err(&allocate)?;
        let binding = session.create_binding().map_err(&allocate)?;
        let options = Arc::new(Termination(RunOptions::new().map_err(&allocate)?));
        let bound = Self {
            binding,
            images,
            scores,
            pooled,
            options,
            cases,
        };
        let api = ort::api();
        let to = bound.binding.ptr().cast_mut();
        // SAFETY: the binding is these tensors' own and alive; names are NUL-terminated and copied; the tensors live as long
        // as the binding, in the same struct, and their memory never moves.
        unsafe {
            for (name, image) in signature.inputs.iter().zip(&bound.images) {
                let (Some(name), Some(image)) = (name, image) else {
                    continue;
                };
                let bind = (api.BindInput)(to, name.as_ptr(), image.pointer());
                ort::Error::result_from_status(bind).map_err(&allocate)?;
            }
            let scores = signature.output.as_ptr();
            ort::Error::result_from_status((api.BindOutput)(to, scores, bound.scores.ptr()))
                .map_err(&allocate)?;
            for (name, tensor) in names.zip(&bound.pooled) {
                let bind = (api.BindOutput)(to, name.as_ptr(), tensor.ptr());
                ort::Error::result_from_status(bind).map_err(&allocate)?;
            }
        }
        Ok(bound)
    }

    /// Returns whether a run returns the pooled features.
    pub fn has_pooled(&self) -> bool {
        !self.pooled.is_empty()
    }

    /// Runs cases, as many as the tensors are for, and copies the scores and, if these tensors have them, the pooled features
    /// of each case. The token terminates the run.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the token was triggered before the end; [`Error::Runtime`], [`Error::Resources`].
    pub fn run(
        &mut self,
        session: &Session,
        cases: &[[&[f32]; 2]],
        (scores, pooled): (&mut [f32], &mut [f32]),
        cancel: &CancelToken,
    ) -> Result<()> {
        if cases.len() != self.cases {
            return Err(Error::Internal(format!(
                "{} cases in tensors for {}",
                cases.len(),
                self.cases
            )));
        }
        for (n, case) in cases.iter().enumerate() {
            for (image, values) in self.images.iter_mut().zip(case) {
                if let Some(image) = image {
                    image.set(n, values);
                }
            }
        }
        // The run before may have been terminated.
        let reset = self.options.0.unterminate();
        reset.map_err(failed("run the model"))?;
        let listening = cancel.listen(self.options.clone())?;
        let status = with_token_of_run(cancel, || {
            let (session, binding) = (session.ptr().cast_mut(), self.binding.ptr());
            // SAFETY: session, options and binding are alive; Run may be called concurrently on one session
            // (onnxruntime_c_api.h), which is why ort's exclusive reference is not needed; the binding is borrowed
            // exclusively, and of the options another thread only sets the flag that is for other threads.
            unsafe { (ort::api().RunWithBinding)(session, self.options.0.ptr(), binding) }
        });
        drop(listening);
        // SAFETY: the status is RunWithBinding's own, taken over once.
        if let Err(e) = unsafe { ort::Error::result_from_status(status) } {
            cancel.check()?;
            // The case may be scored again when there is memory; that says nothing about the provider.
            return Err(match e.message() {
                why if [NO_MEMORY, "bad_alloc"].iter().any(|w| why.contains(w)) => {
                    Error::Resources("memory for a run of the network".into())
                }
                _ => failed("run the model")(e),
            });
        }
        scores.copy_from_slice(self.scores.extract_tensor().1);
        let values = pooled.len() / self.cases;
        for (n, tensor) in self.pooled.iter().enumerate() {
            let found = tensor.extract_tensor().1;
            let width = found.len() / self.cases;
            let of_cases = pooled
                .chunks_exact_mut(values)
                .zip(found.chunks_exact(width));
            for (of_case, found) in of_cases {
                of_case[n * width..(n + 1) * width].copy_from_slice(found);
            }
        }
        Ok(())
    }
}
