#!/usr/bin/env bash
# Fuzz every target for SECONDS each (default 20), starting from real files where they are. Ends with 1 and the input
# that did it if one crashes, hangs for 5 s or takes 1 GiB.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-20}
shared=${DLNMS_SHARED:-../shared}
target=$PWD/target/fuzz
# Coverage passes of LLVM and nothing else: no nightly compiler is needed.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
host=$(rustc -vV | sed -n 's/^host: //p')
# --target keeps the passes away from build scripts.
cargo build --quiet --release --locked --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir "$target"
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
mkdir "$corpus"/{reader,manifest,references,volume}
for bundle in target/*bundle; do cp "$bundle/manifest.json" "$corpus/manifest/$(basename "$bundle")" 2> /dev/null || true; done
cp target/bundle/*.onnx "$corpus/references/"
cp target/tiny-bundle/tiny.onnx "$corpus/references/tiny" 2> /dev/null || true
if [ -d "$shared/data/petct" ]; then
    # One small file of each kind; what is larger is slow to change and no different.
    n=0
    while IFS= read -r -d '' file; do
        n=$((n + 1)) && cp "$file" "$corpus/reader/$n"
    done < <(find "$shared/data/petct" -name '*.dcm' -size -80k -print0 | sort -z | awk 'BEGIN { RS = ORS = "\0" } NR % 6 == 0')
    n=0
    while IFS= read -r -d '' file; do
        n=$((n + 1)) && { printf '\001'; cat "$file"; } > "$corpus/volume/$n"
    done < <(find "$shared/data/petct" -name '*.nii.gz' -size -40k -print0)
fi
printf '\002NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 2 2\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nendian: little\nencoding: raw\nspace origin: (0,0,0)\n\n0123456789abcdef' > "$corpus/volume/nrrd"
mkdir -p target/fuzz/found
# Two at a time: a target runs on one thread.
fuzz() {
    "$target/$host/release/$1" "$corpus/$1" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=200000 \
        -artifact_prefix="$target/found/$1-" -print_final_stats=1 > "$corpus/$1.log" 2>&1 || true
}
for pair in "reader manifest" "references volume"; do
    for name in $pair; do fuzz "$name" & done
    wait
    for name in $pair; do
        echo "== fuzz $name, $seconds s"
        grep -E 'stat::number_of_executed_units|stat::peak_rss|cov: .* DONE|SUMMARY|panicked' "$corpus/$name.log" || true
        if ! grep -q 'DONE' "$corpus/$name.log"; then
            tail -30 "$corpus/$name.log"
            exit 1
        fi
    done
done
