"""The authors' state-dict layout, its checks, and the one place that knows its name trap.

In the authors' checkpoints `encode_ct.*` is the backbone that saw PET and `encode_pet.*` the one that saw CT: the
arguments were swapped consistently in training and evaluation. Everything behind this module is named by modality.
"""

import numpy as np

STAGES = ((4, 64), (5, 128), (6, 256), (7, 512))
BACKBONE = {"pet": "encode_ct", "ct": "encode_pet"}  # modality -> the authors' prefix (swapped, see above)
HEADS = {"": "head", "_pet": "head_aux1", "_ct": "head_aux2"}  # suffix of our head name -> the authors' prefix
EPS = 1e-5


class CheckpointError(ValueError):
    """A checkpoint that does not have the authors' layout; the message names the key."""


def shapes():
    """Names and shapes of one network (N1 or N2) in the authors' layout."""
    s = {}

    def batch_norm(prefix, n):
        for k in ("weight", "bias", "running_mean", "running_var"):
            s[f"{prefix}.{k}"] = (n,)
        s[f"{prefix}.num_batches_tracked"] = ()

    for encoder in BACKBONE.values():
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
    for head, features in (("head", 1024), ("head_aux1", 512), ("head_aux2", 512)):
        batch_norm(f"{head}.bn1", 2 * features)
        s[f"{head}.fc1.weight"] = (512, 2 * features)
        s[f"{head}.fc1.bias"] = (512,)
        batch_norm(f"{head}.bn2", 512)
        s[f"{head}.fc2.weight"] = (2, 512)
        s[f"{head}.fc2.bias"] = (2,)
    return s


def check(state, source):
    """Return `state` as numpy float32, or raise CheckpointError naming the first wrong key."""
    wanted = shapes()
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
        out[key] = a.astype(np.float32)
    unknown = sorted(set(state) - set(wanted))
    if unknown:
        raise CheckpointError(f"{source}: key {unknown[0]!r} is not part of the layout ({len(unknown)} unknown in all)")
    return out


def load(path):
    """Read one checkpoint: `.npz` of the state dict, or the authors' `.pth` (needs torch)."""
    path = str(path)
    if path.endswith(".npz"):
        try:
            with np.load(path, allow_pickle=False) as z:
                return check({k: z[k] for k in z.files}, path)
        except CheckpointError:
            raise
        except Exception as e:  # zipfile, pickle and OS errors differ by numpy version
            raise CheckpointError(f"{path}: not a readable .npz: {e}") from e
    try:
        import torch
    except ImportError:
        raise CheckpointError(f"{path}: reading .pth needs torch (pip install torch), or save the state dict as .npz")
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:
        raise CheckpointError(f"{path}: torch cannot read it: {e}") from e
    state = data.get("model") if isinstance(data, dict) else None
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: key 'model' with the state dict is missing")
    return check({k: v.detach().cpu().numpy() for k, v in state.items()}, path)
