"""Folds Platt's calibration into the last layer of a head: sigma(a logit + b), exactly, with no change of the graph."""

import numpy as np


def fold(state, head, a, b):
    """Returns a copy of a state dict whose head (`head` or `decode`) gives the calibrated score.

    The score is the softmax of two outputs, so its logit is their difference: a times it and b more is a times both rows of
    `fc2` with b added to the second.
    """
    out = dict(state)
    weight, bias = (state[f"{head}.fc2.{part}"].astype(np.float64) for part in ("weight", "bias"))
    out[f"{head}.fc2.weight"] = (a * weight).astype(np.float32)
    out[f"{head}.fc2.bias"] = (a * bias + [0.0, b]).astype(np.float32)
    return out
