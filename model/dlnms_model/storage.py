"""Weight files: the values of tensors one behind the other, named by the manifest and, as external data, by the graphs."""

import hashlib

import numpy as np
from onnx import TensorProto

# So that a large tensor can be mapped by itself, and a small one be used where it lies.
PAGE = 4096
LINE = 64
TYPES = {np.dtype("<f4"): ("float32", TensorProto.FLOAT), np.dtype("<f2"): ("float16", TensorProto.FLOAT16)}


class WeightFile:
    """The content of one weight file, and where in it each tensor lies."""

    def __init__(self, name):
        self.name, self.tensors, self._parts, self._end = name, [], [], 0

    def add(self, name, array):
        """Appends a tensor; returns its declaration for a graph."""
        values = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        kind, onnx_type = TYPES[values.dtype]
        alignment = PAGE if values.nbytes >= PAGE else LINE
        padding = -self._end % alignment
        offset = self._end + padding
        self._parts += [bytes(padding), values.tobytes()]
        self._end = offset + values.nbytes
        self.tensors.append({"name": name, "type": kind, "shape": list(values.shape), "offset": offset, "bytes": values.nbytes})
        declared = TensorProto(name=name, data_type=onnx_type, dims=values.shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.name), ("offset", offset), ("length", values.nbytes)):
            declared.external_data.add(key=key, value=str(value))
        return declared

    def content(self):
        return b"".join(self._parts)


def file_entry(name, content, tensors=None):
    """A file as the manifest lists it."""
    entry = {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return entry if tensors is None else {**entry, "tensors": tensors}
