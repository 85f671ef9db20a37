#!/bin/sh
# reproducible.sh TARGET - builds the portable product in two folders and compares every file.
set -eu
target=$1
here=$(git rev-parse --show-toplevel)
SOURCE_DATE_EPOCH=$(git -C "$here" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
python=$target/packaging-venv/bin/python
rm -rf "$target/reproducible"
for folder in first second-with-a-longer-name; do
    echo "== build in $target/reproducible/$folder"
    mkdir -p "$target/reproducible/$folder"
    git -C "$here" ls-files -z | tar --null -C "$here" -T - -cf - | tar -xf - -C "$target/reproducible/$folder"
    (
        cd "$target/reproducible/$folder"
        "$python" packaging/build.py --portable --out target/product --target-dir target/cargo
        "$python" packaging/packages.py --built target/product --onnxruntime "$target/onnxruntime" --out target/packages
    )
done
cd "$target/reproducible"
list() { (cd "$1/target" && find product packages -type f -print0 | sort -z | xargs -0 sha256sum); }
list first > first.sums
list second-with-a-longer-name > second.sums
if ! diff first.sums second.sums; then
    echo "two builds differ in the files above"
    exit 1
fi
echo "$(wc -l < first.sums) files of two builds in two folders have equal bytes"
rm -rf first second-with-a-longer-name
