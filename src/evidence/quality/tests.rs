//! What the tests of the checks share: made volumes, and the findings of one check.

use super::*;
use crate::imaging::roi::Roi;
use crate::imaging::{DType, IDENTITY, ImageGrid, VolumeView};

/// A cube of voxels of single precision around the origin.
pub struct Made {
    side: usize,
    voxel_mm: f64,
    bytes: Vec<u8>,
}

impl Made {
    /// `value` has the index of a voxel, 0 in the middle along each axis; `side` is odd.
    pub fn new(side: usize, voxel_mm: f64, value: impl Fn([i32; 3]) -> f32) -> Self {
        let half = side as i32 / 2;
        let at = |n: usize| [n % side, n / side % side, n / side / side].map(|v| v as i32 - half);
        let values = (0..side.pow(3)).flat_map(|n| value(at(n)).to_ne_bytes());
        Self {
            side,
            voxel_mm,
            bytes: values.collect(),
        }
    }

    /// The voxels with the middle one at a point.
    pub fn around(&self, middle: [f64; 3]) -> VolumeView<'_> {
        let half = (self.side / 2) as f64 * self.voxel_mm;
        let grid = ImageGrid {
            dims: [self.side; 3],
            origin: middle.map(|v| v - half),
            spacing: [self.voxel_mm; 3],
            direction: IDENTITY,
            slice_offsets: None,
        };
        VolumeView::packed(&self.bytes, DType::F32, grid, "ct").unwrap()
    }
}

/// A case of a CT and a PET, both around the origin.
pub fn case<'a>(ct: &'a Made, pet: &'a Made) -> Case<'a> {
    Case::new(
        ct.around([0.0; 3]),
        pet.around([0.0; 3]),
        Roi::Point([0.0; 3]),
    )
}

/// What one check finds under the default policy.
pub fn found(check: impl FnOnce(&mut Findings<'_>)) -> Vec<Finding> {
    let policy = QualityPolicy::default();
    let mut findings = Findings {
        policy: &policy,
        found: Vec::new(),
    };
    check(&mut findings);
    findings.found
}

/// The codes of what one check finds.
pub fn codes(check: impl FnOnce(&mut Findings<'_>)) -> Vec<Code> {
    found(check).iter().map(|f| f.code).collect()
}

#[test]
fn what_is_only_missing_or_derived_weighs_least() {
    for code in [Code::DerivedImage, Code::AgeMissing, Code::ModalityMissing] {
        assert_eq!(code.severity(), Severity::Info, "{code:?}");
    }
    assert_eq!(Code::PatientMismatch.severity(), Severity::Critical);
    assert_eq!(Code::SliceThickness.severity(), Severity::Warning);
}
