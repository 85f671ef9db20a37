//! Quality checks of a case: findings with stable codes, and a policy that says which of them refuse it.
//!
//! Everything is cheap enough for every call: nearest voxels at every few millimetres, no pass over a volume.

use crate::case::{Case, Facts};
use crate::error::{Error, Result};
use crate::planes::PreprocessSpec;
use crate::roi::Extent;
use crate::suv::SuvScale;
use crate::volume::VolumeView;
use serde::Serialize;
use std::ffi::CStr;

/// What a finding is about. Numbers and names are never changed or given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum Code {
    /// PET and CT belong to different patients.
    PatientMismatch = 1,
    /// PET and CT belong to different studies.
    StudyMismatch = 2,
    /// PET and CT have different frames of reference: their alignment is not known.
    FrameOfReferenceMismatch = 3,
    /// The body's outline in PET and CT lies apart in the axial plane of the tumour.
    Misregistration = 4,
    /// Slices thicker, or farther apart, than 5 mm.
    SliceThickness = 5,
    /// The ROI touches the border of the CT or PET.
    RoiAtBorder = 6,
    /// The ROI is larger than the window that the network sees.
    RoiExceedsWindow = 7,
    /// A large share of a plane lies outside the volume or is padding.
    PlanePadding = 8,
    /// Time from injection to scan outside 30 to 180 minutes.
    UptakeTime = 9,
    /// Injected dose outside 30 to 1200 MBq.
    Dose = 10,
    /// Weight outside 20 to 300 kg.
    Weight = 11,
    /// SUV around the tumour is not that of a body.
    SuvImplausible = 12,
    /// The tracer is not FDG.
    TracerNotFdg = 13,
    /// The images were compressed with loss.
    LossySource = 14,
    /// The images are derived, not original.
    DerivedImage = 15,
    /// Neither age nor birth date is known.
    AgeMissing = 16,
    /// Modality is not stated.
    ModalityMissing = 17,
}

impl Code {
    /// All of them.
    pub const ALL: [Code; 17] = [
        Code::PatientMismatch,
        Code::StudyMismatch,
        Code::FrameOfReferenceMismatch,
        Code::Misregistration,
        Code::SliceThickness,
        Code::RoiAtBorder,
        Code::RoiExceedsWindow,
        Code::PlanePadding,
        Code::UptakeTime,
        Code::Dose,
        Code::Weight,
        Code::SuvImplausible,
        Code::TracerNotFdg,
        Code::LossySource,
        Code::DerivedImage,
        Code::AgeMissing,
        Code::ModalityMissing,
    ];

    /// The code with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|c| *c as u32 == number)
    }

    /// Name in reports.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// Name in reports, for C.
    pub fn c_name(self) -> &'static CStr {
        match self {
            Code::PatientMismatch => c"patient_mismatch",
            Code::StudyMismatch => c"study_mismatch",
            Code::FrameOfReferenceMismatch => c"frame_of_reference_mismatch",
            Code::Misregistration => c"misregistration",
            Code::SliceThickness => c"slice_thickness",
            Code::RoiAtBorder => c"roi_at_border",
            Code::RoiExceedsWindow => c"roi_exceeds_window",
            Code::PlanePadding => c"plane_padding",
            Code::UptakeTime => c"uptake_time",
            Code::Dose => c"dose",
            Code::Weight => c"weight",
            Code::SuvImplausible => c"suv_implausible",
            Code::TracerNotFdg => c"tracer_not_fdg",
            Code::LossySource => c"lossy_source",
            Code::DerivedImage => c"derived_image",
            Code::AgeMissing => c"age_missing",
            Code::ModalityMissing => c"modality_missing",
        }
    }

    /// How much it weighs.
    pub fn severity(self) -> Severity {
        match self {
            Code::PatientMismatch | Code::FrameOfReferenceMismatch => Severity::Critical,
            Code::DerivedImage | Code::AgeMissing | Code::ModalityMissing => Severity::Info,
            _ => Severity::Warning,
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Severity {
    /// Good to know.
    Info = 1,
    /// The scores may be off.
    Warning = 2,
    /// The scores may belong to something else.
    Critical = 3,
}

/// What the host wants done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// Do not even look.
    Ignore = 1,
    /// Report it with the scores.
    Warn = 2,
    /// No scores: [`Error::Quality`].
    Refuse = 3,
}

impl Action {
    /// The action with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Action::Ignore, Action::Warn, Action::Refuse]
            .into_iter()
            .find(|a| *a as u32 == number)
    }
}

