// The volumes of cpp-example/minimal.c, scored through the cxx bridge.
//
//     bridge BUNDLE ONNXRUNTIME

#include "dlnms/src/bridge.rs.h"
#include "rust/cxx.h"

#include <cstdio>
#include <cstring>
#include <vector>

namespace {

template <class T>
struct Ball {
    std::vector<T> voxels;
    dlnms::bridge::Volume volume;
    Ball(int side, double spacing, T inside, T outside, uint32_t dtype) : voxels(size_t(side) * side * side) {
        const double middle = (side - 1) / 2.0;
        size_t n = 0;
        for (int k = 0; k < side; ++k)
            for (int j = 0; j < side; ++j)
                for (int i = 0; i < side; ++i) {
                    const double x = (i - middle) * spacing, y = (j - middle) * spacing, z = (k - middle) * spacing;
                    voxels[n++] = x * x + y * y + z * z < 225.0 ? inside : outside;
                }
        const double corner = -middle * spacing;
        const auto s = static_cast<uint64_t>(side);
        volume = {{reinterpret_cast<const uint8_t*>(voxels.data()), voxels.size() * sizeof(T)},
                  dtype,
                  {s, s, s},
                  {corner, corner, corner},
                  {spacing, spacing, spacing},
                  {1, 0, 0, 0, 1, 0, 0, 0, 1},
                  1.0,
                  0.0};
    }
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const Ball<int16_t> ct(160, 1.0, 40, -850, 2);
    const Ball<float> pet(80, 2.0, 8.0f, 0.6f, 6);
    auto scorer = dlnms::bridge::open(argv[2], argv[1]);
    const auto scores = scorer->score(ct.volume, pet.volume, {0, 0, 0});
    std::printf("n1 %.9g\nn2 %.9g\n", scores.n1, scores.n2);
    try {
        scorer->score(ct.volume, pet.volume, {0, 0, 1e6});
        return 1;
    } catch (const rust::Error& error) {
        return std::strstr(error.what(), "outside") && scores.json.size() > 100 ? 0 : 1;
    }
}
