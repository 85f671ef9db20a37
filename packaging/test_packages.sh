#!/bin/bash
# test_packages.sh TARGET - the packages in TARGET/packages, used as a vendor would, in a fresh Debian 11 and by Conan.
#
# Needs root, debootstrap, lintian and a Debian mirror; what is missing is said and fails.
set -euo pipefail
target=$1
here=$(cd "$(dirname "$0")" && pwd)
packages=$target/packages
python=$target/packaging-venv/bin/python
product=$target/product-portable
version=$(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$product/build.json" | head -1)

fail() { echo "test-packages: $*"; exit 1; }
missing=
for tool in debootstrap lintian unshare objdump; do command -v $tool > /dev/null || missing="$missing $tool"; done
[ -z "$missing" ] || fail "*** NOT TESTED:$missing missing; on Debian: apt-get install debootstrap lintian ***"
[ "$(id -u)" = 0 ] || fail "*** NOT TESTED: a fresh root needs root ***"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$work" -xf "$packages/dlnms-$version-linux-x86_64.tar.xz"
tree=$work/dlnms-$version-linux-x86_64

echo "== symbols: glibc 2.28 at most, no C++ runtime of the system"
for file in "$tree/lib/libdlnms.so" "$tree/bin/dlnms"; do
    objdump -T "$file" > "$work/symbols"
    newest=$(grep -o 'GLIBC_[0-9.]*' "$work/symbols" | sed 's/GLIBC_//' | sort -uV | tail -1)
    [ "$(printf '%s\n2.28\n' "$newest" | sort -V | tail -1)" = 2.28 ] || fail "$file needs glibc $newest"
    ! grep -E 'GLIBCXX|CXXABI|GCC_' "$work/symbols" || fail "$file needs the C++ runtime of the system"
    echo "$(basename "$file"): glibc $newest"
done

echo "== bill of materials"
"$python" -B "$here/validate_sbom.py" "$tree/share/doc/dlnms"
for part in CharLS OpenJPEG 'ONNX Runtime' 'LLVM libc++'; do
    for file in dlnms.cdx.json dlnms.spdx.json THIRD-PARTY-NOTICES.txt; do
        grep -q "$part" "$tree/share/doc/dlnms/$file" || fail "$file does not name $part"
    done
done

echo "== lintian"
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$packages"/*.deb || fail "lintian has complaints"

echo "== a fresh Debian 11 (glibc 2.31)"
root=$target/fresh-root
if [ ! -e "$root/.ready" ]; then
    rm -rf "$root"
    debootstrap --variant=minbase --include=gcc,libc6-dev,pkg-config bullseye "$root" > "$work/debootstrap.log" 2>&1 ||
        { tail -5 "$work/debootstrap.log"; fail "*** NOT TESTED: debootstrap failed ***"; }
    touch "$root/.ready"
fi
copy=$work/root
cp -a "$root" "$copy"
mkdir "$copy/try"
cp "$packages"/*.deb "$here/../cpp-example/minimal.c" "$copy/try/"
cp -rL "$target/tiny-bundle" "$copy/try/bundle"
cp -a "$tree" "$copy/try/tree"
cat > "$copy/try/run.sh" <<'INNER'
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
cd /try
# The archive needs no installation, no compiler and no C++ runtime.
tree/bin/dlnms info --bundle bundle > info.txt
grep -q 'ONNX Runtime' info.txt || { cat info.txt; exit 1; }
dpkg -i *.deb > dpkg.log 2>&1 || { cat dpkg.log; exit 1; }
dlnms info --bundle bundle > info.txt
gcc -std=c99 -Wall -Wextra -Wpedantic -Werror minimal.c $(pkg-config --cflags --libs dlnms) -o shared
gcc -std=c99 -Wall -Wextra -Wpedantic -Werror minimal.c $(pkg-config --cflags --libs dlnms-static) -o static
gcc -std=c99 minimal.c -Itree/include -Ltree/lib -ldlnms -Wl,-rpath,/try/tree/lib -o from-archive
./shared bundle > shared.txt
./from-archive bundle > archive.txt
./static bundle /usr/lib/x86_64-linux-gnu/dlnms > static.txt
cmp shared.txt static.txt && cmp shared.txt archive.txt
grep '^n1 ' shared.txt
dlnms phantom --out study
dlnms score --bundle bundle study --center=-82,-12,46.5 | grep -E '^N1|^N2'
ldd /usr/lib/x86_64-linux-gnu/libdlnms.so.1 | sed 's/ (.*//'
apt-get purge -y -qq libdlnms1 libdlnms-dev dlnms libdlnms1-onnxruntime > purge.log 2>&1 || { cat purge.log; exit 1; }
left=$(find /usr -name '*dlnms*')
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
INNER
unshare --mount --pid --fork --mount-proc --net chroot "$copy" /bin/sh /try/run.sh

echo "== Conan"
export CONAN_HOME=$work/conan
export DLNMS_ARCHIVE=$packages/dlnms-$version-linux-x86_64.tar.xz
PATH=$(dirname "$python"):$target/venv/bin:$PATH
conan profile detect > /dev/null 2>&1
for shared in True False; do
    conan create "$packages/conan" --version "$version" -o "dlnms/*:shared=$shared" > "$work/conan.log" 2>&1 || { tail -40 "$work/conan.log"; fail "conan create failed"; }
    grep "^dlnms $version, ABI" "$work/conan.log" | sort | uniq -c
done

echo "== vcpkg port: the files of its port, by the functions it calls"
cmake -DPORT="$packages/vcpkg/dlnms" -DARCHIVE="$DLNMS_ARCHIVE" -DWORK="$work/vcpkg" -DEXAMPLE="$here/../cpp-example" \
    -DBUNDLE="$target/tiny-bundle" -P "$here/check_vcpkg_port.cmake"
echo "test-packages: done"
