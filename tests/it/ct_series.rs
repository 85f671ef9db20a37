//! Real CT series that make no volume: each refused with the reason, none scored by accident.

use crate::support;
use dlnms::error::status::*;
use dlnms::readers::dicom::Modality;

#[test]
fn series_that_are_no_volume_are_refused_with_the_reason() {
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    for (folder, word, code) in [
        (
            "c_ct/duplicate_positions_siemens",
            "same position",
            DLNMS_E_DICOM_SERIES,
        ),
        (
            "c_ct/missing_slice_ge",
            "missing slices",
            DLNMS_E_DICOM_SERIES,
        ),
        (
            "c_ct/tilt_ge_hispeed_variable_gap",
            "gap",
            DLNMS_E_DICOM_SERIES,
        ),
        (
            "c_ct/tilt_siemens_no_tilt_tag",
            "gantry tilt",
            DLNMS_E_DICOM_SERIES,
        ),
        (
            "c_ct/private_compression_elscint_rle",
            "one slice",
            DLNMS_E_DICOM_SERIES,
        ),
        (
            "a_paired/acrin042/scout",
            "localizer",
            DLNMS_E_DICOM_NO_SERIES,
        ),
    ] {
        let paths = [data.join(folder)];
        let found = support::inspect(&paths).unwrap();
        let ct: Vec<_> = found.series.iter().filter(|s| s.modality == "CT").collect();
        assert!(
            !ct.is_empty() && ct.iter().all(|s| !s.chosen),
            "{folder}: {ct:?}"
        );
        let reason = ct[0].rejected_because.as_deref().unwrap();
        println!("{folder}: {reason}");
        assert!(reason.contains(word), "{folder}: {reason}");
        let error = support::series(&paths, Modality::Ct).unwrap_err();
        assert_eq!(error.status(), code, "{folder}: {error}");
    }
}

#[test]
fn odd_but_honest_series_are_read() {
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    for (folder, dims) in [
        ("c_ct/oblique_synthetic_rt_utils", [100, 50, 3]),
        ("d_ibsi/orientation_phantom", [32, 48, 64]),
        ("c_ct/liver_3slice_with_seg/ct", [512, 512, 3]),
        ("c_ct/legacy_converted_multiframe/single_frame", [24, 38, 3]),
    ] {
        let series = support::series(&[data.join(folder)], Modality::Ct);
        assert_eq!(
            series
                .unwrap_or_else(|e| panic!("{folder}: {e}"))
                .volume
                .dims,
            dims,
            "{folder}"
        );
    }
}
