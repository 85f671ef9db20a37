//! Sizes and offsets of every struct of the C ABI: the same in Rust, in C and in the committed list.

use crate::support;
use dlnms::ffi::*;
use std::fmt::Write;
use std::mem::offset_of;
use std::process::Command;

macro_rules! layout {
    ($($t:ident { $($f:ident),* $(,)? })*) => {{
        let mut text = String::new();
        $(
            writeln!(text, "{} {}", stringify!($t), size_of::<$t>()).unwrap();
            $(writeln!(text, "{}.{} {}", stringify!($t), stringify!($f), offset_of!($t, $f)).unwrap();)*
        )*
        text
    }};
}

/// Returns the size of each struct and the offset of each of its fields, one a line.
pub fn layout() -> String {
    layout! {
        dlnms_progress { struct_size, reserved, callback, user_data, drop }
        dlnms_logger { struct_size, level, callback, user_data, drop }
        dlnms_runtime_options { struct_size, hardened, library_path, expected_sha256 }
        dlnms_case_context {
            struct_size, reserved, correlation_id, actor, study_uid, ct_series_uid, pet_series_uid,
        }
        dlnms_audit_options { struct_size, salt_size, path, salt, expected_head }
        dlnms_audit_summary { struct_size, torn, lines, head }
        dlnms_volume {
            struct_size, dtype, data, dims, strides, origin, spacing, direction, rescale_slope, rescale_intercept,
            slice_slopes, slice_offsets, has_padding, reserved, padding_first, padding_last,
        }
        dlnms_pet_info {
            struct_size, units, suv_type, decay_correction, attenuation_corrected, sex, f18_coded, assumptions, weight_kg,
            height_m, dose_bq, half_life_s, injection_time_s, injection_time_of_day_s, series_time_s, ge_scan_start_time_s, n_slices,
            acquisition_time_s, frame_reference_time_ms, frame_duration_ms, philips_suv_factor, philips_activity_factor,
        }
        dlnms_quality_policy { struct_size, actions }
        dlnms_case_metadata {
            struct_size, same_patient, same_study, same_frame_of_reference, lossy, derived, fdg, age_known,
            modality_stated, hounsfield_stated, contours_overlap, reserved, ct_slice_thickness_mm,
            pet_slice_thickness_mm,
        }
        dlnms_roi {
            struct_size, kind, point, box_first, box_last, mask, threshold_kind, reserved, threshold, radius_mm,
        }
        dlnms_case {
            struct_size, sample_pictures, ct, pet, pet_info, roi, metadata, measure_lesion, threshold_kind, threshold, radius_mm,
            measure_references, digest_input, liver_lps_mm, blood_pool_lps_mm, study, context,
        }
        dlnms_lesion {
            struct_size, has_diameters, voxels, suv_max, suv_mean, suv_peak, mtv_ml, tlg, threshold, longest_mm,
            perpendicular_mm, ct_slice,
        }
        dlnms_reference { struct_size, placed_by, center_lps_mm, suv_mean, suv_sd, voxels }
        dlnms_scores {
            struct_size, flags, n1, n2, risk_n1, risk_n2, risk_combined, provider, cutoff_n1, cutoff_n2, center_lps_mm,
            suv_factor, decay_time_s, prepare_ns, preprocess_ns, evidence_ns, infer_ns, finish_ns, total_ns, precision, kernels,
            instruction_set, threads,
        }
        dlnms_explain_options {
            struct_size, what, baseline, patch, stride, whole_planes, clinical_n0, nsclc, age_years,
        }
        dlnms_contribution {
            struct_size, agree_n1, agree_n2, runs, n1, n2, second_n1, second_n2, base_n1, base_n2,
        }
        dlnms_stability {
            struct_size, changes, has_groups, group_changed, combined_changed, omitted, min, max, sd, p5, p95, margin_sd,
        }
        dlnms_plane_grid { struct_size, side, origin, rows, columns, spacing_mm }
        dlnms_page_options {
            struct_size, ct_window, lesion, scanner, content_time, identity_line, age_years, clinical_n0, nsclc,
            clinical_stage_i, pathological_stage_i, nodal_biopsy, male, solid, left, central, without_durations,
        }
        dlnms_scorer_options { struct_size, threads, bundle_dir, providers, n_providers, device, quality, cache_dir, plugin_path,
            prepare_timeout_ms, precision, spin, reserved, expected_manifest_sha256,
            bundle_key, audit,
        }
        dlnms_queue_options { struct_size, capacity, workers, reserved }
        dlnms_completion { struct_size, reserved, callback, user_data, drop }
        dlnms_provider_options {
            struct_size, provider, precision, device, threads, cuda_graph, memory_limit_bytes, workspace_bytes, cache_dir, plugin_path, kernels, batch,
            instruction_set, reserved,
        }
        dlnms_read_options { struct_size, threads, max_study_bytes, verbose_names, reserved }
        dlnms_series_choice { struct_size, reserved, ct_series, pet_series }
        dlnms_series {
            struct_size, modality, slices, columns, rows, uid, chosen, has_suv, rejected_because, suv_factor, suv_rule,
            suv_refusal,
        }
        dlnms_identity {
            struct_size, reserved, specific_character_set, patient_name, patient_id, issuer_of_patient_id, patient_birth_date,
            patient_sex, study_instance_uid, study_date, study_time, study_id, study_description, accession_number,
            referring_physician_name, timezone_offset_from_utc, frame_of_reference_uid, position_reference_indicator,
            ct_study_instance_uid, pet_series_instance_uid, ct_series_instance_uid, pet_sop_class_uid, ct_sop_class_uid,
            pet_sop_instance_uids, ct_sop_instance_uids, pet_frame_numbers, ct_frame_numbers, n_pet, n_ct,
        }
        dlnms_write_options {
            struct_size, allow_not_trained, lesion, reserved, identity, content_time, uid_salt, page_rgb, page_width,
            page_height, page_pdf, page_pdf_size,
        }
        dlnms_sink { struct_size, reserved, callback, user_data, drop }
        dlnms_roi_info {
            struct_size, source, number, name, file, voxels, ml, centroid_lps_mm, refusal, contours_overlap, has_mask,
        }
    }
}

