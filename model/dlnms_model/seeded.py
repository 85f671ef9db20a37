"""Pseudo-random weights that anyone can regenerate from a seed. They are not trained: the scores mean nothing."""

import numpy as np

from .layout import shapes

_MASK = 2**64 - 1


def uniform(name, n):
    """n numbers in [0, 1) from a name: FNV-1a-64 seeds splitmix64."""
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = ((h ^ c) * 0x100000001B3) & _MASK
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def tensor(net, name, shape):
    """One tensor of the recipe; `net` is the name of the network, which may carry a seed."""
    u = uniform(f"{net}:{name}", int(np.prod(shape)))
    if len(shape) > 1:
        v = (2 * u - 1) * np.sqrt(3 / np.prod(shape[1:]))
    elif name.endswith("running_var") or name.endswith("weight"):
        v = 0.75 + 0.5 * u
    elif ".fc" in name:
        v = (2 * u - 1) * 0.05
    else:
        v = (2 * u - 1) * 0.1
    return v.reshape(shape).astype(np.float32)


def weights(net, kind="pet-ct"):
    """State dict of one network of a kind in the authors' layout."""
    return {k: tensor(net, k, s) for k, s in shapes(kind).items() if not k.endswith("num_batches_tracked")}
