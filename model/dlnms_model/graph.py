"""The one ONNX graph: N1 and N2 with their auxiliary heads, BatchNorm folded, softmax inside, dynamic batch. In single
precision, or in half with inputs in half and scores in single."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .layout import BACKBONE, EPS, HEADS, STAGES

SIZE = 112
OPSET = 17
IR_VERSION = 8
HEAD_NAMES = [net + suffix for net in ("n1", "n2") for suffix in HEADS]


class _Builder:
    def __init__(self, half):
        self.nodes, self.weights, self.half = [], [], half

    def constant(self, name, array):
        if self.half and array.dtype == np.float32:
            array = array.astype(np.float16)
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name


def _scale_shift(state, prefix):
    """BatchNorm as y = x * scale + shift, in float64."""
    g, b, m, v = (state[f"{prefix}.{k}"].astype(np.float64) for k in ("weight", "bias", "running_mean", "running_var"))
    scale = g / np.sqrt(v + EPS)
    return scale, b - m * scale


def _conv(b, state, x, weight, norm, name, stride, pad, deep=False):
    """Convolution with the BatchNorm behind it folded in; `deep` writes it as one of volumes of one slice."""
    scale, shift = _scale_shift(state, norm)
    w = state[weight].astype(np.float64) * scale[:, None, None, None]
    k = w.shape[-1]
    kernel, strides, pads = [k, k], [stride, stride], [pad, pad]
    if deep:
        w, kernel, strides, pads = w[:, :, None], [1, *kernel], [1, *strides], [0, *pads]
    inputs = [x, b.constant(f"{name}.w", w.astype(np.float32)), b.constant(f"{name}.b", shift.astype(np.float32))]
    return b.node("Conv", inputs, name, kernel_shape=kernel, strides=strides, pads=pads * 2)


def _backbone(b, state, prefix, x, name):
    x = b.node("Relu", [_conv(b, state, x, f"{prefix}.0.weight", f"{prefix}.1", f"{name}.stem", 2, 3)], f"{name}.stem.relu")
    x = b.node("MaxPool", [x], f"{name}.pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage, _ in STAGES:
        # Three quarters of the weights meet 4 x 4 pixels each. ONNX Runtime's CPU kernel for images reads them once per row
        # of pixels; the one for volumes multiplies matrices and reads them once, which is a tenth of the whole time.
        deep = stage == STAGES[-1][0] and not b.half
        if deep:
            x = b.node("Unsqueeze", [x, "two"], f"{name}.{stage}.volume")
        for block in (0, 1):
            p, n = f"{prefix}.{stage}.{block}", f"{name}.{stage}.{block}"
            stride = 2 if block == 0 and stage > 4 else 1
            y = _conv(b, state, x, f"{p}.conv1.weight", f"{p}.bn1", f"{n}.conv1", stride, 1, deep)
            y = b.node("Relu", [y], f"{n}.relu1")
            y = _conv(b, state, y, f"{p}.conv2.weight", f"{p}.bn2", f"{n}.conv2", 1, 1, deep)
            if f"{p}.downsample.0.weight" in state:
                x = _conv(b, state, x, f"{p}.downsample.0.weight", f"{p}.downsample.1", f"{n}.down", stride, 0, deep)
            x = b.node("Relu", [b.node("Add", [y, x], f"{n}.add")], f"{n}.relu2")
    return x


def _linear(b, state, x, fc, norm, name):
    """Linear layer with the BatchNorm before it folded in: W (s x + t) + c = (W s) x + (W t + c)."""
    scale, shift = _scale_shift(state, norm)
    w = state[f"{fc}.weight"].astype(np.float64)
    bias = w @ shift + state[f"{fc}.bias"].astype(np.float64)
    inputs = [x, b.constant(f"{name}.w", (w * scale).astype(np.float32)), b.constant(f"{name}.b", bias.astype(np.float32))]
    return b.node("Gemm", inputs, name, transB=1)


def _head(b, state, prefix, maxes, means, name):
    x = b.node("Concat", maxes + means, f"{name}.features", axis=1)
    x = b.node("Relu", [_linear(b, state, x, f"{prefix}.fc1", f"{prefix}.bn1", f"{name}.fc1")], f"{name}.relu")
    x = _linear(b, state, x, f"{prefix}.fc2", f"{prefix}.bn2", f"{name}.fc2")
    if b.half:  # a probability near 1 has no room in half
        x = b.node("Cast", [x], f"{name}.single", to=TensorProto.FLOAT)
    x = b.node("Softmax", [x], f"{name}.softmax", axis=1)
    return b.node("Slice", [x, "one", "two", "one"], f"{name}.score")  # column 1: metastasis


def build(nets, half=False):
    """ModelProto for {'n1': state, 'n2': state}; inputs `pet`, `ct`, output `scores` batch x len(HEAD_NAMES).

    The names of the backbones' nodes and weights are a contract: the library's CPU kernels find them by these.
    """
    b = _Builder(half)
    b.constant("one", np.array([1], np.int64))
    b.constant("two", np.array([2], np.int64))
    columns = []
    for net in ("n1", "n2"):
        pooled = {}
        for modality, prefix in BACKBONE.items():
            name = f"{net}.{modality}"
            f = _backbone(b, nets[net], prefix, modality, name)
            pooled[modality] = [
                b.node("Flatten", [b.node(op, [f], f"{name}.{op}")], f"{name}.{short}", axis=1)
                for op, short in (("GlobalMaxPool", "max"), ("GlobalAveragePool", "avg"))
            ]
        groups = {"": ("pet", "ct"), "_pet": ("pet",), "_ct": ("ct",)}
        for suffix, prefix in HEADS.items():
            members = [pooled[m] for m in groups[suffix]]
            head = net + suffix
            columns.append(_head(b, nets[net], prefix, [m[0] for m in members], [m[1] for m in members], head))
    b.node("Concat", columns, "scores", axis=1)
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    image = lambda name: helper.make_tensor_value_info(name, kind, ["batch", 3, SIZE, SIZE])
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(HEAD_NAMES)])
    graph = helper.make_graph(b.nodes, "dlnms", [image("pet"), image("ct")], [output], b.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="dlnms_model")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model
