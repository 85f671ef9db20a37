"""The network of a bundle on the CPU, side by side: this library, plain ONNX Runtime in C++, OpenVINO and PyTorch.

    python benches/peers/network.py [--bundle target/bundle] [--threads 2] [--runs 100] [--rounds 3] [--only NAME ...] [--json FILE]

Each peer is a process of its own, in turns, `rounds` times, so that what else the machine does falls on all of them; the
figure of a peer is the median of its rounds' medians. OpenVINO and PyTorch take part where the Python that runs this has
them, and run the same weights: OpenVINO the bundle's graph, PyTorch the seeded network built layer by layer. C++ programs
are compiled with g++ into a temporary folder. Needs `make dist`.

Where the processor has AVX-512, OpenVINO and ONNX Runtime also run held to AVX2, to be compared with this library's kernels
for AVX2: OpenVINO by ONEDNN_MAX_CPU_ISA, and its convolutions are asked what they are; ONNX Runtime, which has no such
switch, by hiding AVX-512 from it (held_to_avx2.hpp, needs objdump).
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def measure(run, runs):
    for _ in range(5):
        run()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def inputs():
    import numpy as np

    def ramp(period, low):  # what plain_ort.cpp feeds
        return (np.arange(3 * 112 * 112) % period * 0.01 + low).astype(np.float32).reshape(1, 3, 112, 112)

    return {"pet": ramp(397, -0.9), "ct": ramp(211, -1.2)}


def openvino(bundle, threads, runs, precision):
    import openvino as ov

    core = ov.Core()
    model = core.read_model(bundle / "dlnms.onnx")
    model.reshape({"pet": [1, 3, 112, 112], "ct": [1, 3, 112, 112]})
    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    compiled = core.compile_model(model, "CPU", options)
    told = [{key: value.astype(str) for key, value in op.get_rt_info().items() if key in ("layerType", "primitiveType")}
            for op in compiled.get_runtime_model().get_ops()]
    kinds = {each["primitiveType"] for each in told if each["layerType"] == "Convolution"}
    held = os.environ.get("ONEDNN_MAX_CPU_ISA") == "AVX2"
    if held and any("avx512" in kind for kind in kinds):
        raise SystemExit(f"OpenVINO is not held to AVX2: {sorted(kinds)}")
    request = compiled.create_infer_request()
    x = inputs()
    scores = next(iter(request.infer(x).values()))
    name = f"openvino {ov.__version__.split('-')[0]} {precision}{', held to AVX2' if held else ''}"
    return name, measure(lambda: request.infer(x), runs), float(scores[0][0])


def pytorch(bundle, threads, runs):
    import torch
    from torch import nn
    from torch.nn import functional as F

    sys.path.insert(0, str(ROOT / "model"))
    from dlnms_model import layout, seeded

    identity = json.loads((bundle / "manifest.json").read_text())["id"]
    if not identity.startswith("dlnms-seeded-"):
        raise SystemExit("PyTorch is given weights by their seed: a seeded bundle is needed")
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)

    def folded(state, conv, norm, stride, pad):
        w, (g, b, m, v) = state[f"{conv}.weight"], (state[f"{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var"))
        scale = g / (v + layout.EPS) ** 0.5
        layer = nn.Conv2d(w.shape[1], w.shape[0], w.shape[2], stride, pad)
        layer.weight.copy_(torch.from_numpy(w * scale[:, None, None, None]))
        layer.bias.copy_(torch.from_numpy(b - m * scale))
        return layer

    class Backbone(nn.Module):
        def __init__(self, state, prefix):
            super().__init__()
            self.stem = folded(state, f"{prefix}.0", f"{prefix}.1", 2, 3)
            self.blocks = nn.ModuleList()
            for stage, _ in layout.STAGES:
                for block in (0, 1):
                    p, stride = f"{prefix}.{stage}.{block}", 2 if block == 0 and stage > 4 else 1
                    down = f"{p}.downsample.0.weight" in state
                    self.blocks.append(nn.ModuleList([
                        folded(state, f"{p}.conv1", f"{p}.bn1", stride, 1),
                        folded(state, f"{p}.conv2", f"{p}.bn2", 1, 1),
                        folded(state, f"{p}.downsample.0", f"{p}.downsample.1", stride, 0) if down else nn.Identity(),
                    ]))

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, 1)
            for first, second, down in self.blocks:
                x = F.relu(second(F.relu(first(x))) + down(x))
            return x.amax((2, 3)), x.mean((2, 3))

    class Head(nn.Module):
        def __init__(self, state, prefix):
            super().__init__()
            self.layers = nn.Sequential()
            for fc, norm in (("fc1", "bn1"), ("fc2", "bn2")):
                w, c = state[f"{prefix}.{fc}.weight"], state[f"{prefix}.{fc}.bias"]
                g, b, m, v = (state[f"{prefix}.{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var"))
                scale = g / (v + layout.EPS) ** 0.5
                layer = nn.Linear(w.shape[1], w.shape[0])
                layer.weight.copy_(torch.from_numpy(w * scale))
                layer.bias.copy_(torch.from_numpy(c + w @ (b - m * scale)))
                self.layers.append(layer)

        def forward(self, parts):
            first, second = self.layers
            return second(F.relu(first(torch.cat(parts, 1)))).softmax(1)[:, 1]

    class Network(nn.Module):
        def __init__(self, state):
            super().__init__()
            self.pet, self.ct = (Backbone(state, layout.BACKBONE[m]) for m in ("pet", "ct"))
            self.heads = nn.ModuleList(Head(state, prefix) for prefix in layout.HEADS.values())
            self.sees = [{"": "pc", "_pet": "p", "_ct": "c"}[suffix] for suffix in layout.HEADS]

        def forward(self, pet, ct):
            maxes, means = zip(self.pet(pet), self.ct(ct))
            pick = lambda parts, sees: [parts["pc".index(s)] for s in sees]
            return [head(pick(maxes, sees) + pick(means, sees)) for head, sees in zip(self.heads, self.sees)]

    seed = identity.rsplit("-", 1)[1]
    networks = [Network(seeded.weights(f"{seed}:{net}")).eval() for net in ("n1", "n2")]
    pet, ct = (torch.from_numpy(v) for v in inputs().values())

    def run():
        return [net(pet, ct) for net in networks]

    with torch.inference_mode():
        n1 = float(run()[0][0])
        return f"torch {torch.__version__.split('+')[0]}", measure(run, runs), n1


def compile_host(source, out, *arguments):
    program = out / pathlib.Path(source).stem
    subprocess.run(["g++", "-std=c++17", "-O2", str(ROOT / source), "-o", str(program), *arguments], check=True)
    return program


def cpuid_places(library, out):
    """Writes where the library asks the processor for its features, one offset a line."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(library)], stdout=subprocess.PIPE, text=True, check=True).stdout
    places = [line.split(":")[0].strip() for line in listing.splitlines() if line.split()[-1:] == ["cpuid"]]
    (out / "cpuid").write_text("\n".join(places) + "\n")
    return out / "cpuid"


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--bundle", type=pathlib.Path, default=ROOT / "target/bundle", help="a seeded bundle (default target/bundle)")
    p.add_argument("--threads", type=int, default=2, help="of each peer (default 2)")
    p.add_argument("--runs", type=int, default=100, help="of each peer in each round (default 100)")
    p.add_argument("--rounds", type=int, default=3, help="turns of every peer (default 3)")
    p.add_argument("--json", type=pathlib.Path, help="write the figures there")
    p.add_argument("--only", nargs="+", metavar="NAME", help="these peers alone, as the lines of progress name them")
    p.add_argument("--peer", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.peer:
        peer = {
            "openvino": lambda: openvino(a.bundle, a.threads, a.runs, "f32"),
            "openvino-bf16": lambda: openvino(a.bundle, a.threads, a.runs, "bf16"),
            "torch": lambda: pytorch(a.bundle, a.threads, a.runs),
        }[a.peer]
        name, (p50, p99), n1 = peer()
        print(json.dumps({"peer": name, "p50": p50, "p99": p99, "n1": n1}))
        return
    dist = ROOT / "target/dist"
    library = (dist / "lib/libonnxruntime.so").resolve()
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        plain = compile_host("benches/peers/plain_ort.cpp", out, "-ldl")
        lib = dist / "lib"
        host = compile_host("cpp-example/latency.cpp", out, f"-I{dist}/include", str(lib / "libdlnms.so"), f"-Wl,-rpath,{lib}")
        call = [host, a.bundle, a.runs, "cpu", a.threads]
        model = [library, a.bundle / "dlnms.onnx", a.runs, a.threads]
        again = [sys.executable, __file__, "--bundle", a.bundle, "--threads", a.threads, "--runs", a.runs, "--peer"]
        peers = {"plain": [plain, *model], "plain, spinning": [plain, *model, 1]}
        if importlib.util.find_spec("openvino"):
            peers |= {name: [*again, name] for name in ("openvino", "openvino-bf16")}
        if importlib.util.find_spec("torch"):
            peers["torch"] = [*again, "torch"]
        if "avx512f" in pathlib.Path("/proc/cpuinfo").read_text() and shutil.which("objdump"):
            peers["plain, avx2"] = [plain, *model, 0, cpuid_places(library, out)]
        if "openvino" in peers:
            peers["openvino, avx2"] = ["env", "ONEDNN_MAX_CPU_ISA=AVX2", *again, "openvino"]
        peers |= {
            "dlnms": call,
            "dlnms, avx2": [*call, "avx2"],
            "dlnms, spinning": [*call, "spin"],
            "dlnms, bf16": [*call, "bf16"],
            "dlnms, ONNX Runtime's kernels": [*call, "onnxruntime"],
        }
        if a.only:
            peers = {name: peers[name] for name in a.only}
        rounds = {name: [] for name in peers}
        for n in range(a.rounds):
            for name, command in peers.items():
                print(f"round {n + 1} of {a.rounds}: {name}", file=sys.stderr)
                done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
                if name.startswith("dlnms"):
                    line = next(line.split() for line in done.stdout.splitlines() if line.startswith("infer"))
                    rounds[name].append({"peer": name.replace("dlnms", "dlnms, `infer` of a call"), "p50": float(line[2]), "p99": float(line[4])})
                else:
                    rounds[name].append(json.loads(done.stdout.splitlines()[-1]))
    rows = [
        {"peer": r[0]["peer"] + (", spinning" if name == "plain, spinning" else ""),
         "p50": statistics.median(x["p50"] for x in r), "p99": statistics.median(x["p99"] for x in r), "n1": r[0].get("n1")}
        for name, r in rounds.items()
    ]
    base = rows[0]["p50"]
    print(f"{'':54} {'p50 ms':>8} {'p99 ms':>8} {'/ first':>8}  n1")
    for row in rows:
        n1 = "" if row["n1"] is None else f"{row['n1']:.6f}"
        print(f"{row['peer']:54} {row['p50']:8.2f} {row['p99']:8.2f} {row['p50'] / base:8.2f}  {n1}")
    if a.json:
        a.json.write_text(json.dumps({"threads": a.threads, "runs": a.runs, "rounds": a.rounds, "peers": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
