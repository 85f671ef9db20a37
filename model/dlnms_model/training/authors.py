"""The authors' augmentation, restated: what kornia 0.6.8 computed at the time of their scripts (zhongthoracic/DLNMS, commit dee3695).

PET and CT are turned and cropped apart, so that registration carries no information. Sharpening takes images for ones between 0 and 1, and
so multiplies the contrast of half of all images by 0 to 0.5. Both are theirs.
"""

import numpy as np
import torch
from torch.nn import functional

from .views import from_cube, rotation

CROP, SIZE = 132, 112


def view(cube, preprocessing, rng):
    """Returns one view of a patient, (PET, CT) x 3 x 112 x 112 in SUVbw and HU."""
    n = cube.shape[1]
    offset = rng.integers(-3, 3)  # one for both modalities and all axes
    out = np.empty((2, 3, SIZE, SIZE), np.float32)
    for m in range(2):
        planes = turned(cube[m:m + 1], offset, n, rng)
        out[m] = blurred(sharpened(resized(cropped(planes, rng), rng), rng), rng)
    return out


def turned(volume, offset, n, rng):
    """Turns a volume with probability 0.5 and takes its planes. Yaw, pitch and roll form one vector, whose length is the angle; outside is 0."""
    vector = np.deg2rad(rng.uniform(-180, 180, 3))
    length = np.linalg.norm(vector)
    matrix = rotation(vector / length, length) if rng.random() < 0.5 else np.eye(3)
    shift = matrix @ np.full(3, float(offset))
    return from_cube(volume, np.zeros((1, 1, 1, 1), np.float32), n, n // 2, n, matrix, shift)[0]


def cropped(planes, rng):
    """Cuts a square of 132 at random."""
    top, left = rng.integers(0, planes.shape[1] - CROP + 1, 2)
    return planes[:, top:top + CROP, left:left + CROP]


def resized(planes, rng):
    """Cuts 0.4 to 1 of the area, sides in the ratio 3/4 to 4/3, and brings it to 112."""
    for _ in range(10):
        area, ratio = rng.uniform(0.4, 1) * CROP**2, np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        width, height = int(round(np.sqrt(area * ratio))), int(round(np.sqrt(area / ratio)))
        if width <= CROP and height <= CROP:
            break
    else:
        width = height = CROP
    top, left = rng.integers(0, CROP - height + 1), rng.integers(0, CROP - width + 1)
    part = torch.from_numpy(np.ascontiguousarray(planes[:, top:top + height, left:left + width]))
    return functional.interpolate(part[None], (SIZE, SIZE), mode="bilinear", align_corners=True)[0].numpy()


def sharpened(planes, rng):
    """Blends with a blurred copy that is cut to 0 and 1, with probability 0.5; the factor is below 0.5."""
    factor, acts = rng.uniform(0, 0.5), rng.random() < 0.5
    if not acts:
        return planes
    kernel = torch.tensor([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    x = torch.from_numpy(planes)
    soft = x.clone()  # the edge stays as it is
    soft[:, 1:-1, 1:-1] = functional.conv2d(x[:, None], kernel[None, None])[:, 0].clamp(0, 1)
    return (soft + (x - soft) * float(factor)).numpy()


def blurred(planes, rng):
    """Blurs by a motion of three pixels at an angle up to 35 degrees, with probability 0.5."""
    angle, direction, acts = np.deg2rad(rng.uniform(-35, 35)), (rng.uniform(-0.5, 0.5) + 1) / 2, rng.random() < 0.5
    if not acts:
        return planes
    line = np.zeros((3, 3))
    line[1] = direction + (1 - 2 * direction) / 2 * np.arange(3)
    y, x = np.mgrid[-1:2, -1:2]
    c, s = np.cos(angle), np.sin(angle)
    from_x, from_y = np.rint(c * x - s * y).astype(int), np.rint(s * x + c * y).astype(int)
    inside = (abs(from_x) <= 1) & (abs(from_y) <= 1)
    kernel = np.where(inside, line[np.clip(from_y, -1, 1) + 1, np.clip(from_x, -1, 1) + 1], 0)
    kernel = torch.tensor(kernel / kernel.sum(), dtype=torch.float32)
    return functional.conv2d(torch.from_numpy(np.ascontiguousarray(planes))[:, None], kernel[None, None], padding=1)[:, 0].numpy()