/// One action for each code. The default refuses different patients and warns of everything else.
#[derive(Clone, Debug, PartialEq)]
pub struct QualityPolicy([Action; Code::ALL.len()]);

impl Default for QualityPolicy {
    fn default() -> Self {
        let mut policy = Self([Action::Warn; Code::ALL.len()]);
        policy.set(Code::PatientMismatch, Action::Refuse);
        policy
    }
}

impl QualityPolicy {
    /// Set the action for a code.
    pub fn set(&mut self, code: Code, action: Action) {
        self.0[code as usize - 1] = action;
    }

    /// The action for a code.
    pub fn action(&self, code: Code) -> Action {
        self.0[code as usize - 1]
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// One sentence with the numbers.
    pub message: String,
}

const MAX_SLICE_MM: f64 = 5.0;
/// Outlines that lie farther apart than two PET voxels are not one breath.
const MAX_SHIFT_MM: f64 = 10.0;
/// From here on the network sees mostly what it was not trained on.
const MAX_PADDING_SHARE: f64 = 0.25;

/// Look at a case whose ROI and SUV factors are known. Findings that the policy refuses end in [`Error::Quality`].
pub fn check(
    case: &Case<'_>,
    roi: &Extent,
    suv: Option<&SuvScale>,
    spec: &PreprocessSpec,
    policy: &QualityPolicy,
) -> Result<Vec<Finding>> {
    let mut findings = Findings {
        policy,
        found: Vec::new(),
    };
    facts(&case.facts, &mut findings);
    thickness(
        &case.facts,
        [case.ct.geometry.spacing[2], case.pet.geometry.spacing[2]],
        &mut findings,
    );
    acquisition(case, suv, &mut findings);
    region(case, roi, spec, &mut findings);
    let factors = suv.map_or(&[][..], |s| &s.factors);
    padding(case, roi.center, spec, &mut findings);
    plausible_suv(case, roi.center, factors, &mut findings);
    alignment(case, roi.center, factors, &mut findings);
    let refused: Vec<&Finding> = findings
        .found
        .iter()
        .filter(|f| policy.action(f.code) == Action::Refuse)
        .collect();
    match refused.first() {
        None => Ok(findings.found),
        Some(first) => Err(Error::Quality {
            code: first.code.name(),
            why: first.message.clone(),
        }),
    }
}

/// What can be said of a study before there is a tumour; nothing is refused.
pub fn check_facts(of: &Facts) -> Vec<Finding> {
    let policy = QualityPolicy::default();
    let mut findings = Findings {
        policy: &policy,
        found: Vec::new(),
    };
    facts(of, &mut findings);
    thickness(of, [0.0; 2], &mut findings);
    findings.found
}

struct Findings<'p> {
    policy: &'p QualityPolicy,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn wanted(&self, code: Code) -> bool {
        self.policy.action(code) != Action::Ignore
    }

    fn add(&mut self, code: Code, message: impl FnOnce() -> String) {
        if self.wanted(code) {
            self.found.push(Finding {
                code,
                severity: code.severity(),
                message: message(),
            });
        }
    }

    fn add_if(&mut self, bad: bool, code: Code, message: &str) {
        if bad {
            self.add(code, || message.into());
        }
    }
}

