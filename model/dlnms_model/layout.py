"""The authors' state-dict layout, its checks, and the one place that knows its name trap.

In the authors' checkpoints `encode_ct.*` is the backbone that saw PET and `encode_pet.*` the one that saw CT: the
arguments were swapped consistently in training and evaluation. Everything behind this module is named by modality.
"""

import collections

import numpy as np

STAGES = ((4, 64), (5, 128), (6, 256), (7, 512))
EPS = 1e-5

# backbones: modality -> the authors' prefix. heads: suffix of our head name -> (the authors' prefix, modalities that it sees).
Kind = collections.namedtuple("Kind", "backbones heads")
KINDS = {
    "pet-ct": Kind(
        {"pet": "encode_ct", "ct": "encode_pet"},  # swapped, see above
        {"": ("head", ("pet", "ct")), "_pet": ("head_aux1", ("pet",)), "_ct": ("head_aux2", ("ct",))},
    ),
    "pet": Kind({"pet": "encode"}, {"": ("decode", ("pet",))}),
    "ct": Kind({"ct": "encode"}, {"": ("decode", ("ct",))}),
}


class CheckpointError(ValueError):
    """A checkpoint that does not have the authors' layout; the message names the key."""


def shapes(kind="pet-ct"):
    """Names and shapes of one network (N1 or N2) of a kind in the authors' layout."""
    s = {}

    def batch_norm(prefix, n):
        for k in ("weight", "bias", "running_mean", "running_var"):
            s[f"{prefix}.{k}"] = (n,)
        s[f"{prefix}.num_batches_tracked"] = ()

    for encoder in KINDS[kind].backbones.values():
        s[f"{encoder}.0.weight"] = (64, 3, 7, 7)
        batch_norm(f"{encoder}.1", 64)
        inputs = 64
        for stage, width in STAGES:
            for block in (0, 1):
                p = f"{encoder}.{stage}.{block}"
                s[f"{p}.conv1.weight"] = (width, inputs, 3, 3)
                batch_norm(f"{p}.bn1", width)
                s[f"{p}.conv2.weight"] = (width, width, 3, 3)
                batch_norm(f"{p}.bn2", width)
                if block == 0 and inputs != width:
                    s[f"{p}.downsample.0.weight"] = (width, inputs, 1, 1)
                    batch_norm(f"{p}.downsample.1", width)
                inputs = width
    for head, seen in KINDS[kind].heads.values():
        features = 512 * len(seen)
        batch_norm(f"{head}.bn1", 2 * features)
        s[f"{head}.fc1.weight"] = (512, 2 * features)
        s[f"{head}.fc1.bias"] = (512,)
        batch_norm(f"{head}.bn2", 512)
        s[f"{head}.fc2.weight"] = (2, 512)
        s[f"{head}.fc2.bias"] = (2,)
    return s


def check(state, source, kind="pet-ct"):
    """Returns `state` as numpy float32, or raises CheckpointError naming the first wrong key."""
    wanted = shapes(kind)
    optional = {k for k in wanted if k.endswith("num_batches_tracked")}
    out = {}
    for key, shape in wanted.items():
        if key in optional:
            continue  # a training counter, not used at inference
        if key not in state:
            raise CheckpointError(f"{source}: key {key!r} is missing")
        a = np.asarray(state[key])
        if a.shape != shape:
            raise CheckpointError(f"{source}: key {key!r} has shape {a.shape}, expected {shape}")
        if a.dtype.kind != "f":
            raise CheckpointError(f"{source}: key {key!r} has type {a.dtype}, expected floating point")
        if not np.isfinite(a).all():
            raise CheckpointError(f"{source}: key {key!r} has NaN or infinite values")
        if key.endswith("running_var") and (a < 0).any():
            raise CheckpointError(f"{source}: key {key!r} has negative variances")
        with np.errstate(over="ignore"):
            out[key] = a.astype(np.float32)
        if not np.isfinite(out[key]).all():
            raise CheckpointError(f"{source}: key {key!r} has values beyond single precision")
    unknown = sorted(set(state) - set(wanted))
    if unknown:
        raise CheckpointError(f"{source}: key {unknown[0]!r} is not part of the layout ({len(unknown)} unknown in all)")
    return out
