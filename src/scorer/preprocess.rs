//! A case -> the two input tensors.

use crate::allocation;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::evidence::pet_metrics;
use crate::imaging::roi::{Extent, Roi, require_overlap};
use crate::imaging::sampler::{PreprocessSpec, Workspace};
use crate::imaging::suv::{PetInfo, SuvScale};
use ndarray::Array3;

/// What the network sees: normalised, channels x rows x columns.
#[derive(Clone, Debug)]
pub struct InputTensors {
    /// The tumour: its centre, which was used, and how far it reaches, LPS mm.
    pub roi: Extent,
    /// SUV provenance; `None` when the host gave SUV.
    pub suv: Option<SuvScale>,
    /// PET tensor.
    pub pet: Array3<f32>,
    /// CT tensor.
    pub ct: Array3<f32>,
}

impl InputTensors {
    /// Compute them; needs neither ONNX Runtime nor weights.
    pub fn new(spec: &PreprocessSpec, case: &Case<'_>) -> Result<Self> {
        let mut buffers = Buffers::new(spec)?;
        let validated = ValidatedCase::new(case)?;
        buffers.fill(spec, case, &validated)?;
        let shape = (spec.channels.len(), spec.output, spec.output);
        let tensor = |values| {
            Array3::from_shape_vec(shape, values)
                .map_err(|e| Error::Internal(format!("tensor shape: {e}")))
        };
        Ok(Self {
            pet: tensor(buffers.pet)?,
            ct: tensor(buffers.ct)?,
            roi: validated.roi,
            suv: validated.suv,
        })
    }
}

/// Memory of one call in flight, about 0.6 MB.
pub(super) struct Buffers {
    workspace: Workspace,
    pub pet: Vec<f32>,
    pub ct: Vec<f32>,
}

impl Buffers {
    pub fn new(spec: &PreprocessSpec) -> Result<Self> {
        let n = spec.tensor_len();
        Ok(Self {
            workspace: Workspace::default(),
            pet: allocation::zeros(n, "the PET tensor")?,
            ct: allocation::zeros(n, "the CT tensor")?,
        })
    }

    /// Sample both volumes.
    pub fn fill(
        &mut self,
        spec: &PreprocessSpec,
        case: &Case<'_>,
        validated: &ValidatedCase,
    ) -> Result<()> {
        let center = validated.roi.center;
        let (workspace, factors) = (&mut self.workspace, validated.factors());
        spec.sample(&case.ct, &[], &spec.ct, center, workspace, &mut self.ct)?;
        spec.sample(
            &case.pet,
            factors,
            &spec.pet,
            center,
            workspace,
            &mut self.pet,
        )
    }
}

/// A case that passed everything that can be refused without sampling: overlap, centre, SUV.
pub(super) struct ValidatedCase {
    pub roi: Extent,
    pub suv: Option<SuvScale>,
}

impl ValidatedCase {
    pub fn new(case: &Case<'_>) -> Result<Self> {
        require_overlap(&case.pet.grid, &case.ct.grid)?;
        let suv = case.pet_info.map(PetInfo::suv_scale).transpose()?;
        let slices = case.pet.grid.dims[2];
        if let Some(scale) = &suv
            && scale.factors.len() != slices
        {
            return Err(Error::invalid(
                "pet_info.n_slices",
                format!(
                    "{} slices, the PET volume has {slices}",
                    scale.factors.len()
                ),
            ));
        }
        let roi = match &case.roi {
            Roi::Seed(seed) => {
                let factors = suv.as_ref().map_or(&[][..], |s| &s.factors);
                pet_metrics::extent_of_seed(&case.pet, factors, seed)?
            }
            other => other.extent()?,
        };
        for view in [&case.ct, &case.pet] {
            if !view.grid.contains(roi.center) {
                return Err(Error::RoiOutside {
                    volume: view.name(),
                    center: roi.center,
                });
            }
        }
        Ok(Self { roi, suv })
    }

    /// SUV factor of each PET slice; empty if values are SUVbw.
    pub fn factors(&self) -> &[f64] {
        self.suv.as_ref().map_or(&[], |s| &s.factors)
    }
}
