/*
 * dlnms_study.hpp - the readers: DICOM studies, NIfTI and NRRD volumes. Part of dlnms.hpp, which includes it.
 *
 * RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.
 *
 *     auto study = dlnms::Study::scan({"study-folder"});
 *     for (const auto& roi : study.rois()) std::cout << roi.name << '\n';
 *     study.load();
 *     const dlnms_volume mask = study.roi_mask(0);
 *     dlnms::Result result = scorer.score(study.case_of(dlnms::roi_mask(mask)));
 */

#ifndef DLNMS_STUDY_HPP
#define DLNMS_STUDY_HPP

#include "dlnms.hpp"

namespace dlnms {

/// Limits of reading: dlnms_read_options.
struct ReadOptions {
    uint32_t threads = 0;         ///< that read and decode; 0: the processor's cores, at most four
    uint64_t max_study_bytes = 0; ///< of the CT, the PET and the masks together; 0: 8 GiB
    bool verbose_names = false;   ///< messages and JSON may hold names of files inside folders
};

namespace detail {
inline dlnms_read_options raw(const ReadOptions& options) {
    dlnms_read_options raw;
    dlnms_read_options_init(&raw, sizeof raw);
    raw.threads = options.threads;
    raw.max_study_bytes = options.max_study_bytes;
    raw.verbose_names = options.verbose_names ? 1 : 0;
    return raw;
}
} // namespace detail

/// Which series to load; empty: by rule.
struct SeriesChoice {
    std::string ct, pet; ///< Series Instance UIDs
};

/// A PET/CT study read from DICOM. Volumes, facts and texts point into it and live as long as it does; what a temporary
/// would give is deleted, for it would be gone with the statement.
class Study {
public:
    /// Scan folders and files, and load the series chosen by rule.
    explicit Study(const std::vector<std::string>& paths, const Progress& progress = {}, const CancelToken* cancel = nullptr,
                   const ReadOptions& options = {})
        : Study(scan(paths, cancel, options)) {
        load({}, progress, cancel);
    }

    /// Read headers only.
    static Study scan(const std::vector<std::string>& paths, const CancelToken* cancel = nullptr,
                      const ReadOptions& options = {}) {
        detail::require_same_abi();
        const dlnms_read_options limits = detail::raw(options);
        std::vector<const char*> raw;
        for (const auto& path : paths) raw.push_back(path.c_str());
        return Study(detail::make<dlnms_study>(dlnms_study_scan, static_cast<const char* const*>(raw.data()), raw.size(),
                                               &limits, cancel ? cancel->get() : nullptr));
    }

    /// Read headers of files in memory, which may be freed afterwards.
    static Study scan_buffers(const std::vector<std::vector<uint8_t>>& files, const CancelToken* cancel = nullptr,
                              const ReadOptions& options = {}) {
        detail::require_same_abi();
        const dlnms_read_options limits = detail::raw(options);
        std::vector<const uint8_t*> data;
        std::vector<size_t> sizes;
        for (const auto& file : files) {
            data.push_back(file.data());
            sizes.push_back(file.size());
        }
        return Study(detail::make<dlnms_study>(dlnms_study_scan_buffers, static_cast<const uint8_t* const*>(data.data()),
                                               static_cast<const size_t*>(sizes.data()), files.size(), &limits,
                                               cancel ? cancel->get() : nullptr));
    }

    /// Decode the CT and the PET; once.
    void load(const SeriesChoice& choice = {}, const Progress& progress = {}, const CancelToken* cancel = nullptr) {
        const dlnms_series_choice series = raw(choice);
        detail::ProgressAdapter adapter(progress);
        dlnms_error* error = nullptr;
        const auto status =
            dlnms_study_load(get(), &series, adapter.raw(), cancel ? cancel->get() : nullptr, &error);
        detail::ErrorOwner guard(error);
        adapter.rethrow();
        detail::check(status, guard.release());
    }

    /// Of a scanned study, for a host that has the voxels itself: what makes SUV of the PET's values.
    dlnms_pet_info pet_info_from_headers(const SeriesChoice& choice = {}) const&& = delete;
    dlnms_pet_info pet_info_from_headers(const SeriesChoice& choice = {}) const& {
        dlnms_pet_info info = dlnms::pet_info();
        const dlnms_series_choice series = raw(choice);
        detail::call(dlnms_pet_info_from_dicom, get(), &series, &info);
        return info;
    }
    /// Whether the CT and the PET belong to one patient, study and frame of reference, and what else quality checks may know.
    dlnms_case_metadata metadata_from_headers(const SeriesChoice& choice = {}) const {
        dlnms_case_metadata metadata = dlnms::case_metadata();
        const dlnms_series_choice series = raw(choice);
        detail::call(dlnms_case_metadata_from_dicom, get(), &series, &metadata);
        return metadata;
    }
    /// A volume as loading would describe it; its data is NULL.
    dlnms_volume volume_from_headers(uint32_t modality, const SeriesChoice& choice = {}) const&& = delete;
    dlnms_volume volume_from_headers(uint32_t modality, const SeriesChoice& choice = {}) const& {
        dlnms_volume out = volume();
        const dlnms_series_choice series = raw(choice);
        detail::call(dlnms_volume_from_dicom, get(), &series, modality, &out);
        return out;
    }

