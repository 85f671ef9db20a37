"""A bundle for NVIDIA's Triton Inference Server, and a client that sends planes.

    python -m dlnms.triton --bundle DIR --out REPOSITORY        # then: tritonserver --model-repository=REPOSITORY
    dlnms.triton.Client("host:8000", "bundle").score(case)

The server runs the network alone: volumes, SUV, planes and quality checks stay with the client's library, and a score of the server
has no self-test, findings or risk groups. This project has not run the server itself: the configuration is checked against its
schema, and the client against a stand-in that speaks its protocol. The client needs the extra `dlnms[triton]`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import sys
from typing import Any, Dict, Optional, Sequence, Union

from .case import Case
from .scorer import Planes, Scorer

NAME = "dlnms"
DIGEST = "dlnms_manifest_sha256"
MAX_BATCH = 8

CONFIG = """\
# Research use only: {card}
name: "{name}"
backend: "onnxruntime"
max_batch_size: {batch}
input [
  {{ name: "{pet}" data_type: TYPE_FP32 dims: [ {shape} ] }},
  {{ name: "{ct}" data_type: TYPE_FP32 dims: [ {shape} ] }}
]
output [
  {{ name: "{output}" data_type: TYPE_FP32 dims: [ {heads} ] }}
]
dynamic_batching {{ max_queue_delay_microseconds: 2000 }}
parameters {{ key: "{digest}" value {{ string_value: "{sha256}" }} }}
parameters {{ key: "dlnms_heads" value {{ string_value: "{names}" }} }}
"""


def _manifest(bundle: Union[str, "os.PathLike[str]"]) -> tuple:
    content = (pathlib.Path(bundle) / "manifest.json").read_bytes()
    return json.loads(content), hashlib.sha256(content).hexdigest()


def write_repository(bundle: Union[str, "os.PathLike[str]"], out: Union[str, "os.PathLike[str]"], name: str = NAME) -> pathlib.Path:
    """Writes a model repository with the single-precision graph of a bundle, and returns the folder of the model.

    Raises ValueError if a file of the bundle is not the one that its manifest names, and FileExistsError if the model is there.
    """
    bundle = pathlib.Path(bundle)
    manifest, sha256 = _manifest(bundle)
    digests = {file["name"]: file["sha256"] for file in manifest["files"]}
    model = next(m for m in manifest["models"] if m["precision"] == "fp32")
    folder = pathlib.Path(out) / name
    version = folder / "1"
    version.mkdir(parents=True)
    graph = model["graph"]
    for file in (graph["file"], *graph["weights"]):
        to = version / ("model.onnx" if file == graph["file"] else file)
        shutil.copyfile(bundle / file, to)
        with open(to, "rb") as copied:
            if hashlib.sha256(copied.read()).hexdigest() != digests[file]:
                shutil.rmtree(folder)
                raise ValueError(f"{file}: its sha256 is not that of the manifest")
    spec = manifest["preprocessing"]
    shape = ", ".join(map(str, (len(spec["channels"]), spec["output"], spec["output"])))
    (folder / "config.pbtxt").write_text(CONFIG.format(
        card=manifest["card"].replace("\n", " "), name=name, batch=MAX_BATCH, shape=shape, heads=len(manifest["heads"]), digest=DIGEST, sha256=sha256,
        names=",".join(manifest["heads"]), output=model["output"], **{modality: tensor for tensor, modality in model["inputs"].items()}))
    return folder


class Client:
    """Scores cases with the network of a Triton server; `url` is host:port of its HTTP endpoint.

    Raises ValueError if the server's model was not made from this bundle.
    """

    def __init__(self, url: str, bundle: Union[str, "os.PathLike[str]"], *, name: str = NAME, scorer: Optional[Scorer] = None) -> None:
        import tritonclient.http

        self._http = tritonclient.http
        self._name = name
        self._scorer = scorer or Scorer(bundle)
        self._manifest, sha256 = _manifest(bundle)
        self._client = tritonclient.http.InferenceServerClient(url)
        served = self._client.get_model_config(name).get("parameters", {}).get(DIGEST, {}).get("string_value")
        if served != sha256:
            raise ValueError(f"the server's model {name!r} is of another bundle: manifest {served}, here {sha256}")

    def score(self, case: Case) -> Dict[str, float]:
        """Returns the score of each head of the network for a case."""
        return self.score_planes(self._scorer.planes(case))

    def score_planes(self, planes: Planes) -> Dict[str, float]:
        """Returns the score of each head for planes of `Scorer.planes`."""
        model = next(m for m in self._manifest["models"] if m["precision"] == "fp32")
        inputs = []
        for tensor, modality in model["inputs"].items():
            values = getattr(planes, modality)[None]
            inputs.append(self._http.InferInput(tensor, list(values.shape), "FP32"))
            inputs[-1].set_data_from_numpy(values)
        wanted = [self._http.InferRequestedOutput(model["output"])]
        answer: Any = self._client.infer(self._name, inputs, outputs=wanted).as_numpy(model["output"])
        return dict(zip(self._manifest["heads"], map(float, answer[0])))


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Writes a model repository."""
    parser = argparse.ArgumentParser(prog="python -m dlnms.triton", description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--out", required=True, metavar="REPOSITORY")
    parser.add_argument("--name", default=NAME, help="name of the model [default: dlnms]")
    known = parser.parse_args(arguments)
    try:
        print(write_repository(known.bundle, known.out, known.name))
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"error: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
