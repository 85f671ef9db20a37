#!/bin/sh
# isolate.sh IN.a OUT.a - make a Rust static archive safe to link beside another one.
#
# One relocatable object with every symbol local but dlnms_*: two Rust archives bring the same std, and COMDAT groups
# (C++ templates of CharLS) would otherwise be shared with the host's. LLVM bitcode sections are dropped.
set -eu
in=$1 out=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
ld -r --force-group-allocation --whole-archive "$in" -o "$tmp/dlnms.o"
objcopy --wildcard --keep-global-symbol='dlnms_*' -R .llvmbc -R .llvmcmd "$tmp/dlnms.o"
rm -f "$out"
ar crs "$out" "$tmp/dlnms.o"