    /// Make the lists of series and ROIs, which are made at their first use otherwise; this can be cancelled.
    void inspect(const CancelToken* cancel = nullptr) const {
        detail::call(dlnms_study_inspect, get(), cancel ? cancel->get() : nullptr);
    }
    std::vector<dlnms_series> series() const&& = delete;
    std::vector<dlnms_series> series() const& {
        std::vector<dlnms_series> out(dlnms_study_series_count(get()));
        for (size_t i = 0; i < out.size(); ++i) {
            dlnms_series_init(&out[i], sizeof out[i]);
            detail::call(dlnms_study_series, get(), i, &out[i]);
        }
        return out;
    }
    std::vector<dlnms_roi_info> rois() const&& = delete;
    std::vector<dlnms_roi_info> rois() const& {
        std::vector<dlnms_roi_info> out(dlnms_study_roi_count(get()));
        for (size_t i = 0; i < out.size(); ++i) {
            dlnms_roi_info_init(&out[i], sizeof out[i]);
            detail::call(dlnms_study_roi, get(), i, &out[i]);
        }
        return out;
    }
    /// Mask of one of rois().
    dlnms_volume roi_mask(size_t index, const CancelToken* cancel = nullptr) const&& = delete;
    dlnms_volume roi_mask(size_t index, const CancelToken* cancel = nullptr) const& {
        dlnms_volume out = volume();
        detail::call(dlnms_study_roi_mask, get(), index, cancel ? cancel->get() : nullptr, &out);
        return out;
    }
    std::string json() const { return detail::text(dlnms_study_json, get()); }

    dlnms_volume ct() const&& = delete;
    dlnms_volume ct() const& { return volume(DLNMS_MODALITY_CT); }
    dlnms_volume pet() const&& = delete;
    dlnms_volume pet() const& { return volume(DLNMS_MODALITY_PET); }
    dlnms_pet_info pet_info() const&& = delete;
    dlnms_pet_info pet_info() const& {
        dlnms_pet_info info = dlnms::pet_info();
        detail::call(dlnms_study_pet_info, get(), &info);
        return info;
    }
    /// Volumes, PET facts and quality facts of this study with an ROI.
    Case case_of(const dlnms_roi& roi) const&& = delete;
    Case case_of(const dlnms_roi& roi) const& {
        dlnms_case raw;
        dlnms_case_init(&raw, sizeof raw);
        detail::call(dlnms_study_case, get(), &roi, &raw);
        return Case(*raw.ct, *raw.pet, *raw.pet_info, roi).with_metadata(*raw.metadata).with_study(raw.study);
    }
    Case case_at(const Point& center) const&& = delete;
    Case case_at(const Point& center) const& { return case_of(roi_point(center)); }
    std::vector<std::string> warnings() const {
        std::vector<std::string> out;
        for (size_t i = 0; i < dlnms_study_warning_count(get()); ++i) out.emplace_back(dlnms_study_warning(get(), i));
        return out;
    }
    const dlnms_study* get() const { return handle_.get(); }

private:
    explicit Study(dlnms_study* handle) : handle_(handle) {}
    /// Leads to the texts of `choice`.
    static dlnms_series_choice raw(const SeriesChoice& choice) {
        dlnms_series_choice series;
        dlnms_series_choice_init(&series, sizeof series);
        series.ct_series = choice.ct.empty() ? nullptr : choice.ct.c_str();
        series.pet_series = choice.pet.empty() ? nullptr : choice.pet.c_str();
        return series;
    }
    static dlnms_volume volume() {
        dlnms_volume out;
        dlnms_volume_init(&out, sizeof out);
        return out;
    }
    dlnms_volume volume(uint32_t modality) const {
        dlnms_volume out = volume();
        detail::call(dlnms_study_volume, get(), modality, &out);
        return out;
    }
    detail::Owner<dlnms_study, dlnms_study_free> handle_;
};

/// A volume from a .nii, .nii.gz, .nrrd or .nhdr file. What points into it is deleted for a temporary.
class VolumeFile {
public:
    explicit VolumeFile(const std::string& path, const CancelToken* cancel = nullptr, const ReadOptions& options = {})
        : handle_(open(path, cancel, detail::raw(options))) {}
    /// Lives as long as this object.
    dlnms_volume volume() const&& = delete;
    dlnms_volume volume() const& {
        dlnms_volume out;
        dlnms_volume_init(&out, sizeof out);
        detail::call(dlnms_volume_file_volume, static_cast<const dlnms_volume_file*>(handle_.get()), &out);
        return out;
    }

    /// SUV tags of a PET from a side-car (JSON of DICOM keywords); lives as long as this object.
    dlnms_pet_info pet_info(const std::string& tags) const&& = delete;
    dlnms_pet_info pet_info(const std::string& tags) const& {
        dlnms_pet_info info = dlnms::pet_info();
        detail::call(dlnms_volume_file_pet_info, static_cast<const dlnms_volume_file*>(handle_.get()), tags.c_str(), &info);
        return info;
    }

private:
    static dlnms_volume_file* open(const std::string& path, const CancelToken* cancel, const dlnms_read_options& options) {
        return detail::make<dlnms_volume_file>(dlnms_volume_file_open, path.c_str(), &options, cancel ? cancel->get() : nullptr);
    }
    detail::Owner<dlnms_volume_file, dlnms_volume_file_free> handle_;
};

} // namespace dlnms

#endif // DLNMS_STUDY_HPP
