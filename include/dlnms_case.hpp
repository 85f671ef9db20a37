/*
 * dlnms_case.hpp - volumes, tumour and case by value. Part of dlnms.hpp, which includes it.
 *
 * RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.
 */

#ifndef DLNMS_CASE_HPP
#define DLNMS_CASE_HPP

#include "dlnms.h"

#include <array>
#include <cstddef>
#include <optional>

namespace dlnms {

namespace detail {

template <class T>
struct VoxelType;
template <> struct VoxelType<uint8_t> { static constexpr uint32_t code = DLNMS_DTYPE_U8; };
template <> struct VoxelType<int16_t> { static constexpr uint32_t code = DLNMS_DTYPE_I16; };
template <> struct VoxelType<uint16_t> { static constexpr uint32_t code = DLNMS_DTYPE_U16; };
template <> struct VoxelType<int32_t> { static constexpr uint32_t code = DLNMS_DTYPE_I32; };
template <> struct VoxelType<float> { static constexpr uint32_t code = DLNMS_DTYPE_F32; };
template <> struct VoxelType<double> { static constexpr uint32_t code = DLNMS_DTYPE_F64; };

} // namespace detail

using Point = std::array<double, 3>; ///< LPS, millimetres

/// Describe tightly packed voxels, i fastest; set origin, spacing, direction and rescale on what it returns.
template <class T>
dlnms_volume packed_volume(const T* voxels, const std::array<uint64_t, 3>& dims) {
    dlnms_volume volume;
    dlnms_volume_init(&volume, sizeof volume);
    volume.dtype = detail::VoxelType<T>::code;
    volume.data = voxels;
    for (size_t axis = 0; axis < 3; ++axis) volume.dims[axis] = dims[axis];
    return volume;
}

/// PET facts with everything unknown.
inline dlnms_pet_info pet_info() {
    dlnms_pet_info info;
    dlnms_pet_info_init(&info, sizeof info);
    return info;
}

inline dlnms_roi roi_point(const Point& point) {
    dlnms_roi roi;
    dlnms_roi_init(&roi, sizeof roi);
    roi.kind = DLNMS_ROI_POINT;
    for (size_t axis = 0; axis < 3; ++axis) roi.point[axis] = point[axis];
    return roi;
}

inline dlnms_roi roi_box(const Point& first, const Point& last) {
    dlnms_roi roi;
    dlnms_roi_init(&roi, sizeof roi);
    roi.kind = DLNMS_ROI_BOX;
    for (size_t axis = 0; axis < 3; ++axis) {
        roi.box_first[axis] = first[axis];
        roi.box_last[axis] = last[axis];
    }
    return roi;
}

/// `mask` must outlive the ROI; a Case made of it has a copy of its own. Its voxels stay the host's.
inline dlnms_roi roi_mask(const dlnms_volume& mask) {
    dlnms_roi roi;
    dlnms_roi_init(&roi, sizeof roi);
    roi.kind = DLNMS_ROI_MASK;
    roi.mask = &mask;
    return roi;
}
dlnms_roi roi_mask(const dlnms_volume&& mask) = delete; // it would be gone with the statement: give it a name first

/// A point near the tumour, from which a threshold (default 41 % of SUVmax) cuts it out of the PET.
inline dlnms_roi roi_seed(const Point& point, uint32_t threshold_kind = 0, double threshold = 0, double radius_mm = 0) {
    dlnms_roi roi = roi_point(point);
    roi.kind = DLNMS_ROI_SEED;
    roi.threshold_kind = threshold_kind;
    roi.threshold = threshold;
    roi.radius_mm = radius_mm;
    return roi;
}

/// Case metadata with everything unknown.
inline dlnms_case_metadata case_metadata() {
    dlnms_case_metadata out;
    dlnms_case_metadata_init(&out, sizeof out);
    return out;
}

namespace detail {

/// An ROI by value, with its mask.
class RoiCopy {
public:
    explicit RoiCopy(const dlnms_roi& roi) : roi_(roi) {
        if (roi.kind == DLNMS_ROI_MASK && roi.mask) mask_ = *roi.mask;
        lead_to_own_mask();
    }
    RoiCopy(const RoiCopy& other) : roi_(other.roi_), mask_(other.mask_) { lead_to_own_mask(); }
    RoiCopy& operator=(const RoiCopy& other) {
        roi_ = other.roi_;
        mask_ = other.mask_;
        lead_to_own_mask();
        return *this;
    }
    const dlnms_roi* get() const { return &roi_; }

private:
    void lead_to_own_mask() {
        if (mask_) roi_.mask = &*mask_;
    }
    dlnms_roi roi_;
    std::optional<dlnms_volume> mask_;
};

} // namespace detail

/// A case by value: volumes, ROI and mask are copied, voxels and arrays stay the host's.
class Case {
public:
    Case(const dlnms_volume& ct, const dlnms_volume& pet, const dlnms_roi& roi)
        : ct_(ct), pet_(pet), metadata_(dlnms::case_metadata()), roi_(roi) {}
    Case(const dlnms_volume& ct, const dlnms_volume& pet, const dlnms_pet_info& info, const dlnms_roi& roi)
        : ct_(ct), pet_(pet), info_(info), has_info_(true), metadata_(dlnms::case_metadata()), roi_(roi) {}

