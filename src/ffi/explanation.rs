//! Section "explanations".

use super::callbacks::{HostProgress, dlnms_progress};
use super::cancel::{dlnms_cancel, token};
use super::case::{HostCase, dlnms_case, host_case};
use super::error_object::{dlnms_error, dlnms_status};
use super::explain_options::{dlnms_explain_options, explain_options};
use super::guard::{guard, guard_new, guard_or};
use super::handle::{self, Object};
use super::origin::Origin;
use super::plane_grid::{dlnms_plane_grid, raw_grid};
use super::result::{ResultObject, dlnms_result};
use super::scorer::dlnms_scorer;
use super::strings;
use super::structs::{self, Versioned, versioned};
use super::study_handle::{DLNMS_MODALITY_CT, DLNMS_MODALITY_PET};
use crate::error::{Error, Result};
use crate::explanation::{ExplainOptions, Explanation, Named, OcclusionMap, ScorePair, Stability};
use crate::report;
use crate::scorer::{CancelToken, Phase, Scorer};
use std::ffi::{CString, c_char};

/// The score N1.
pub const DLNMS_SCORE_N1: u32 = 1;
/// The score N2.
pub const DLNMS_SCORE_N2: u32 = 2;

/// As the index of a plane: the modality as a whole, in the game of two players PET and CT.
pub const DLNMS_PLANE_ALL: u32 = 0xFFFF_FFFF;

/// The scores of a case and what explains them.
pub struct dlnms_explanation {
    _private: [u8; 0],
}

pub(super) struct ExplanationObject {
    explanation: Explanation,
    json: CString,
    /// Of the case.
    origin: Origin,
}

impl Object for ExplanationObject {
    type Handle = dlnms_explanation;
    const NAME: &'static str = "dlnms_explanation";
}

impl ExplanationObject {
    /// Scores and explains a case.
    pub fn new(
        scorer: &Scorer,
        host: &HostCase<'_>,
        options: &ExplainOptions,
        tell: &mut dyn FnMut(f32) -> bool,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let mut progress = |_: Phase, fraction: f32| tell(fraction);
        let explanation =
            Explanation::new(scorer, &host.case(), options, Some(&mut progress), cancel)?;
        let json = strings::owned(&report::explanation(&explanation, &[]).to_string());
        Ok(Self {
            explanation,
            json,
            origin: host.origin(),
        })
    }
}

/// Scores one case and explains the scores: contributions of the planes, stability, and occlusion maps if they are asked for.
/// The scores are the same to the bit as those of dlnms_scorer_score(). An explanation shows where changing the images changes
/// the scores. It does not show where the disease is.
///
/// # Safety
/// - `scorer`: the scorer; any number of threads may explain at once.
/// - `c`: a case as for dlnms_scorer_score().
/// - `options`: an initialised struct, read during the call; NULL: the defaults.
/// - `progress`: an initialised struct, called from the calling thread with DLNMS_PHASE_EXPLAIN after each run of the network;
///   may be NULL.
/// - `cancel`: a token; may be NULL.
/// - `out`: receives the explanation; free it with dlnms_explanation_free().
///
/// # Errors
/// Those of dlnms_scorer_score(); DLNMS_E_UNSUPPORTED for a bundle of more than three planes; DLNMS_E_RUNTIME if a run fails, also
/// where a score would go over to another provider: an explanation belongs to the engine of its scores.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_explain(
    scorer: *const dlnms_scorer,
    c: *const dlnms_case,
    options: *const dlnms_explain_options,
    progress: *const dlnms_progress,
    cancel: *const dlnms_cancel,
    out: *mut *mut dlnms_explanation,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        // SAFETY: handed on from the caller.
        let progress = unsafe { HostProgress::read(progress) }?;
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        // SAFETY: handed on from the caller.
        let options = unsafe { explain_options(options) }?;
        let cancel = token(cancel)?;
        let scorer = handle::get::<Scorer>(scorer)?;
        // SAFETY: handed on from the caller.
        let host = unsafe { host_case(c) }?;
        let phase = Phase::Explain as u32;
        let mut tell = |fraction| progress.as_ref().is_none_or(|p| p.report(phase, fraction));
        let object = ExplanationObject::new(&scorer, &host, &options, &mut tell, &cancel)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(object)) };
        Ok(())
    })
}

