//! Series, ROIs and masks of a study that were handed out.

use super::strings;
use crate::evidence::quality::check_headers;
use crate::readers::dicom::{Inspection, RoiMask};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, OnceLock};

/// What a host asked for, kept as long as the study: the host holds pointers into it.
#[derive(Default)]
pub(super) struct StudyLists {
    pub inventory: OnceLock<Inventory>,
    pub masks: Mutex<Masks>,
}

/// The masks that were handed out, by index.
pub(super) type Masks = BTreeMap<usize, Arc<RoiMask>>;

/// Series and ROIs of a study, with their texts as C strings.
pub(super) struct Inventory {
    pub inspection: Inspection,
    pub json: CString,
    /// UID, why rejected, SUV rule, SUV refusal of each series.
    pub series: Vec<[Option<CString>; 4]>,
    /// Name, file, why refused of each ROI.
    pub rois: Vec<[Option<CString>; 3]>,
}

impl Inventory {
    pub fn new(inspection: Inspection) -> Self {
        let text = |t: &str| Some(strings::owned(t));
        let some = |t: Option<&String>| t.map(|t| strings::owned(t));
        let series = inspection.series.iter().map(|s| {
            let suv = s.suv.as_ref();
            [
                text(&s.uid),
                some(s.rejected_because.as_ref()),
                some(suv.and_then(|v| v.rule.as_ref())),
                some(suv.and_then(|v| v.refusal.as_ref())),
            ]
        });
        let rois = inspection
            .rois
            .iter()
            .map(|r| [text(&r.name), text(&r.source), some(r.refusal.as_ref())]);
        let mut json = serde_json::json!(inspection);
        let findings = check_headers(inspection.metadata.as_ref(), inspection.suv.as_ref());
        json["qc"] = serde_json::json!(findings);
        Inventory {
            series: series.collect(),
            rois: rois.collect(),
            json: strings::owned(&json.to_string()),
            inspection,
        }
    }
}