    /// What quality checks may know beyond the voxels.
    Case& with_metadata(const dlnms_case_metadata& metadata) {
        metadata_ = metadata;
        return *this;
    }
    /// The study whose volumes these are, for Result::write(). Set by Study::case_of(). The study must live as long as the case.
    Case& with_study(const dlnms_study* study) {
        study_ = study;
        return *this;
    }
    /// Measure the lesion as well, for Result::lesion(); threshold as in roi_seed().
    Case& with_lesion(uint32_t threshold_kind = 0, double threshold = 0, double radius_mm = 0) {
        measure_lesion_ = 1;
        threshold_kind_ = threshold_kind;
        threshold_ = threshold;
        radius_mm_ = radius_mm;
        return *this;
    }
    /// Measure liver and blood pool as well, for Result::reference(); a place that is not given is looked for on CT.
    Case& with_references(std::optional<Point> liver = {}, std::optional<Point> blood_pool = {}) {
        measure_references_ = 1;
        liver_ = liver;
        blood_pool_ = blood_pool;
        return *this;
    }

    /// Sample the pictures of the page as well, for Result::page().
    Case& with_pictures() {
        sample_pictures_ = 1;
        return *this;
    }

    /// The C struct; valid while this object is.
    dlnms_case raw() const&& = delete;
    dlnms_case raw() const& {
        dlnms_case c;
        dlnms_case_init(&c, sizeof c);
        c.ct = &ct_;
        c.pet = &pet_;
        c.pet_info = has_info_ ? &info_ : nullptr;
        c.roi = roi_.get();
        c.metadata = &metadata_;
        c.measure_lesion = measure_lesion_;
        c.threshold_kind = threshold_kind_;
        c.threshold = threshold_;
        c.radius_mm = radius_mm_;
        c.measure_references = measure_references_;
        c.sample_pictures = sample_pictures_;
        c.liver_lps_mm = liver_ ? liver_->data() : nullptr;
        c.blood_pool_lps_mm = blood_pool_ ? blood_pool_->data() : nullptr;
        c.study = study_;
        return c;
    }

private:
    dlnms_volume ct_, pet_;
    dlnms_pet_info info_{};
    bool has_info_ = false;
    dlnms_case_metadata metadata_;
    detail::RoiCopy roi_;
    uint32_t measure_lesion_ = 0, threshold_kind_ = 0, measure_references_ = 0, sample_pictures_ = 0;
    double threshold_ = 0, radius_mm_ = 0;
    std::optional<Point> liver_, blood_pool_;
    const dlnms_study* study_ = nullptr;
};

} // namespace dlnms

#endif // DLNMS_CASE_HPP
