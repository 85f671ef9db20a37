// A host that reads a CT and a PET with ITK and scores its own voxels in place. dlnms reads the headers alone: what makes SUV of
// the PET's values, and whether both series belong together. Research use only.
//
//     itk_score --bundle DIR --center X,Y,Z [--onnxruntime PATH] CT_FOLDER PET_FOLDER

#include "itk_dlnms.hpp"

#include <itkGDCMImageIO.h>
#include <itkGDCMSeriesFileNames.h>
#include <itkImageSeriesReader.h>

#include <cstdio>
#include <iomanip>
#include <iostream>
#include <map>

namespace {

// As float: the slopes of a PET differ from slice to slice, and integers would be cut.
using Image = itk::Image<float, 3>;

/// Reads one series of a folder, by its UID.
Image::Pointer read(const std::string& folder, const std::string& uid) {
    auto names = itk::GDCMSeriesFileNames::New();
    names->SetUseSeriesDetails(false);
    names->SetDirectory(folder);
    auto reader = itk::ImageSeriesReader<Image>::New();
    reader->SetImageIO(itk::GDCMImageIO::New());
    reader->SetFileNames(names->GetFileNames(uid));
    reader->Update();
    return reader->GetOutput();
}

/// The series that dlnms would use.
std::string chosen(const dlnms::Study& study, uint32_t modality) {
    for (const auto& series : study.series())
        if (series.modality == modality && series.chosen) return series.uid;
    throw std::invalid_argument("no series was chosen");
}

} // namespace

int main(int argc, char** argv) {
    std::map<std::string, std::string> options{{"--bundle", ""}, {"--center", ""}, {"--onnxruntime", ""}};
    std::vector<std::string> folders;
    for (int i = 1; i < argc; ++i) {
        if (options.count(argv[i]) && i + 1 < argc) {
            options[argv[i]] = argv[i + 1];
            ++i;
        } else {
            folders.emplace_back(argv[i]);
        }
    }
    dlnms::Point center{};
    if (folders.size() != 2 || options["--bundle"].empty() ||
        std::sscanf(options["--center"].c_str(), "%lf,%lf,%lf", &center[0], &center[1], &center[2]) != 3) {
        std::cerr << "usage: itk_score --bundle DIR --center X,Y,Z [--onnxruntime PATH] CT_FOLDER PET_FOLDER\n";
        return 2;
    }
    try {
        const dlnms::Study headers = dlnms::Study::scan(folders);
        const dlnms_pet_info pet_info = headers.pet_info_from_headers(); // says why where no pair of series can be used
        const auto ct = read(folders[0], chosen(headers, DLNMS_MODALITY_CT));
        const auto pet = read(folders[1], chosen(headers, DLNMS_MODALITY_PET));
        auto tumour = dlnms::Case(dlnms::itk_volume(ct.GetPointer(), headers.volume_from_headers(DLNMS_MODALITY_CT)),
                                  dlnms::itk_volume(pet.GetPointer(), headers.volume_from_headers(DLNMS_MODALITY_PET)),
                                  pet_info, dlnms::roi_point(center));
        tumour.with_metadata(headers.metadata_from_headers());

        const dlnms::Runtime runtime(options["--onnxruntime"]);
        const dlnms::Scorer scorer(runtime, options["--bundle"]);
        const dlnms::Result result = scorer.score(tumour);
        std::cout << "RESEARCH USE ONLY. Not for diagnosis.\n" << std::setprecision(9) << "n1 " << result.scores().n1 << "\nn2 " << result.scores().n2 << '\n';
        for (const auto& finding : result.findings()) std::cout << "finding " << dlnms_quality_name(finding.code) << ": " << finding.message << '\n';
        return 0;
    } catch (const dlnms::Error& error) {
        std::cerr << "error " << error.status() << ": " << error.what() << '\n';
    } catch (const std::exception& error) { // itk::ExceptionObject among them
        std::cerr << "error: " << error.what() << '\n';
    }
    return 1;
}
