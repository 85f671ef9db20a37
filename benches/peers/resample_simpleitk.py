"""The usual way: resample both volumes whole to 1 mm with SimpleITK, then cut the planes. Compare with `preprocess`.

    pip install SimpleITK numpy && python benches/peers/resample_simpleitk.py
"""

import time

import numpy as np
import SimpleITK as sitk


def volume(n, pixel, step, dtype):
    rng = np.random.default_rng(0)
    image = sitk.GetImageFromArray(rng.integers(-1000, 1000, (300, n, n)).astype(dtype))
    image.SetSpacing((pixel, pixel, step))
    image.SetOrigin((-(n - 1) / 2 * pixel, -(n - 1) / 2 * pixel, -299 / 2 * step))
    return image


def to_millimetres(image, pad):
    size = [int(round(n * s)) for n, s in zip(image.GetSize(), image.GetSpacing())]
    return sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), (1, 1, 1), image.GetDirection(), pad, sitk.sitkFloat32)


ct, pet = volume(512, 0.9766, 1.5, np.int16), volume(200, 4.0728, 3.0, np.float32)
times = []
for _ in range(5):
    start = time.perf_counter()
    to_millimetres(ct, -1000), to_millimetres(pet, 0)
    times.append(time.perf_counter() - start)
print(f"SimpleITK {sitk.Version_VersionString()}, {sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()} threads: median {1e3 * sorted(times)[2]:.0f} ms")