fn facts(facts: &Facts, out: &mut Findings<'_>) {
    let no = |fact: Option<bool>| fact == Some(false);
    let yes = |fact: Option<bool>| fact == Some(true);
    for (bad, code, message) in [
        (
            no(facts.same_patient),
            Code::PatientMismatch,
            "PET and CT have different patient IDs",
        ),
        (
            no(facts.same_study),
            Code::StudyMismatch,
            "PET and CT come from different studies",
        ),
        (
            no(facts.same_frame_of_reference),
            Code::FrameOfReferenceMismatch,
            "PET and CT have different frames of reference: their alignment is not known",
        ),
        (
            no(facts.fdg),
            Code::TracerNotFdg,
            "the tracer is not FDG, for which the signature was made",
        ),
        (
            yes(facts.lossy),
            Code::LossySource,
            "the images were compressed with loss",
        ),
        (
            yes(facts.derived),
            Code::DerivedImage,
            "the images are derived, not original",
        ),
        (
            no(facts.age_known),
            Code::AgeMissing,
            "neither age nor birth date is known",
        ),
        (
            no(facts.modality_stated),
            Code::ModalityMissing,
            "Modality is missing, it was taken from the SOP class",
        ),
    ] {
        out.add_if(bad, code, message);
    }
}

/// Slices of CT and PET, whose steps are these.
fn thickness(facts: &Facts, steps: [f64; 2], out: &mut Findings<'_>) {
    let stated = [facts.ct_slice_thickness_mm, facts.pet_slice_thickness_mm];
    for ((name, step), stated) in ["CT", "PET"].iter().zip(steps).zip(stated) {
        let mm = stated.unwrap_or(0.0).max(step);
        // A hair's breadth for headers that say 5.0000001.
        if mm > MAX_SLICE_MM + 1e-3 {
            out.add(Code::SliceThickness, || {
                format!("{name}: slices of {mm:.2} mm")
            });
        }
    }
}

/// Uptake time, dose and weight.
fn acquisition(case: &Case<'_>, suv: Option<&SuvScale>, out: &mut Findings<'_>) {
    let Some(info) = case.pet_info else { return };
    if let Some(minutes) = suv.map(|s| s.dt_s / 60.0)
        && minutes > 0.0
        && !(30.0..=180.0).contains(&minutes)
    {
        out.add(Code::UptakeTime, || {
            format!("{minutes:.0} minutes from injection to scan")
        });
    }
    // Where the header's dose is in MBq, SUV repaired it and said so.
    let megabecquerel = info.dose_bq.map(|bq| if bq < 1e4 { bq } else { bq / 1e6 });
    if let Some(dose) = megabecquerel
        && !(30.0..=1200.0).contains(&dose)
    {
        out.add(Code::Dose, || format!("an injected dose of {dose:.1} MBq"));
    }
    if let Some(weight) = info.weight_kg
        && !(20.0..=300.0).contains(&weight)
    {
        out.add(Code::Weight, || format!("a weight of {weight} kg"));
    }
}

/// The ROI against the volumes' borders and the window.
fn region(case: &Case<'_>, roi: &Extent, spec: &PreprocessSpec, out: &mut Findings<'_>) {
    let Some(bounds) = roi.bounds else { return };
    for view in [&case.ct, &case.pet] {
        let touches = view
            .geometry
            .bounds()
            .iter()
            .zip(&bounds)
            .zip(view.geometry.spacing)
            .any(|((volume, roi), voxel)| {
                // Less than a voxel from the edge: what lies beyond was not imaged.
                roi[0] - volume[0] < voxel || volume[1] - roi[1] < voxel
            });
        if touches {
            out.add(Code::RoiAtBorder, || {
                format!(
                    "the ROI touches the border of the {}",
                    view.name().to_uppercase()
                )
            });
        }
    }
    let half = spec.window_mm() / 2.0;
    let beyond = bounds
        .iter()
        .zip(roi.center)
        .map(|(b, c)| (c - b[0]).max(b[1] - c))
        .fold(0.0, f64::max);
    if beyond > half {
        out.add(Code::RoiExceedsWindow, || {
            format!("the ROI reaches {beyond:.0} mm from its centre, the network sees {half:.0} mm")
        });
    }
}

