"""Promises of `dlnms.triton`: a configuration that fits the server's schema, and a client that speaks its protocol. The server itself is not run."""

import http.server
import importlib.util
import json
import struct
import threading

import numpy as np
import pytest
from conftest import TARGET, loudly_without, pair

from dlnms import triton

TINY = TARGET / "tiny-bundle"
needs_client = loudly_without(importlib.util.find_spec("tritonclient"), "tritonclient is not installed: CLUSTER=1 make test-python")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    out = tmp_path_factory.mktemp("repository")
    return triton.write_repository(TINY, out)


def test_a_repository_has_the_graph_and_its_weights(repository, tmp_path):
    assert {p.name for p in repository.rglob("*")} == {"config.pbtxt", "1", "model.onnx", "tiny.f32"}
    assert (repository / "1/tiny.f32").read_bytes() == (TINY / "tiny.f32").read_bytes()
    with pytest.raises(FileExistsError):
        triton.write_repository(TINY, repository.parent)
    altered = tmp_path / "altered"
    altered.mkdir()
    for file in TINY.iterdir():
        (altered / file.name).write_bytes(file.read_bytes() + (b"x" if file.name == "tiny.f32" else b""))
    with pytest.raises(ValueError, match="tiny.f32: its sha256 is not that of the manifest"):
        triton.write_repository(altered, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@needs_client
def test_the_configuration_fits_the_schema_of_triton_and_the_graph(repository):
    import onnxruntime
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2 as schema

    config = text_format.Parse((repository / "config.pbtxt").read_text(), schema.ModelConfig())
    assert (config.name, config.backend, config.max_batch_size) == ("dlnms", "onnxruntime", 8)
    session = onnxruntime.InferenceSession(repository / "1/model.onnx")
    for declared, real in ((config.input, session.get_inputs()), (config.output, session.get_outputs())):
        # Triton leaves out the batch, which the graph must have as its first dimension.
        assert [(t.name, list(t.dims)) for t in declared] == [(t.name, t.shape[1:]) for t in real]
        assert {t.data_type for t in declared} == {schema.TYPE_FP32} and {t.type for t in real} == {"tensor(float)"}
        assert all(isinstance(t.shape[0], str) for t in real)
    with pytest.raises(text_format.ParseError):
        text_format.Parse((repository / "config.pbtxt").read_text().replace("max_batch_size", "max_batch"), schema.ModelConfig())


class StandIn(http.server.BaseHTTPRequestHandler):
    """The two requests of the KServe protocol with binary tensors that the client makes, answered by ONNX Runtime."""

    def do_GET(self):
        config = {"name": "dlnms", "parameters": {triton.DIGEST: {"string_value": self.server.digest}}}
        self.answer(json.dumps(config).encode() if self.path == "/v2/models/dlnms/config" else b"", {})

    def do_POST(self):
        assert self.path == "/v2/models/dlnms/infer"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = int(self.headers["Inference-Header-Content-Length"])
        request, data, feed = json.loads(body[:head]), body[head:], {}
        for tensor in request["inputs"]:
            size = tensor["parameters"]["binary_data_size"]
            feed[tensor["name"]], data = np.frombuffer(data[:size], "<f4").reshape(tensor["shape"]), data[size:]
        [scores] = self.server.session.run(["scores"], feed)
        output = {"name": "scores", "datatype": "FP32", "shape": list(scores.shape), "parameters": {"binary_data_size": scores.nbytes}}
        text = json.dumps({"model_name": "dlnms", "model_version": "1", "outputs": [output]}).encode()
        self.answer(text + struct.pack(f"<{scores.size}f", *scores.ravel()), {"Inference-Header-Content-Length": str(len(text))})

    def answer(self, body, headers):
        self.send_response(200 if body else 404)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@needs_client
def test_a_client_gets_the_scores_of_the_library(repository, tiny):
    import onnxruntime

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    server.session = onnxruntime.InferenceSession(repository / "1/model.onnx")
    server.digest = tiny.score(pair()).manifest_sha256
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"127.0.0.1:{server.server_port}"
        heads, own = triton.Client(url, TINY, scorer=tiny).score(pair()), tiny.score(pair()).heads
        assert heads.keys() == own.keys() and all(heads[name] == pytest.approx(own[name], abs=1e-6) for name in own)
        server.digest = "0" * 64
        with pytest.raises(ValueError, match="is of another bundle: manifest 000"):
            triton.Client(url, TINY, scorer=tiny)
    finally:
        server.shutdown()
        server.server_close()
