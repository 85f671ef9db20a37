"""The ONNX graphs of a bundle: all networks with all heads, BatchNorm folded, softmax inside, dynamic batch. In single
precision, or in half with inputs in half and scores in single. Their weights lie in weight files (`storage`)."""

import dataclasses

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from . import network
from .layout import EPS, STAGES

SIZE = 112
OPSET = 17
IR_VERSION = 8
OPERATOR, DOMAIN = "Backbones", "dlnms"  # of the library's CPU kernels


class _Builder:
    def __init__(self, half):
        self.nodes, self.constants, self.half = [], [], half
        self.weights = {}  # name -> array, of what goes into weight files

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))

    def weight(self, name, array):
        self.weights[name] = array.astype(np.float16 if self.half else np.float32)
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
    inputs = [x, b.weight(f"{name}.w", w.astype(np.float32)), b.weight(f"{name}.b", shift.astype(np.float32))]
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
    inputs = [x, b.weight(f"{name}.w", (w * scale).astype(np.float32)), b.weight(f"{name}.b", bias.astype(np.float32))]
    return b.node("Gemm", inputs, name, transB=1)


def _head(b, state, prefix, backbones, name):
    pooled = [f"{backbone}.{pool}" for pool in ("max", "avg") for backbone in backbones]
    x = b.node("Concat", pooled, f"{name}.features", axis=1)
    x = b.node("Relu", [_linear(b, state, x, f"{prefix}.fc1", f"{prefix}.bn1", f"{name}.fc1")], f"{name}.relu")
    x = _linear(b, state, x, f"{prefix}.fc2", f"{prefix}.bn2", f"{name}.fc2")
    if b.half:  # a probability near 1 has no room in half
        x = b.node("Cast", [x], f"{name}.single", to=TensorProto.FLOAT)
    x = b.node("Softmax", [x], f"{name}.softmax", axis=1)
    return b.node("Slice", [x, "one", "two", "one"], f"{name}.score")  # column 1: metastasis


@dataclasses.dataclass
class Graphs:
    """What `build` makes of the networks of a bundle, in one precision."""

    networks: list
    half: bool
    weights: dict  # name -> array, the backbones' first
    backbones: dict  # name of a backbone -> its modality, in order
    _constants: list
    _heads: list  # nodes behind the backbones
    _backbones: list  # nodes of the backbones

    def full(self, declared):
        """ModelProto that ONNX Runtime computes by itself; inputs by modality, output `scores` batch x heads.

        `declared` are the weights as `storage.WeightFile.add` declares them.
        """
        return self._model(self._backbones + self._heads, declared, [helper.make_opsetid("", OPSET)])

    def with_operator(self, declared):
        """The same with one operator of the library in the place of the backbones: for each an image goes in, and the largest
        and the mean value of its features come out."""
        outputs = [f"{name}.{pool}" for name in self.backbones for pool in ("max", "avg")]
        operator = helper.make_node(OPERATOR, list(self.backbones.values()), outputs, name="backbones", domain=DOMAIN)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
        return self._model([operator, *self._heads], declared, opsets)

    def _model(self, nodes, declared, opsets):
        kind = TensorProto.FLOAT16 if self.half else TensorProto.FLOAT
        images = [helper.make_tensor_value_info(m, kind, ["batch", 3, SIZE, SIZE]) for m in network.modalities(self.networks)]
        heads = len(network.head_names(self.networks))
        output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", heads])
        graph = helper.make_graph(nodes, "dlnms", images, [output], [*self._constants, *declared])
        model = helper.make_model(graph, opset_imports=opsets, producer_name="dlnms_model")
        model.ir_version = IR_VERSION
        return model


def build(networks, half=False):
    """Builds the graphs of the networks of a bundle."""
    b = _Builder(half)
    b.constant("one", [1])
    b.constant("two", [2])
    backbones = {}
    for net in networks:
        for modality, prefix in net.backbones.items():
            name = net.backbone(modality)
            backbones[name] = modality
            features = _backbone(b, net.state, prefix, modality, name)
            for op, short in (("GlobalMaxPool", "max"), ("GlobalAveragePool", "avg")):
                b.node("Flatten", [b.node(op, [features], f"{name}.{op}")], f"{name}.{short}", axis=1)
    ends = len(b.nodes)
    columns = []
    for net in networks:
        for head, (prefix, seen) in net.heads.items():
            columns.append(_head(b, net.state, prefix, [net.backbone(m) for m in seen], head))
    b.node("Concat", columns, "scores", axis=1)
    return Graphs(networks, half, b.weights, backbones, b.constants, b.nodes[ends:], b.nodes[:ends])


def layers(weights, backbone):
    """The convolutions of a backbone as the library's kernels need them, in the order in which they run; what brings the
    input of a block to another shape runs before the block's second convolution."""
    names = ["stem"]
    for stage, _ in STAGES:
        for block in (0, 1):
            parts = [f"{stage}.{block}.{part}" for part in ("conv1", "down", "conv2")]
            names += [p for p in parts if f"{backbone}.{p}.w" in weights]
    found = []
    for name in names:
        outputs, inputs, *kernel = weights[f"{backbone}.{name}.w"].shape
        found.append({"name": name, "inputs": inputs, "outputs": outputs, "kernel": kernel[-1], "stride": 1 if inputs == outputs else 2})
    return found