/// Points of the three planes at every `step` mm, as offsets from the centre.
fn plane_points(half: f64, step: f64) -> impl Iterator<Item = (usize, [f64; 3])> {
    let n = (half / step) as i32;
    (0..3usize).flat_map(move |plane| {
        (-n..=n).flat_map(move |a| {
            (-n..=n).map(move |b| {
                let (a, b) = (f64::from(a) * step, f64::from(b) * step);
                let offset = match plane {
                    0 => [a, b, 0.0],
                    1 => [a, 0.0, b],
                    _ => [0.0, a, b],
                };
                (plane, offset)
            })
        })
    })
}

const PLANES: [&str; 3] = ["axial", "coronal", "sagittal"];
/// Distance of the points that checks look at.
const STEP_MM: f64 = 6.0;

/// Share of each plane that is outside the volume or padding.
fn padding(case: &Case<'_>, center: [f64; 3], spec: &PreprocessSpec, out: &mut Findings<'_>) {
    if !out.wanted(Code::PlanePadding) {
        return;
    }
    for (view, intensity) in [(&case.ct, &spec.ct), (&case.pet, &spec.pet)] {
        let probe = Probe::new(view);
        let lowest = intensity.padding_below.unwrap_or(f64::NEG_INFINITY);
        let (mut empty, mut all) = ([0usize; 3], [0usize; 3]);
        for (plane, offset) in plane_points(spec.window_mm() / 2.0, STEP_MM) {
            let point = std::array::from_fn(|i| center[i] + offset[i]);
            all[plane] += 1;
            empty[plane] += usize::from(probe.value(point).is_none_or(|v| v < lowest));
        }
        for (plane, name) in PLANES.iter().enumerate() {
            let share = empty[plane] as f64 / all[plane] as f64;
            if share > MAX_PADDING_SHARE {
                out.add(Code::PlanePadding, || {
                    format!(
                        "{:.0} % of the {name} {} plane is padding",
                        share * 100.0,
                        view.name().to_uppercase()
                    )
                });
            }
        }
    }
}

/// In a body SUV is about 1: far from it, units or tags are wrong.
fn plausible_suv(case: &Case<'_>, center: [f64; 3], factors: &[f64], out: &mut Findings<'_>) {
    if !out.wanted(Code::SuvImplausible) {
        return;
    }
    let (pet, ct) = (Probe::new(&case.pet), Probe::new(&case.ct));
    let (mut sum, mut n) = (0.0, 0usize);
    for (_, offset) in plane_points(60.0, STEP_MM) {
        let point = std::array::from_fn(|i| center[i] + offset[i]);
        let tissue = ct
            .value(point)
            .is_some_and(|hu| (-200.0..300.0).contains(&hu));
        if let Some(suv) = pet.suv(point, factors).filter(|_| tissue) {
            sum += suv;
            n += 1;
        }
    }
    let mean = sum / n as f64;
    if n > 50 && !(0.1..=15.0).contains(&mean) {
        out.add(Code::SuvImplausible, || {
            format!("a mean SUV of {mean:.3} in the tissue around the tumour")
        });
    }
}

/// The body's outline in the axial plane through the centre, PET against CT.
fn alignment(case: &Case<'_>, center: [f64; 3], factors: &[f64], out: &mut Findings<'_>) {
    if !out.wanted(Code::Misregistration) {
        return;
    }
    if let Some([dx, dy]) = outline_shift(case, center, factors) {
        let shift = dx.hypot(dy);
        if shift > MAX_SHIFT_MM {
            out.add(Code::Misregistration, || {
                format!(
                    "the body's outline in PET lies {shift:.0} mm from that in CT (L {dx:+.0}, P {dy:+.0})"
                )
            });
        }
    }
}