/// Returns the result that an explanation explains, as dlnms_scorer_score() would have returned it.
///
/// # Safety
/// - `explanation`: the explanation.
/// - `out`: receives a result of its own; free it with dlnms_result_free().
///
/// # Errors
/// DLNMS_E_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_explanation_result(
    explanation: *const dlnms_explanation,
    out: *mut *mut dlnms_result,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let make = || {
        let object = handle::get::<ExplanationObject>(explanation)?;
        let result = ResultObject::new(object.explanation.scores.clone(), object.origin.clone());
        Ok(result)
    };
    // SAFETY: handed on from the caller.
    unsafe { guard_new(out, err, make) }
}

/// Writes the result as dlnms_result_json() does, with the whole explanation under `explanation`.
///
/// # Safety
/// - `explanation`: the explanation.
/// - `buffer`: receives the text with its NUL; has room for `capacity` bytes. May be NULL if `capacity` is 0.
/// - `capacity`: size of `buffer` in bytes; 0 asks for the length alone.
/// - `needed`: receives the length with the NUL, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if `capacity` is not 0.
///
/// # Errors
/// DLNMS_E_BUFFER_TOO_SMALL, DLNMS_E_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_explanation_json(
    explanation: *const dlnms_explanation,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let object = handle::get::<ExplanationObject>(explanation)?;
        let text = object.json.as_bytes_with_nul();
        // SAFETY: handed on from the caller; c_char and u8 have one size.
        unsafe { strings::fill(text, buffer.cast(), capacity, needed) }
    })
}

/// What a plane or a modality contributes to the scores, as differences of the probability; fill with
/// dlnms_contribution_init().
///
/// The contributions of all planes sum to the difference of the score and its value without any plane, and so do those of both
/// modalities: these are two games.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_contribution {
    /// Size of the struct in bytes, set by dlnms_contribution_init().
    pub struct_size: u32,
    /// 1: both baselines agree in sign for N1; 0: the contribution depends on what replaces the plane.
    pub agree_n1: u32,
    /// Likewise for N2.
    pub agree_n2: u32,
    /// Runs of the network that the contributions took.
    pub runs: u32,
    /// To N1, against the baseline of the options.
    pub n1: f64,
    /// To N2, likewise.
    pub n2: f64,
    /// To N1, against the other baseline.
    pub second_n1: f64,
    /// To N2, likewise.
    pub second_n2: f64,
    /// N1 without any plane, against the baseline of the options.
    pub base_n1: f64,
    /// N2, likewise.
    pub base_n2: f64,
}

versioned!(dlnms_contribution, 64, { struct_size, agree_n1, agree_n2, runs, n1, n2, second_n1, second_n2, base_n1, base_n2 } reserved {  });

/// Sets every field of a contribution to 0 and its struct_size to `struct_size`.
///
/// # Safety
/// - `contribution`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_contribution) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_contribution_init(
    contribution: *mut dlnms_contribution,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(contribution, struct_size) };
}

