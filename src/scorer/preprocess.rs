//! A case -> the two input tensors.

use super::Case;
use crate::error::{Error, Result};
use crate::planes::{PreprocessSpec, Workspace};
use crate::roi::require_overlap;
use crate::suv::{PetInfo, SuvScale};
use ndarray::Array3;

/// What the network sees: normalised, channels x rows x columns.
#[derive(Clone, Debug)]
pub struct Planes {
    /// Centre used, LPS mm.
    pub center: [f64; 3],
    /// PET tensor.
    pub pet: Array3<f32>,
    /// CT tensor.
    pub ct: Array3<f32>,
}

impl Planes {
    /// Compute them; needs neither ONNX Runtime nor weights.
    pub fn of(spec: &PreprocessSpec, case: &Case<'_>) -> Result<Self> {
        let mut buffers = Buffers::new(spec);
        let (center, _) = buffers.fill(spec, case)?;
        let shape = (spec.channels.len(), spec.output, spec.output);
        let tensor = |values| {
            Array3::from_shape_vec(shape, values)
                .map_err(|e| Error::Internal(format!("tensor shape: {e}")))
        };
        Ok(Self {
            center,
            pet: tensor(buffers.pet)?,
            ct: tensor(buffers.ct)?,
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
    pub fn new(spec: &PreprocessSpec) -> Self {
        let n = spec.tensor_len();
        Self {
            workspace: Workspace::default(),
            pet: vec![0.0; n],
            ct: vec![0.0; n],
        }
    }

    /// Sample both volumes; returns the centre and the SUV provenance.
    pub fn fill(
        &mut self,
        spec: &PreprocessSpec,
        case: &Case<'_>,
    ) -> Result<([f64; 3], Option<SuvScale>)> {
        let (center, suv) = check_case(case)?;
        let factors = suv.as_ref().map_or(&[][..], |s| &s.factors);
        spec.sample(
            &case.ct,
            &[],
            &spec.ct,
            center,
            &mut self.workspace,
            &mut self.ct,
        )?;
        spec.sample(
            &case.pet,
            factors,
            &spec.pet,
            center,
            &mut self.workspace,
            &mut self.pet,
        )?;
        Ok((center, suv))
    }
}

/// Everything that can be refused without sampling: overlap, centre, SUV.
pub(super) fn check_case(case: &Case<'_>) -> Result<([f64; 3], Option<SuvScale>)> {
    require_overlap(&case.pet.geometry, &case.ct.geometry)?;
    let center = case.roi.center()?;
    for view in [&case.ct, &case.pet] {
        if !view.geometry.contains(center) {
            return Err(Error::RoiOutside {
                volume: view.name(),
                center,
            });
        }
    }
    let suv = case.pet_info.map(PetInfo::suv_scale).transpose()?;
    if let Some(scale) = &suv
        && scale.factors.len() != case.pet.geometry.dims[2]
    {
        return Err(Error::invalid(
            "pet_info.slices",
            format!(
                "{} slices, the PET volume has {}",
                scale.factors.len(),
                case.pet.geometry.dims[2]
            ),
        ));
    }
    Ok((center, suv))
}
