// SPDX-License-Identifier: GPL-3.0-or-later
#include "page_files.hpp"

#include "orthanc.hpp"

namespace dlnms_orthanc {

namespace {
using Image = std::unique_ptr<OrthancPluginImage, void (*)(OrthancPluginImage*)>;

Image owned(OrthancPluginImage* image) {
    return Image(image, [](OrthancPluginImage* one) { OrthancPluginFreeImage(orthanc::context, one); });
}

// Returns a picture of half the width and height: each pixel is the mean of four.
Picture halved(const uint8_t* pixels, size_t pitch, uint32_t width, uint32_t height) {
    Picture out{width, height, {}};
    out.rgb.reserve(size_t{3} * width * height);
    for (size_t y = 0; y < height; ++y) {
        const uint8_t *above = pixels + 2 * y * pitch, *below = above + pitch;
        for (size_t x = 0; x < width; ++x)
            for (size_t i = 6 * x; i < 6 * x + 3; ++i)
                out.rgb.push_back(static_cast<uint8_t>((above[i] + above[i + 3] + below[i] + below[i + 3] + 2) / 4));
    }
    return out;
}
} // namespace

std::string page_file(const Library& library, const dlnms_result* result, uint32_t kind) {
    auto options = library.initialised(library.dlnms_page_options_init);
    options.without_durations = 1;
    return bytes_of_sink(library, [&](const dlnms_sink* sink) {
        library.call(library.dlnms_result_page, result, kind, static_cast<const dlnms_page_options*>(&options), sink);
    });
}

Picture page_picture(const Library& library, const dlnms_result* result) {
    const std::string png = page_file(library, result, DLNMS_PAGE_PNG);
    OrthancPluginContext* const context = orthanc::context;
    const Image decoded = owned(
        OrthancPluginUncompressImage(context, png.data(), static_cast<uint32_t>(png.size()), OrthancPluginImageFormat_Png));
    if (!decoded) throw std::runtime_error("Orthanc cannot decode the picture of the page");
    const Image image = owned(OrthancPluginConvertPixelFormat(context, decoded.get(), OrthancPluginPixelFormat_RGB24));
    if (!image) throw std::runtime_error("Orthanc cannot convert the picture of the page");
    return halved(static_cast<const uint8_t*>(OrthancPluginGetImageBuffer(context, image.get())), OrthancPluginGetImagePitch(context, image.get()),
                  OrthancPluginGetImageWidth(context, image.get()) / 2, OrthancPluginGetImageHeight(context, image.get()) / 2);
}

} // namespace dlnms_orthanc
