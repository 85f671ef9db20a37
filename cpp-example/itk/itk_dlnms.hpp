// Describes an ITK image of physical values (HU, Bq/ml, SUV) for dlnms, without a copy.
#ifndef ITK_DLNMS_HPP
#define ITK_DLNMS_HPP

#include "dlnms.hpp"

#include <itkImage.h>

#include <cmath>
#include <stdexcept>

namespace dlnms {

/// Returns the description of an ITK image, which must outlive it and stay unchanged during calls.
template <class Pixel>
dlnms_volume itk_volume(const itk::Image<Pixel, 3>* image) {
    const auto size = image->GetBufferedRegion().GetSize();
    if (size != image->GetLargestPossibleRegion().GetSize()) throw std::invalid_argument("the image is buffered in part");
    dlnms_volume volume = packed_volume(image->GetBufferPointer(), {size[0], size[1], size[2]});
    for (unsigned axis = 0; axis < 3; ++axis) {
        volume.origin[axis] = image->GetOrigin()[axis];
        volume.spacing[axis] = image->GetSpacing()[axis];
        for (unsigned row = 0; row < 3; ++row) volume.direction[3 * row + axis] = image->GetDirection()[row][axis];
    }
    return volume;
}

/// Returns the description of an image that ITK read from the series that `headers` describes (Study::volume_from_headers()).
/// What ITK loses comes from the headers: uneven steps between slices, and which values are padding. Throws
/// std::invalid_argument if the grids differ, for example because the slices are in another order.
template <class Pixel>
dlnms_volume itk_volume(const itk::Image<Pixel, 3>* image, const dlnms_volume& headers) {
    dlnms_volume volume = itk_volume(image);
    const double last = static_cast<double>(headers.dims[2] - 1);
    const double end = headers.slice_offsets ? headers.slice_offsets[headers.dims[2] - 1] : last * headers.spacing[2];
    for (unsigned axis = 0; axis < 3; ++axis) {
        // Both ends of the slice axis, to a hundredth of a millimetre.
        const double start = volume.origin[axis] - headers.origin[axis];
        const double stop = start + last * volume.spacing[2] * volume.direction[3 * axis + 2] - end * headers.direction[3 * axis + 2];
        if (volume.dims[axis] != headers.dims[axis] || std::abs(start) > 0.01 || std::abs(stop) > 0.01 * (last + 1))
            throw std::invalid_argument("the image is not on the grid of the series, or its slices are in another order");
    }
    volume.spacing[2] = headers.spacing[2];
    volume.slice_offsets = headers.slice_offsets;
    for (int i = 0; i < 9; ++i) volume.direction[i] = headers.direction[i];
    if (headers.has_padding) {
        for (uint64_t k = 1; k < headers.dims[2]; ++k)
            if (headers.slice_slopes[k] != headers.slice_slopes[0])
                throw std::invalid_argument("padding of a series whose slices have different slopes");
        volume.has_padding = 1;
        volume.padding_first = headers.padding_first * headers.slice_slopes[0] + headers.rescale_intercept;
        volume.padding_last = headers.padding_last * headers.slice_slopes[0] + headers.rescale_intercept;
    }
    return volume;
}

} // namespace dlnms

#endif // ITK_DLNMS_HPP
