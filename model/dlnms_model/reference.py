"""The network in float64 numpy, straight from the authors' layout: no folding, nothing shared with the ONNX graph.

It computes the expected answers of the self-test vectors, so it must stay independent of `graph`.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .layout import EPS, STAGES


def _conv(x, w, stride, pad):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    k = w.shape[-1]
    windows = sliding_window_view(x, (k, k), axis=(1, 2))[:, ::stride, ::stride]
    return np.tensordot(w, windows, axes=([1, 2, 3], [0, 3, 4]))


def _norm(state, x, prefix):
    g, b, m, v = (state[f"{prefix}.{k}"] for k in ("weight", "bias", "running_mean", "running_var"))
    expand = (slice(None),) + (None,) * (x.ndim - 1)
    return (x - m[expand]) / np.sqrt(v[expand] + EPS) * g[expand] + b[expand]


def _max_pool(x):
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    return sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2].max((-1, -2))


def _backbone(state, p, x):
    x = np.maximum(_norm(state, _conv(x, state[f"{p}.0.weight"], 2, 3), f"{p}.1"), 0)
    x = _max_pool(x)
    for stage, _ in STAGES:
        for block in (0, 1):
            q = f"{p}.{stage}.{block}"
            stride = 2 if block == 0 and stage > 4 else 1
            y = np.maximum(_norm(state, _conv(x, state[f"{q}.conv1.weight"], stride, 1), f"{q}.bn1"), 0)
            y = _norm(state, _conv(y, state[f"{q}.conv2.weight"], 1, 1), f"{q}.bn2")
            if f"{q}.downsample.0.weight" in state:
                x = _norm(state, _conv(x, state[f"{q}.downsample.0.weight"], stride, 0), f"{q}.downsample.1")
            x = np.maximum(x + y, 0)
    return x


def _head(state, p, features):
    v = np.concatenate([features.max((1, 2)), features.mean((1, 2))])
    v = state[f"{p}.fc1.weight"] @ _norm(state, v, f"{p}.bn1") + state[f"{p}.fc1.bias"]
    v = _norm(state, np.maximum(v, 0), f"{p}.bn2")
    z = state[f"{p}.fc2.weight"] @ v + state[f"{p}.fc2.bias"]
    e = np.exp(z - z.max())
    return float(e[1] / e.sum())


def scores(networks, pet, ct):
    """Every head of one case: {'n1': ..., 'n1_pet': ..., ...}, for the networks of a bundle."""
    out = {}
    images = {"pet": np.asarray(pet, np.float64), "ct": np.asarray(ct, np.float64)}
    for network in networks:
        state = {k: np.asarray(v, np.float64) for k, v in network.state.items()}
        features = {m: _backbone(state, prefix, images[m]) for m, prefix in network.backbones.items()}
        for head, (prefix, seen) in network.heads.items():
            out[head] = _head(state, prefix, np.concatenate([features[m] for m in seen]))
    return out
