"""Reads checkpoints: the state dict of one network, and what the checkpoint itself says about it.

The authors' `.pth` files hold, beside the state dict, the arguments of the training (argparse.Namespace) and numpy numbers.
They are read with `weights_only=True` and a list of what they may hold, so that a file cannot run code.
"""

import argparse
import dataclasses
import hashlib

import numpy as np

from .layout import CheckpointError, check


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One network as it was trained."""

    path: str
    label: str  # n1 or n2
    kind: str  # pet-ct, pet or ct
    state: dict
    sha256: str


def load(path, label, kind):
    """Reads a checkpoint that is to be the network of this label and kind: `.pth` as the authors write it (needs torch),
    `.npz` or `.safetensors` of the state dict. One that says itself that it is another network is refused."""
    path = str(path)
    if path.endswith(".npz"):
        state, arguments = _npz(path), {}
    elif path.endswith(".safetensors"):
        state, arguments = _safetensors(path), {}
    else:
        state, arguments = _pth(path)
    for key, wanted in (("mx", kind), ("label", label)):
        found = arguments.get(key)
        if found is not None and str(found).lower() != wanted:
            raise CheckpointError(f"{path}: was trained with {key} {found!r}, and is given as that of {wanted}")
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return Checkpoint(path, label, kind, check(state, path, kind), digest.hexdigest())


def _npz(path):
    try:
        with np.load(path, allow_pickle=False) as z:
            return {k: z[k] for k in z.files}
    except Exception as e:  # zipfile, pickle and OS errors differ by numpy version
        raise CheckpointError(f"{path}: not a readable .npz: {e}") from e


def _safetensors(path):
    try:
        from safetensors.numpy import load_file
    except ImportError:
        raise CheckpointError(f"{path}: reading .safetensors needs safetensors (pip install safetensors)")
    try:
        return load_file(path)
    except Exception as e:  # its own error type, OS errors
        raise CheckpointError(f"{path}: not a readable .safetensors: {e}") from e


def _pth(path):
    """State dict and the arguments of the training, if they are there."""
    try:
        import torch
    except ImportError:
        raise CheckpointError(f"{path}: reading .pth needs torch (pip install torch), or save the state dict as .npz or .safetensors")
    try:
        with torch.serialization.safe_globals(_allowed()):
            data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:
        raise CheckpointError(f"{path}: torch cannot read it: {e}") from e
    state = data.get("model") if isinstance(data, dict) else None
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: key 'model' with the state dict is missing")
    wrong = [key for key, value in state.items() if not isinstance(value, torch.Tensor)]
    if wrong:
        raise CheckpointError(f"{path}: key {wrong[0]!r} is no tensor")
    arguments = data.get("args")
    arguments = vars(arguments) if isinstance(arguments, argparse.Namespace) else {}
    return {k: v.detach().cpu().to(torch.float32 if v.dtype == torch.bfloat16 else v.dtype).numpy() for k, v in state.items()}, arguments


def _allowed():
    """What the authors' checkpoints hold beside tensors: nothing of it runs code. numpy 2 has moved a function that files of
    numpy 1 name by its old place."""
    scalar = np.float64(0).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in ("f8", "f4", "i8")]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    return [argparse.Namespace, np.dtype, *kinds, *((scalar, name) for name in names)]