/// Copies what a plane, or a modality as a whole, contributes to the scores.
///
/// # Safety
/// - `explanation`: the explanation.
/// - `modality`: DLNMS_MODALITY_PET or DLNMS_MODALITY_CT.
/// - `plane`: index of a plane, in the order of the input tensors; or DLNMS_PLANE_ALL.
/// - `out`: an initialised struct; receives the contribution.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (modality, plane; a modality that the network does not see; contributions that were not asked for),
/// DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_explanation_contribution(
    explanation: *const dlnms_explanation,
    modality: u32,
    plane: u32,
    out: *mut dlnms_contribution,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let object = handle::get::<ExplanationObject>(explanation)?;
        let explanation = &object.explanation;
        let found = explanation.contributions.as_ref();
        let found = found.ok_or_else(|| not_asked_for("contributions"))?;
        let modality = modality_name(modality)?;
        let name = if plane == DLNMS_PLANE_ALL {
            modality.to_owned()
        } else {
            format!("{modality}_{}", plane_name(explanation, plane)?)
        };
        let whole = plane == DLNMS_PLANE_ALL;
        let of = |planes, modalities| find(if whole { modalities } else { planes }, &name);
        let (first, second) = (&found.first.probability, &found.second_baseline.probability);
        let share: &ScorePair<f64> = of(&first.planes, &first.modalities)?;
        let other: &ScorePair<f64> = of(&second.planes, &second.modalities)?;
        let agree = &found.agree;
        let agree: &ScorePair<bool> = if whole {
            find(&agree.modalities, &name)?
        } else {
            find(&agree.planes, &name)?
        };
        let raw = dlnms_contribution {
            struct_size: 0,
            agree_n1: agree.n1.into(),
            agree_n2: agree.n2.into(),
            runs: found.runs as u32,
            n1: share.n1,
            n2: share.n2,
            second_n1: other.n1,
            second_n2: other.n2,
            base_n1: first.base.n1,
            base_n2: first.base.n2,
        };
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw) }
    })
}

/// How steady a score is under the fixed list of small changes of the case; fill with dlnms_stability_init(). None of it is a
/// probability.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_stability {
    /// Size of the struct in bytes, set by dlnms_stability_init().
    pub struct_size: u32,
    /// Changes that were made; at most 42.
    pub changes: u32,
    /// 1: the bundle has cut-offs, and the next two fields are set.
    pub has_groups: u32,
    /// In how many changed cases the score's risk group is another than that of the case as it is.
    pub group_changed: u32,
    /// In how many changed cases the combined risk group is.
    pub combined_changed: u32,
    /// Changes of the list that were not made, because the case does not allow them; the JSON says why.
    pub omitted: u32,
    /// Lowest score.
    pub min: f64,
    /// Highest score.
    pub max: f64,
    /// Standard deviation.
    pub sd: f64,
    /// The score that 5 % do not exceed.
    pub p5: f64,
    /// The score that 95 % do not exceed.
    pub p95: f64,
    /// Distance of the score from its cut-off in standard deviations; NaN without a cut-off or without spread.
    pub margin_sd: f64,
}

versioned!(dlnms_stability, 72, { struct_size, changes, has_groups, group_changed, combined_changed, omitted, min, max, sd, p5, p95, margin_sd } reserved {  });

/// Sets every field of a stability to 0 and its struct_size to `struct_size`.
///
/// # Safety
/// - `stability`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_stability) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_stability_init(stability: *mut dlnms_stability, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(stability, struct_size) };
}

/// Copies how steady a score is.
///
/// # Safety
/// - `explanation`: the explanation.
/// - `score`: DLNMS_SCORE_N1 or DLNMS_SCORE_N2.
/// - `out`: an initialised struct; receives the stability.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (score; stability that was not asked for), DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_explanation_stability(
    explanation: *const dlnms_explanation,
    score: u32,
    out: *mut dlnms_stability,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let object = handle::get::<ExplanationObject>(explanation)?;
        let found = object.explanation.stability.as_ref();
        let found = found.ok_or_else(|| not_asked_for("stability"))?;
        let raw = raw_stability(found, score)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw) }
    })
}

fn raw_stability(found: &Stability, score: u32) -> Result<dlnms_stability> {
    let spread = of_score(&found.scores, score)?;
    let changed = found.group_changed;
    let of = |changed: Option<usize>| changed.unwrap_or_default() as u32;
    Ok(dlnms_stability {
        struct_size: 0,
        changes: found.changes as u32,
        has_groups: changed.is_some().into(),
        group_changed: of(changed.map(|c| if score == DLNMS_SCORE_N1 { c.n1 } else { c.n2 })),
        combined_changed: of(changed.map(|c| c.combined)),
        omitted: found.omitted.len() as u32,
        min: spread.min,
        max: spread.max,
        sd: spread.sd,
        p5: spread.p5,
        p95: spread.p95,
        margin_sd: spread.margin_sd.unwrap_or(f64::NAN),
    })
}