/// PET outline minus CT outline along L and P in mm, an estimate to a few millimetres; `None` where too little of a
/// body is seen by both.
pub fn outline_shift(case: &Case<'_>, center: [f64; 3], factors: &[f64]) -> Option<[f64; 2]> {
    let (pet, ct) = (Probe::new(&case.pet), Probe::new(&case.ct));
    let (p, c) = (case.pet.geometry.bounds(), case.ct.geometry.bounds());
    let range = |axis: usize| {
        let (low, high) = (p[axis][0].max(c[axis][0]), p[axis][1].min(c[axis][1]));
        (low, ((high - low) / STEP_MM).clamp(0.0, 200.0) as usize)
    };
    let ((x0, nx), (y0, ny)) = (range(0), range(1));
    let at = |i: usize, j: usize| {
        let x = x0 + (i as f64 + 0.5) * STEP_MM;
        [x, y0 + (j as f64 + 0.5) * STEP_MM, center[2]]
    };
    let points = || (0..ny).flat_map(move |j| (0..nx).map(move |i| (i, j)));
    // Skin, fat and muscle: the couch is thinner than a step, and what it adds is filled in the same way in both.
    let ct_body: Vec<bool> = points()
        .map(|(i, j)| ct.value(at(i, j)).is_some_and(|hu| hu > -300.0))
        .collect();
    let uptake: Vec<f64> = points()
        .map(|(i, j)| pet.suv(at(i, j), factors).unwrap_or(0.0))
        .collect();
    let inside = ct_body.iter().filter(|b| **b).count();
    if inside < 200 {
        return None;
    }
    let sum: f64 = uptake
        .iter()
        .zip(&ct_body)
        .filter(|(_, b)| **b)
        .map(|(v, _)| v.min(5.0))
        .sum();
    let level = 0.25 * sum / inside as f64;
    let pet_body: Vec<bool> = uptake.iter().map(|v| *v > level).collect();
    // The couch lies below: rows give left and right by their middles, columns the anterior edge alone. Medians leave
    // out arms and holes.
    let rows = (0..ny).filter_map(|j| {
        let middle = |set: &[bool]| {
            let row = &set[j * nx..(j + 1) * nx];
            Some((row.iter().position(|b| *b)? + row.iter().rposition(|b| *b)?) as f64 / 2.0)
        };
        Some(middle(&pet_body)? - middle(&ct_body)?)
    });
    let columns = (0..nx).filter_map(|i| {
        let front = |set: &[bool]| (0..ny).find(|j| set[j * nx + i]).map(|j| j as f64);
        Some(front(&pet_body)? - front(&ct_body)?)
    });
    Some([median(rows)? * STEP_MM, median(columns)? * STEP_MM])
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Nearest voxels of a volume, the inverse of its direction taken once.
struct Probe<'a> {
    view: &'a VolumeView<'a>,
    inverse: [[f64; 3]; 3],
}

impl<'a> Probe<'a> {
    fn new(view: &'a VolumeView<'a>) -> Self {
        let inverse = view.geometry.inverse_direction();
        Self { view, inverse }
    }

    fn index(&self, point: [f64; 3]) -> Option<[usize; 3]> {
        let g = &self.view.geometry;
        let along: [f64; 3] = std::array::from_fn(|a| {
            (0..3)
                .map(|r| self.inverse[a][r] * (point[r] - g.origin[r]))
                .sum()
        });
        let index = [
            along[0] / g.spacing[0],
            along[1] / g.spacing[1],
            g.slice_index(along[2]),
        ];
        let nearest = index.map(f64::round);
        (0..3)
            .all(|a| nearest[a] >= 0.0 && nearest[a] < g.dims[a] as f64)
            .then(|| nearest.map(|v| v as usize))
    }

    /// Physical value; `None` outside or on padding.
    fn value(&self, point: [f64; 3]) -> Option<f64> {
        let index = self.index(point)?;
        let padded = self.view.padding.is_some_and(|range| {
            let stored = self.view.stored(index);
            range[0] <= stored && stored <= range[1]
        });
        (!padded).then(|| self.view.value(index))
    }

    /// SUVbw.
    fn suv(&self, point: [f64; 3], factors: &[f64]) -> Option<f64> {
        let index = self.index(point)?;
        let factor = factors.get(index[2]).copied().unwrap_or(1.0);
        Some(self.view.value(index) * factor)
    }
}
