#!/usr/bin/env bash
# Everything there is to measure on a machine with a GPU, in one go: each provider alone, in FP16 and FP32, with and without
# CUDA graph, with engines for batches, with a cache, against the CPU. JSON and pictures go to benches/results/. Needs
# `make dist` and a bundle; on a bare machine the release binary, a bundle and the ONNX Runtime libraries are enough:
#
#     DLNMS=./dlnms BUNDLE=./bundle DLNMS_ONNXRUNTIME=./onnxruntime benches/gpu.sh
#
# A provider that cannot run is reported with its reason, and is no failure of the script.
set -euo pipefail
cd "$(dirname "$0")/.."
dlnms=${DLNMS:-target/dist/bin/dlnms}
bundle=${BUNDLE:-target/bundle}
cases=${CASES:-1000}
results=benches/results
mkdir -p "$results"
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
device=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2> /dev/null | head -1 || true)
device=${device:-no NVIDIA GPU}
echo "== $device"
name=$(echo "$device" | tr -cs 'A-Za-z0-9.' '-' | sed 's/-*$//')
"$dlnms" info --bundle "$bundle" --provider auto
ran=0
tried=0
measure() { # NAME ARGUMENTS...
    local out=$results/$name-$1
    shift
    echo "== $*"
    tried=$((tried + 1))
    if "$dlnms" bench --bundle "$bundle" --cache "$cache" --cases "$cases" --against cpu --json "$out.json" --svg "$out.svg" "$@"; then
        ran=$((ran + 1))
    else
        echo "-- it did not run; the reason is above"
        rm -f "$out.json" "$out.svg"
    fi
}
for provider in tensorrt-rtx cuda tensorrt; do
    for precision in fp16 fp32; do
        measure "$provider-$precision" --provider "$provider" --precision "$precision"
        measure "$provider-$precision-graph" --provider "$provider" --precision "$precision" --cuda-graph
        for n in 16 64 256; do
            measure "$provider-$precision-batch$n" --provider "$provider" --precision "$precision" --engine-batch "$n" \
                --batch "$n" --concurrency 1,2 --cold 0
        done
    done
done
measure cpu --provider cpu
measure cpu-spin --provider cpu --spin
measure cpu-bf16 --provider cpu --precision bf16
echo "== $ran of $tried measured, see $results"