#[test]
fn rust_c_and_the_committed_list_agree() {
    let ours = layout();
    let committed = support::committed("tests/abi/layout.txt", &ours);
    assert_eq!(ours, committed, "tests/abi/layout.txt is stale");

    let mut c = String::from("#include \"dlnms.h\"\n");
    for line in committed.lines() {
        let (name, number) = line.split_once(' ').unwrap();
        let measured = match name.split_once('.') {
            Some((t, field)) => format!("offsetof({t}, {field})"),
            None => format!("sizeof({name})"),
        };
        writeln!(c, "_Static_assert({measured} == {number}, \"{name}\");").unwrap();
    }
    // The committed header may be written meanwhile, by the test that compares it with this one.
    let header = crate::header::generated();
    for name in header
        .lines()
        .filter_map(|l| l.strip_prefix("} ")?.strip_suffix(';'))
    {
        assert!(
            committed
                .lines()
                .any(|l| l.starts_with(&format!("{name} "))),
            "{name} is not in layout.txt"
        );
    }
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("dlnms.h"), header).unwrap();
    let source = out.path().join("layout.c");
    std::fs::write(&source, c).unwrap();
    for compiler in ["gcc", "clang"].into_iter().filter(|c| support::tool(c)) {
        support::run(
            Command::new(compiler)
                .args(["-std=c11", "-fsyntax-only", "-Werror"])
                .arg(&source),
        );
    }
}

/// Every reserved field has its refusal in the host that misuses the library.
#[test]
fn each_reserved_field_is_set_by_the_host_that_misuses_the_library() {
    let host = std::fs::read_to_string(support::host::host("misuse.c")).unwrap();
    let layout = layout();
    let names = layout.lines().filter_map(|line| line.split(' ').next());
    let reserved: Vec<&str> = names.filter(|n| n.contains(".reserved")).collect();
    assert!(!reserved.is_empty());
    for name in reserved {
        let refusal = format!("DLNMS_E_INVALID_ARGUMENT, \"{name}\"");
        let own_error = format!("\"{name}\");");
        assert!(
            host.contains(&refusal) || host.contains(&own_error),
            "misuse.c does not set {name}"
        );
    }
}
