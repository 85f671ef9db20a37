#!/usr/bin/env bash
# Builds the Orthanc plugin against an installed dlnms and tests it in Debian's Orthanc, the page in Chromium, and what was stored in OHIF.
#
#   run.sh TARGET [ARGUMENTS OF PYTEST]
#
# TARGET is the folder of the build: dist/, bundle/, onnxruntime/ and venv/ in it are used. Screenshots go to TARGET/orthanc/screenshots.
# What is missing on this machine is named, and fails the run if DLNMS_REQUIRE_ALL is 1.
set -euo pipefail
OHIF=3.13.2 # of npm's @ohif/app, which holds the built viewer
OHIF_SHA512=5997719a9986eeba85816f5924b71b82bdd70ad2e2d4a0cd3e831a798e4f3deea3e06e1f8c48e393271933a0ba664d85f3b04ac457e9abe8dde715d907d13c10
cd "$(dirname "$0")"
target=$1
shift
out=$target/orthanc
mkdir -p "$out"

skip() {
    echo "*** SKIPPED: $1 ***" | tee -a "${DLNMS_SKIPPED:-/dev/null}"
    [ "${DLNMS_REQUIRE_ALL:-}" != 1 ] || exit 1
}

missing=""
[ -x /usr/sbin/Orthanc ] || missing+=" orthanc"
[ -e /usr/include/orthanc/OrthancCPlugin.h ] || missing+=" orthanc-dev"
[ -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so ] || missing+=" orthanc-dicomweb"
[ -e /usr/include/nlohmann/json.hpp ] || missing+=" nlohmann-json3-dev"
command -v storescu > /dev/null || missing+=" dcmtk"
if [ -n "$missing" ]; then
    skip "the Orthanc plugin was not tested: apt-get install$missing"
    exit 0
fi
if [ ! -d "${DLNMS_SHARED:-}/data/petct" ]; then
    skip "the Orthanc plugin was not tested: there is no test data at DLNMS_SHARED=${DLNMS_SHARED:-}"
    exit 0
fi

echo "== Orthanc plugin"
"${CMAKE:-cmake}" -S ../../../cpp-example/orthanc -B "$out/build" -DCMAKE_PREFIX_PATH="$target/dist" > "$out/cmake.log" || { cat "$out/cmake.log"; exit 1; }
"${CMAKE:-cmake}" --build "$out/build" > "$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }
export DLNMS_ORTHANC_PLUGIN=$out/build/libOrthancDlnms.so
export DLNMS_LIBRARY=${DLNMS_LIBRARY:-$target/dist/lib/libdlnms.so}
export DLNMS_CLI=${DLNMS_CLI:-$target/dist/bin/dlnms}
export DLNMS_BUNDLE=$target/bundle
export DLNMS_ONNXRUNTIME=${DLNMS_ONNXRUNTIME:-$target/onnxruntime}
export DLNMS_SCREENSHOTS=$out/screenshots

without=""
command -v chromium > /dev/null || without+=" chromium"
command -v npm > /dev/null || without+=" npm"
if [ -n "$without" ]; then
    skip "the page of the Orthanc plugin and OHIF were not tested in a browser: apt-get install$without"
    set -- --ignore=test_browser.py --ignore=test_ohif.py "$@"
else
    [ -e "$out/node/node_modules/puppeteer-core" ] || (mkdir -p "$out/node" && cp browser/package*.json "$out/node" && cd "$out/node" && npm ci --silent --no-fund --no-audit)
    if [ ! -e "$out/ohif-$OHIF" ]; then
        (cd "$out" && npm pack --silent "@ohif/app@$OHIF" > /dev/null)
        echo "$OHIF_SHA512  $out/ohif-app-$OHIF.tgz" | sha512sum --check --quiet
        rm -rf "$out/ohif-$OHIF.part" && mkdir "$out/ohif-$OHIF.part"
        tar -xzf "$out/ohif-app-$OHIF.tgz" -C "$out/ohif-$OHIF.part"
        mv "$out/ohif-$OHIF.part" "$out/ohif-$OHIF"
        rm "$out/ohif-app-$OHIF.tgz"
    fi
    export DLNMS_NODE=$out/node DLNMS_OHIF=$out/ohif-$OHIF/package/dist
fi
exec "$target/venv/bin/python" -m pytest -q -rs -p no:cacheprovider "$@" .
