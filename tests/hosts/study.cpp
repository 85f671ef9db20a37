// Everything the command line does with a study, through the C++ wrapper: prints what tests/it/hosts.rs compares.
//   study BUNDLE ONNXRUNTIME STUDY-FOLDER MASK.nii.gz

#include <dlnms.hpp>

#include "expect.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

static std::vector<std::vector<uint8_t>> slurp(const std::string& folder) {
    std::vector<std::vector<uint8_t>> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        files.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return files;
}

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    const std::string bundle = argv[1], library = argv[2], folder = argv[3], mask_file = argv[4];
    dlnms::Runtime runtime(library);
    dlnms::ScorerOptions options;
    options.providers = {dlnms::provider_options(DLNMS_PROVIDER_CPU)};
    dlnms::Scorer scorer(runtime, bundle, options);
    try {
        auto study = dlnms::Study::scan({folder});
        expect_status(DLNMS_E_INVALID_ARGUMENT, "not loaded", [&] { study.ct(); });
        std::string ct, pet;
        for (const auto& series : study.series())
            if (series.chosen) (series.modality == DLNMS_MODALITY_CT ? ct : pet) = series.uid;
        expect(!ct.empty() && !pet.empty(), "both series are chosen");
        expect_status(DLNMS_E_DICOM_NO_SERIES, "unknown UID", [&] { study.load({"1.2.3", ""}); });
        // The headers alone say what the loaded study will.
        const dlnms_pet_info early = study.pet_info_from_headers();
        const dlnms_case_metadata compared = study.metadata_from_headers({ct, pet});
        const dlnms_volume grid = study.volume_from_headers(DLNMS_MODALITY_PET);
        expect(!grid.data && compared.same_patient == DLNMS_TRISTATE_YES, "headers without voxels");
        expect_status(DLNMS_E_DICOM_NO_SERIES, "unknown UID", [&] { study.metadata_from_headers({"1.2.3", ""}); });
        expect_status(DLNMS_E_INVALID_ARGUMENT, "no such modality", [&] { study.volume_from_headers(9); });
        study.load({ct, pet});
        expect(dlnms::suv_factors(early) == dlnms::suv_factors(study.pet_info()), "the same SUV factors");
        expect(early.weight_kg == study.pet_info().weight_kg && early.n_slices == study.pet().dims[2], "the same attributes");
        for (int axis = 0; axis < 3; ++axis)
            expect(grid.dims[axis] == study.pet().dims[axis] && grid.origin[axis] == study.pet().origin[axis], "the same grid");
        expect_status(DLNMS_E_INVALID_ARGUMENT, "loaded twice", [&] { study.load(); });
        expect(study.json().find("\"rois\"") != std::string::npos, "json lists ROIs");

        const auto rois = study.rois();
        expect(rois.size() == 1 && rois[0].source == DLNMS_ROI_SOURCE_RTSTRUCT && !rois[0].refusal, "one structure");
        const dlnms_volume mask = study.roi_mask(0);
        expect(mask.data == study.roi_mask(0).data, "a mask stays where it is");
        expect_status(DLNMS_E_ROI_INVALID, "no such ROI", [&] { study.roi_mask(99); });
        const auto contours = scorer.score(study.case_of(dlnms::roi_mask(mask)));
        std::printf("contours %.9g %.9g\n", contours.scores().n1, contours.scores().n2);

        const dlnms::VolumeFile file(mask_file);
        const dlnms_volume file_mask = file.volume();
        const auto masked = scorer.score(study.case_of(dlnms::roi_mask(file_mask)).with_lesion());
        std::printf("mask %.9g %.9g\n", masked.scores().n1, masked.scores().n2);
        const auto lesion = masked.lesion();
        std::printf("lesion %.9g %.9g %.9g\n", lesion.suv_max, lesion.mtv_ml, lesion.longest_mm);
        expect(lesion.has_diameters && lesion.suv_peak <= lesion.suv_max && lesion.suv_mean >= lesion.threshold, "lesion");
        expect_status(DLNMS_E_INVALID_ARGUMENT, "lesion not asked for", [&] { contours.lesion(); });
        expect_status(DLNMS_E_INVALID_ARGUMENT, "references not asked for", [&] { contours.reference(DLNMS_REFERENCE_LIVER); });
        const auto placed = scorer.score(study.case_of(dlnms::roi_mask(file_mask)).with_references(dlnms::Point{0, 0, 0}, dlnms::Point{0, 0, 5000}));
        const auto liver = placed.reference(DLNMS_REFERENCE_LIVER);
        expect(liver.placed_by == DLNMS_PLACED_BY_HOST && liver.voxels > 0 && liver.center_lps_mm[2] == 0, "a liver where the host said");
        std::printf("reference %.9g %.9g\n", liver.suv_mean, liver.suv_sd);
        expect_status(DLNMS_E_ROI_INVALID, "no aorta five metres above", [&] { placed.reference(DLNMS_REFERENCE_BLOOD_POOL); });
        expect_status(DLNMS_E_INVALID_ARGUMENT, "no such reference", [&] { placed.reference(9); });

        const auto& c = masked.scores().center_lps_mm;
        const dlnms::Point near = {c[0] + 3, c[1] - 3, c[2] + 2};
        const auto seeded = scorer.score(study.case_of(dlnms::roi_seed(near, DLNMS_THRESHOLD_FRACTION, 0.41, 40)));
        std::printf("seed %.9g %.9g\n", seeded.scores().n1, seeded.scores().n2);
        expect_status(DLNMS_E_INVALID_ARGUMENT, "threshold above 1", [&] {
            scorer.score(study.case_of(dlnms::roi_seed(near, DLNMS_THRESHOLD_FRACTION, 41)));
        });

        // SUV tags beside a volume that is not DICOM.
        const std::string tags = folder + "/tags.json";
        std::ofstream(tags) << R"({"Units": "BQML", "DecayCorrection": "ADMIN", "CorrectedImage": ["DECY", "ATTN"],
            "PatientWeight": 70, "RadionuclideTotalDose": 350000000})";
        const auto factors = dlnms::suv_factors(file.pet_info(tags));
        expect(!factors.empty() && std::abs(factors[0] - 70000.0 / 350e6) < 1e-15, "side-car");
        std::ofstream(tags) << R"({"Wieght": 70})";
        expect_status(DLNMS_E_SUV, "misspelt side-car", [&] { file.pet_info(tags); });
        std::filesystem::remove(tags);

        // Many at once: the same to the bit, and a bad one among them spoils nothing.
        const auto good = study.case_of(dlnms::roi_mask(file_mask));
        const auto bad = study.case_at({0, 0, 9999});
        const auto batch = scorer.score_batch({good, bad, good, study.case_of(dlnms::roi_mask(mask)), good});
        expect(batch.size() == 5 && std::holds_alternative<dlnms::Error>(batch[1]), "the bad one has its error");
        expect(std::get<dlnms::Error>(batch[1]).status() == DLNMS_E_ROI_OUTSIDE, "its own error");
        for (size_t i : {size_t{0}, size_t{2}, size_t{4}}) {
            const auto s = std::get<dlnms::Result>(batch[i]).scores();
            expect(s.n1 == masked.scores().n1 && s.n2 == masked.scores().n2, "batch equals single");
        }
        expect(std::get<dlnms::Result>(batch[3]).scores().n1 == contours.scores().n1, "in order");
        expect(scorer.score_batch({}).empty(), "an empty batch");
        dlnms::CancelToken cancelled;
        cancelled.trigger();
        expect_status(DLNMS_E_CANCELLED, "cancelled batch", [&] { scorer.score_batch({good}, &cancelled); });
        expect_status(DLNMS_E_INVALID_ARGUMENT, "too many",
                      [&] { scorer.score_batch(std::vector<dlnms::Case>(DLNMS_MAX_BATCH + 1, good)); });

        // The same files, received over the network.
        auto received = dlnms::Study::scan_buffers(slurp(folder));
        received.load();
        const auto again = scorer.score(received.case_of(dlnms::roi_mask(file_mask)));
        expect(again.scores().n1 == masked.scores().n1 && again.scores().n2 == masked.scores().n2, "buffers equal files");

        // The result as DICOM objects: not of weights that were not trained without permission, nor of volumes that are nobody's.
        const auto measured = scorer.score(study.case_of(dlnms::roi_mask(file_mask)).with_lesion());
        expect_status(DLNMS_E_NOT_TRAINED, "weights without permission", [&] { measured.write(DLNMS_OBJECT_SCORE_REPORT); });
        dlnms_write_options how;
        dlnms_write_options_init(&how, sizeof how);
        how.allow_not_trained = 1;
        for (uint32_t kind : {DLNMS_OBJECT_SCORE_REPORT, DLNMS_OBJECT_SEGMENTATION, DLNMS_OBJECT_MARKER}) {
            const auto bytes = measured.write(kind, &how);
            expect(bytes.size() > 132 && std::string(&bytes[128], &bytes[132]) == "DICM", "an object");
        }
        const auto nobody = scorer.score(study.case_of(dlnms::roi_mask(file_mask)).with_lesion().with_study(nullptr));
        expect_status(DLNMS_E_DICOM_WRITE, "volumes of nobody", [&] { nobody.write(DLNMS_OBJECT_SEGMENTATION, &how); });

        // The page: with pictures where the case asked for them, and as an object of the study.
        const auto pictured = scorer.score(study.case_of(dlnms::roi_mask(file_mask)).with_lesion().with_pictures());
        const auto has_pictures = [](const dlnms::Result& of) { return of.page().find("data:image/png") != std::string::npos; };
        expect(has_pictures(pictured) && !has_pictures(measured), "pictures that the case asked for");
        dlnms_page_options about;
        dlnms_page_options_init(&about, sizeof about);
        about.without_durations = 1;
        const std::string pdf = pictured.page(DLNMS_PAGE_PDF, &about);
        how.page_pdf = reinterpret_cast<const uint8_t*>(pdf.data());
        how.page_pdf_size = pdf.size();
        expect(pdf.rfind("%PDF-", 0) == 0 && pictured.write(DLNMS_OBJECT_PAGE_DOCUMENT, &how).size() > pdf.size(), "the page as an object");
        expect_status(DLNMS_E_INVALID_ARGUMENT, "no such page", [&] { pictured.page(9); });

        // Quality: nothing is wrong; then another patient, which is refused, warned of or ignored.
        for (const auto& finding : masked.findings()) std::printf("finding %s\n", dlnms_quality_name(finding.code));
        dlnms_case_metadata metadata = dlnms::case_metadata();
        metadata.same_patient = DLNMS_TRISTATE_NO;
        auto other = study.case_of(dlnms::roi_mask(file_mask)).with_metadata(metadata);
        expect_status(DLNMS_E_QUALITY, "another patient", [&] { scorer.score(other); });
        options.quality = {{DLNMS_QC_PATIENT_MISMATCH, DLNMS_ACTION_WARN}};
        const auto warned = dlnms::Scorer(runtime, bundle, options).score(other).findings();
        expect(warned.size() == 1 && warned[0].code == DLNMS_QC_PATIENT_MISMATCH &&
                   warned[0].severity == DLNMS_SEVERITY_CRITICAL, "warned");
        options.quality = {{DLNMS_QC_PATIENT_MISMATCH, DLNMS_ACTION_IGNORE}};
        expect(dlnms::Scorer(runtime, bundle, options).score(other).findings().empty(), "ignored");
        // The strict policy, and what it refuses named together.
        const auto strict = dlnms::QualityPolicy::strict();
        expect(strict.raw().actions[DLNMS_QC_PET_NOT_SUV] == DLNMS_ACTION_REFUSE, "strict refuses");
        expect(strict.raw().actions[DLNMS_QC_LOSSY_SOURCE] == DLNMS_ACTION_WARN, "strict warns");
        options.quality = strict;
        const dlnms::Scorer careful(runtime, bundle, options);
        careful.score(study.case_of(dlnms::roi_mask(file_mask)));
        const auto far = dlnms::roi_point({200, 150, 0}); // in the air beside the patient
        try {
            careful.score(study.case_of(far).with_metadata(metadata));
            expect(false, "strict refuses air");
        } catch (const dlnms::Error& e) {
            const std::string message = e.what();
            for (const char* code : {"patient_mismatch", "center_in_air", "center_without_uptake"}) {
                expect(message.find(code) != std::string::npos, code);
            }
        }
        options.quality = dlnms::QualityPolicy::strict().set(DLNMS_QC_PATIENT_MISMATCH, DLNMS_ACTION_WARN);
        expect(!dlnms::Scorer(runtime, bundle, options).score(other).findings().empty(), "strict, but for one");
        try {
            options.quality = {{64, DLNMS_ACTION_WARN}};
            expect(false, "beyond the array");
        } catch (const dlnms::Error& e) {
            expect(e.status() == DLNMS_E_INVALID_ARGUMENT, "beyond the array");
        }
        options.quality = {{40, DLNMS_ACTION_WARN}};
        expect_status(DLNMS_E_INVALID_ARGUMENT, "unknown check", [&] { dlnms::Scorer(runtime, bundle, options); });
        for (int32_t impossible : {7, 2, -2}) {
            metadata.same_patient = impossible;
            expect_status(DLNMS_E_INVALID_ARGUMENT, "unknown fact",
                          [&] { scorer.score(study.case_of(dlnms::roi_mask(file_mask)).with_metadata(metadata)); });
        }
        // A boolean is what it says; a struct that was only zeroed says no, and is refused rather than believed.
        metadata.same_patient = true;
        metadata.lossy = false;
        expect(scorer.score(study.case_of(dlnms::roi_mask(file_mask)).with_metadata(metadata)).findings().empty(), "one patient");
        metadata.same_patient = false;
        expect_status(DLNMS_E_QUALITY, "two patients",
                      [&] { scorer.score(study.case_of(dlnms::roi_mask(file_mask)).with_metadata(metadata)); });
        dlnms_case_metadata zeroed{};
        zeroed.struct_size = sizeof zeroed;
        expect_status(DLNMS_E_QUALITY, "metadata that was only zeroed",
                      [&] { scorer.score(study.case_of(dlnms::roi_mask(file_mask)).with_metadata(zeroed)); });
        expect_status(DLNMS_E_UNSUPPORTED, "not a volume", [&] { dlnms::VolumeFile{"image.png"}; });
    } catch (const std::exception& e) {
        std::printf("FAILED %s\n", e.what());
        return 1;
    }
    expect(dlnms_live_objects() > 0, "runtime and scorer are alive");
    return failures == 0 ? 0 : 1;
}