/// Returns an occlusion map: for each pixel of a plane the mean of what the score loses when a square that covers the pixel is
/// hidden; NaN where no hidden square covers it.
///
/// # Safety
/// - `explanation`: the explanation.
/// - `modality`: DLNMS_MODALITY_PET or DLNMS_MODALITY_CT, in which the squares were hidden.
/// - `plane`: index of a plane, in the order of the input tensors.
/// - `score`: DLNMS_SCORE_N1 or DLNMS_SCORE_N2.
/// - `values`: receives `grid.side` x `grid.side` values, row by row, which live as long as the explanation.
/// - `grid`: an initialised struct; receives where the pixels lie in the patient. May be NULL.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (modality, plane, score; maps that were not asked for), DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_explanation_map(
    explanation: *const dlnms_explanation,
    modality: u32,
    plane: u32,
    score: u32,
    values: *mut *const f32,
    grid: *mut dlnms_plane_grid,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        if values.is_null() {
            return Err(Error::NullArgument("values"));
        }
        let object = handle::get::<ExplanationObject>(explanation)?;
        let found = object.explanation.occlusion.as_ref();
        let found = found.ok_or_else(|| not_asked_for("occlusion"))?;
        let modality = modality_name(modality)?;
        let plane = plane_name(&object.explanation, plane)?;
        let is_it = |m: &&OcclusionMap| m.modality == modality && m.plane == plane;
        let map = found.maps.iter().find(is_it);
        let map = map.ok_or_else(|| Error::invalid("plane", "it has no map"))?;
        let found = of_score(&map.values, score)?;
        if !grid.is_null() {
            // SAFETY: handed on from the caller.
            unsafe { structs::write(grid, &raw_grid(&map.grid)) }?;
        }
        // SAFETY: not NULL, writable by the caller's promise; the registry keeps the object where it is until it is freed.
        unsafe { values.write(found.0.as_ptr()) };
        Ok(())
    })
}

/// Frees an explanation.
///
/// # Parameters
/// - `explanation`: the explanation; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_explanation_free(explanation: *mut dlnms_explanation) {
    guard_or((), || handle::free::<ExplanationObject>(explanation));
}

fn not_asked_for(part: &str) -> Error {
    Error::invalid(
        "dlnms_explain_options.what",
        format!("did not ask for {part}"),
    )
}

fn modality_name(modality: u32) -> Result<&'static str> {
    match modality {
        DLNMS_MODALITY_PET => Ok("pet"),
        DLNMS_MODALITY_CT => Ok("ct"),
        other => Err(Error::invalid(
            "modality",
            format!("{other} is neither DLNMS_MODALITY_PET nor DLNMS_MODALITY_CT"),
        )),
    }
}

fn plane_name(explanation: &Explanation, plane: u32) -> Result<&str> {
    let channels = &explanation.scores.engine.manifest.preprocessing.channels;
    let n = channels.len();
    let channel = channels.get(plane as usize);
    let channel =
        channel.ok_or_else(|| Error::invalid("plane", format!("{plane}, there are {n} planes")))?;
    Ok(&channel.plane)
}

fn of_score<T>(pair: &ScorePair<T>, score: u32) -> Result<&T> {
    match score {
        DLNMS_SCORE_N1 => Ok(&pair.n1),
        DLNMS_SCORE_N2 => Ok(&pair.n2),
        other => Err(Error::invalid(
            "score",
            format!("{other} is not a DLNMS_SCORE_ constant"),
        )),
    }
}

fn find<'a, T>(named: &'a Named<T>, name: &str) -> Result<&'a T> {
    named
        .get(name)
        .ok_or_else(|| Error::invalid("modality", format!("the network does not see {name}")))
}

const _: () = {
    assert!(size_of::<dlnms_contribution>() == <dlnms_contribution as Versioned>::V1_SIZE);
    assert!(size_of::<dlnms_stability>() == <dlnms_stability as Versioned>::V1_SIZE);
};
