#!/usr/bin/env bash
# Everything there is to measure on a machine with a GPU, in one go: each provider alone, FP32, with a cache, against the
# CPU. JSON and pictures go to benches/results/. Needs `make dist` and a bundle; on a bare machine the release binary, a
# bundle and the ONNX Runtime libraries are enough:
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
for provider in tensorrt-rtx cuda tensorrt cpu; do
    echo "== $provider"
    out=$results/$name-$provider
    if "$dlnms" bench --bundle "$bundle" --provider "$provider" --cache "$cache" --cases "$cases" --json "$out.json" --svg "$out.svg"; then
        ran=$((ran + 1))
    else
        echo "-- $provider did not run; the reason is above"
        rm -f "$out.json" "$out.svg"
    fi
done
echo "== $ran of 4 providers measured, see $results"
