#!/usr/bin/env bash
# Builds the Orthanc plugin against an installed dlnms and tests it in Debian's Orthanc, and the page in Chromium.
#
#   run.sh TARGET [ARGUMENTS OF PYTEST]
#
# TARGET is the folder of the build: dist/, bundle/, onnxruntime/ and venv/ in it are used. Screenshots go to TARGET/orthanc/screenshots.
# What is missing on this machine is named, and fails the run if DLNMS_REQUIRE_ALL is 1.
set -euo pipefail
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
    skip "the page of the Orthanc plugin was not tested in a browser: apt-get install$without"
    set -- --ignore=test_browser.py "$@"
else
    [ -e "$out/node/node_modules/puppeteer-core" ] || (mkdir -p "$out/node" && cp browser/package*.json "$out/node" && cd "$out/node" && npm ci --silent --no-fund --no-audit)
    export DLNMS_NODE=$out/node
fi
exec "$target/venv/bin/python" -m pytest -q -rs -p no:cacheprovider "$@" .
