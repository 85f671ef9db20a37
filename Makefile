# The two commands of this project are `make demo` and `make test`. Everything they need is fetched into target/.
# Needed before: Rust, a C++ compiler, Python 3.9 or later.

PYTHON ?= python3
T := $(CURDIR)/target
VENV := $(T)/venv
DIST := $(T)/dist
ORT_VERSION := 1.32.0
ORT := $(T)/onnxruntime
# The licence is fetched with the library.
ORT_READY := $(ORT)/ThirdPartyNotices.txt
SHARED := $(or $(DLNMS_SHARED),$(CURDIR)/../shared)

# CharLS (JPEG-LS) is built with CMake; the one in the environment below is used.
export CMAKE := $(VENV)/bin/cmake
export DLNMS_ONNXRUNTIME := $(ORT)
export PYTHONDONTWRITEBYTECODE := 1
# The Python tools load ONNX Runtime too; the library sees to this by itself.
export ORT_DISABLE_TELEMETRY := 1

.PHONY: help windows arm64 demo torch train-demo check test test-hosts build-tests product dist install portable packages test-packages wheel reproducible bench clean lint test-rust \
    test-model test-python test-console test-itk fuzz asan mutants

help:
	@echo "make demo    build, make a synthetic study, score it in a C++ process, make the page of the result"
	@echo "make train-demo  made patients, networks for N1 and N2, bundle, evaluation, scores in a C++ process (about 10 minutes; fetches PyTorch)"
	@echo "make torch   PyTorch for the tests of training (half a gigabyte)"
	@echo "make check   format, lints, documentation and the fast tests: for every save"
	@echo "make test    every check there is"
	@echo "make test-hosts  console, ITK host, and the Orthanc plugin in Debian's Orthanc, driven by DCMTK, HTTP and Chromium; OHIF (some minutes; names what is missing)"
	@echo "make bench   latency, as ratios against bare ONNX Runtime"
	@echo "make dist    target/dist: what is installed, with ONNX Runtime beside it; may be moved"
	@echo "make install PREFIX=/usr/local [DESTDIR=] [LIBDIR=lib] [WITH_ONNXRUNTIME=1]"
	@echo "make packages       target/packages: archive for glibc 2.28 and later, Debian packages, Conan recipe, vcpkg port"
	@echo "make test-packages  those packages, in a fresh root and with the tools they are for (as root; some minutes)"
	@echo "make wheel   target/wheels: the Python package dlnms (after make portable: for glibc 2.28 and later)"
	@echo "make windows  target/windows: the library for 64-bit Windows, made by mingw-w64 and run under Wine (names what is missing)"
	@echo "make arm64   target/arm64: the library for Linux on 64-bit Arm, run by QEMU (names what is missing)"
	@echo "make reproducible   whether two builds in two folders have equal bytes (two release builds)"
	@echo "make mutants whether the tests notice a wrong line in what computes numbers (hours; MUTANTS="--sample 400" for a part; needs cargo-mutants)"
	@echo "make asan    the CPU kernels' tests under AddressSanitizer (some minutes; not part of make test)"

# ---------------------------------------------------------------- what has to be fetched

$(VENV)/.ready: model/requirements.txt
	@echo "== Python environment in target/venv (first time: some minutes)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 9))' || { echo "Python 3.9 or later is needed"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python venv is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@$(VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -r model/requirements.txt
	@touch $@

# Some 100 MB that nothing but the evaluation needs.
$(VENV)/.evaluate: $(VENV)/.ready model/requirements-evaluate.txt
	@$(VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -r model/requirements-evaluate.txt
	@touch $@

# PyTorch, for the tests of training and for `make train-demo`: an environment of its own, which sees the packages of the other.
TORCH := $(T)/venv-torch

$(TORCH)/.ready: $(VENV)/.evaluate model/tests/torch_without_cuda.py
	@echo "== PyTorch in target/venv-torch (half a gigabyte to fetch, 1.2 GB on the disk)"
	@$(PYTHON) -m venv $(TORCH)
	@$(TORCH)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' | { read -r site; \
	    $(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $$site/dlnms-test.pth; }
	@$(TORCH)/bin/python model/tests/torch_without_cuda.py $(TORCH)/bin/python
	@touch $@

torch: $(TORCH)/.ready

$(ORT_READY): $(VENV)/.ready packaging/fetch_onnxruntime.py
	@echo "== ONNX Runtime $(ORT_VERSION)"
	@$(VENV)/bin/python packaging/fetch_onnxruntime.py --version $(ORT_VERSION) --out $(ORT) \
	    --platform manylinux_2_28_$$(uname -m) --platform manylinux_2_27_$$(uname -m)

# A real plugin provider, for the tests of plugins.
$(T)/openvino/.ready: $(VENV)/.ready
	@echo "== OpenVINO plugin"
	@rm -rf $(T)/openvino $(T)/wheel-ov && mkdir -p $(T)/openvino
	@$(VENV)/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
	    --platform manylinux_2_28_x86_64 -d $(T)/wheel-ov onnxruntime-ep-openvino==1.8.1
	@$(VENV)/bin/python -m zipfile -e $(T)/wheel-ov/*.whl $(T)/wheel-ov/unpacked
	@cp $(T)/wheel-ov/unpacked/onnxruntime_ep_openvino/lib*.so* $(T)/openvino/
	@rm -rf $(T)/wheel-ov && touch $@

# Readers of DICOM results, for the tests; dciodvfy, DicomSRValidator and dsrdump are packages of Debian.
$(T)/dicom-tools/.ready: tests/dicom_results/requirements.txt
	@echo "== readers of DICOM results in target/dicom-tools"
	@$(PYTHON) -m venv $(T)/dicom-tools
	@$(T)/dicom-tools/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -r tests/dicom_results/requirements.txt
	@touch $@

# ---------------------------------------------------------------- model bundles

MODEL_SOURCES := $(wildcard model/dlnms_model/*.py)

$(T)/bundle/manifest.json: $(VENV)/.ready $(MODEL_SOURCES)
	@echo "== seeded bundle (pseudo-random weights, not trained)"
	@cd model && $(VENV)/bin/python -m dlnms_model seeded --seed 42 --out $(T)/bundle

# Weights of the golden scores, where the test data is.
$(T)/golden-bundle/manifest.json: $(VENV)/.ready $(MODEL_SOURCES)
	@if [ -d $(SHARED)/golden ]; then \
	    $(VENV)/bin/python $(SHARED)/golden/make_network_golden.py --checkpoints $(T)/golden-checkpoints && \
	    cd model && $(VENV)/bin/python -m dlnms_model export --n1 $(T)/golden-checkpoints/n1.npz \
	        --n2 $(T)/golden-checkpoints/n2.npz --preprocessing authors --no-cutoffs --weights seeded --id dlnms-golden \
        --out $(T)/golden-bundle; \
	else echo "*** SKIPPED: no golden data at $(SHARED)/golden ***"; fi

$(T)/planted-bundle/manifest.json: $(VENV)/.ready $(MODEL_SOURCES) tests/planted_bundle.py
	@$(VENV)/bin/python tests/planted_bundle.py $(T)/planted-bundle

$(T)/tiny-bundle/manifest.json: $(VENV)/.ready $(MODEL_SOURCES) tests/tiny_bundle.py
	@$(VENV)/bin/python tests/tiny_bundle.py $(T)/tiny-bundle $(T)/fragile-bundle

# ---------------------------------------------------------------- the library

PRODUCT := $(T)/product
PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= lib
WITH_ONNXRUNTIME ?=

product: $(VENV)/.ready
	@echo "== release build"
	@$(PYTHON) packaging/build.py --out $(PRODUCT) --target-dir $(T)/native

dist: product $(ORT_READY)
	@rm -rf $(DIST)
	@$(PYTHON) packaging/install.py --built $(PRODUCT) --prefix $(DIST) --onnxruntime $(ORT)

# `sudo make install` after `make product`: whoever installs may have no Rust.
install: $(if $(shell command -v cargo),product) $(if $(WITH_ONNXRUNTIME),$(ORT_READY))
	@$(PYTHON) packaging/install.py --built $(PRODUCT) --prefix "$(PREFIX)" --destdir "$(DESTDIR)" --libdir "$(LIBDIR)" \
	    $(if $(WITH_ONNXRUNTIME),--onnxruntime $(ORT))

# ---------------------------------------------------------------- packages

# Zig's C and C++ compiler for an old glibc; validators of the bill of materials; Conan.
PACKAGING := $(T)/packaging-venv

$(PACKAGING)/.ready: packaging/requirements.txt
	@echo "== tools of packaging in target/packaging-venv (first time: some minutes)"
	@$(PYTHON) -m venv $(PACKAGING)
	@$(PACKAGING)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -r packaging/requirements.txt
	@touch $@

portable: $(VENV)/.ready $(PACKAGING)/.ready
	@echo "== release build for glibc 2.28 and later"
	@$(PACKAGING)/bin/python packaging/build.py --portable --out $(T)/product-portable --target-dir $(T)/portable

packages: portable $(ORT_READY)
	@echo "== packages"
	@$(PACKAGING)/bin/python packaging/packages.py --built $(T)/product-portable --onnxruntime $(ORT) --out $(T)/packages

test-packages: packages $(T)/tiny-bundle/manifest.json
	@packaging/test_packages.sh $(T)

reproducible: $(VENV)/.ready $(PACKAGING)/.ready $(ORT_READY)
	@packaging/reproducible.sh $(T)

# ---------------------------------------------------------------- other platforms

WINDOWS := $(T)/windows
ARM64 := $(T)/arm64

# The licence is fetched with the library.
$(WINDOWS)/onnxruntime/ThirdPartyNotices.txt $(ARM64)/onnxruntime/ThirdPartyNotices.txt: $(VENV)/.ready packaging/fetch_onnxruntime.py
	@echo "== ONNX Runtime $(ORT_VERSION) for $(notdir $(patsubst %/onnxruntime/,%,$(dir $@)))"
	@$(VENV)/bin/python packaging/fetch_onnxruntime.py --version $(ORT_VERSION) --out $(@D) \
	    --platform $(if $(findstring windows,$@),win_amd64,manylinux_2_28_aarch64)

windows: $(VENV)/.evaluate $(PACKAGING)/.ready $(WINDOWS)/onnxruntime/ThirdPartyNotices.txt $(T)/bundle/manifest.json \
    $(T)/tiny-bundle/manifest.json dist
	@echo "== release build for 64-bit Windows"
	@$(PACKAGING)/bin/python packaging/build_windows.py --out $(WINDOWS)/product --target-dir $(WINDOWS)/cargo
	@rm -rf $(WINDOWS)/dlnms
	@$(PYTHON) packaging/install.py --built $(WINDOWS)/product --prefix $(WINDOWS)/dlnms --onnxruntime $(WINDOWS)/onnxruntime
	@DLNMS_SHARED=$(SHARED) DLNMS_ZIG=$(PACKAGING)/bin/python $(VENV)/bin/python -m pytest -q -rs -p no:cacheprovider tests/platforms/test_windows.py

arm64: $(VENV)/.evaluate $(ARM64)/onnxruntime/ThirdPartyNotices.txt $(T)/bundle/manifest.json $(T)/tiny-bundle/manifest.json dist
	@echo "== release build for Linux on 64-bit Arm"
	@$(PYTHON) packaging/build.py --target aarch64-unknown-linux-gnu --out $(ARM64)/product --target-dir $(ARM64)/cargo
	@rm -rf $(ARM64)/dlnms
	@$(PYTHON) packaging/install.py --built $(ARM64)/product --prefix $(ARM64)/dlnms --onnxruntime $(ARM64)/onnxruntime
	@DLNMS_SHARED=$(SHARED) $(VENV)/bin/python -m pytest -q -rs -p no:cacheprovider tests/platforms/test_arm64.py

# ---------------------------------------------------------------- Python

PYTHON_VENV := $(T)/python-venv
# The portable library where it was built: its wheel installs on more systems.
WHEEL_PRODUCT ?= $(if $(wildcard $(T)/product-portable/build.json),$(T)/product-portable,$(PRODUCT))

$(PYTHON_VENV)/.ready: python/requirements.txt
	@echo "== Python environment of the binding in target/python-venv (first time: some minutes)"
	@$(PYTHON) -m venv $(PYTHON_VENV)
	@$(PYTHON_VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -r python/requirements.txt
	@touch $@

# Ray and Triton's client, where their tests are wanted: CLUSTER=1, or everything is.
CLUSTER ?= $(DLNMS_REQUIRE_ALL)

$(PYTHON_VENV)/.cluster: $(PYTHON_VENV)/.ready python/requirements-cluster.txt
	@$(PYTHON_VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -r python/requirements-cluster.txt
	@touch $@

wheel: product $(PYTHON_VENV)/.ready
	@rm -rf $(T)/wheels && mkdir -p $(T)/wheels
	@DLNMS_PRODUCT=$(WHEEL_PRODUCT) $(PYTHON_VENV)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps \
	    --no-build-isolation -w $(T)/wheels ./python
	@ls $(T)/wheels/*.whl

# ---------------------------------------------------------------- demo

DEMO := $(T)/demo

# The bundle is written while the library compiles.
demo:
	@$(MAKE) --no-print-directory -j2 dist $(T)/bundle/manifest.json
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@echo "== synthetic PET/CT study as DICOM"
	@$(DIST)/bin/dlnms phantom --out $(DEMO)/study
	@echo "== C++ host"
	@$(CMAKE) -S cpp-example -B $(DEMO)/build -DCMAKE_PREFIX_PATH=$(DIST) -DCMAKE_BUILD_TYPE=Release > $(DEMO)/cmake.log || { cat $(DEMO)/cmake.log; exit 1; }
	@$(CMAKE) --build $(DEMO)/build > $(DEMO)/build.log || { cat $(DEMO)/build.log; exit 1; }
	@$(DEMO)/build/score --bundle $(T)/bundle --center=-82,-12,46.5 --json $(DEMO)/result.json $(DEMO)/study/ct $(DEMO)/study/pet
	@echo "== the result as a page for people"
	@$(DIST)/bin/dlnms explain --bundle $(T)/bundle --ct $(DEMO)/study/ct --pet $(DEMO)/study/pet \
	    --mask $(DEMO)/study/tumour_mask.nii.gz --html $(DEMO)/report.html --json $(DEMO)/result_mask.json > /dev/null
	@echo "result   $(DEMO)/result.json"
	@echo "page     $(DEMO)/report.html"

# From a cohort to a bundle that a C++ program scores with, on made patients whose best AUROC is known.
train-demo: $(TORCH)/.ready $(T)/tiny-bundle/manifest.json dist
	@$(CMAKE) -S cpp-example -B $(T)/train-demo-host -DCMAKE_PREFIX_PATH=$(DIST) -DCMAKE_BUILD_TYPE=Release > $(T)/train-demo.log || { cat $(T)/train-demo.log; exit 1; }
	@$(CMAKE) --build $(T)/train-demo-host --target score >> $(T)/train-demo.log || { cat $(T)/train-demo.log; exit 1; }
	@PYTHONPATH=model OMP_NUM_THREADS=1 $(TORCH)/bin/python model/tests/train_demo.py --dlnms $(DIST)/bin/dlnms --bundle $(T)/tiny-bundle \
	    --host $(T)/train-demo-host/score --out $(T)/train-demo

# ---------------------------------------------------------------- tests

# Beside the compiler, which leaves a core idle at times, the Python tests run; what each prints stays together. Lines of the
# tests that were skipped or cannot run here are repeated at the end.
test: export DLNMS_SKIPPED := $(T)/skipped
test: lint $(VENV)/.evaluate
	@rm -f $(DLNMS_SKIPPED)
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-model build-tests
	@$(MAKE) --no-print-directory test-python
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory test-rust
	@test ! -s $(DLNMS_SKIPPED) || { echo "== not tested"; sort -u $(DLNMS_SKIPPED); }

build-tests: $(ORT_READY) dist
	@cargo test --locked --quiet --no-run

# No release build and no host programs: what a change of a few lines is likely to break.
check: lint $(ORT_READY) $(T)/tiny-bundle/manifest.json
	@cargo test --locked --quiet --no-run --lib --test architecture --test it
	@DLNMS_SHARED=$(SHARED) cargo test --locked --lib --test architecture
	@DLNMS_SHARED=$(SHARED) cargo test --locked --test it -- header:: layout:: suv_table:: suv_edits:: series:: rois:: quality::

lint: $(VENV)/.ready
	@echo "== format, lints, documentation"
	@cargo fmt --check
	@cargo metadata --locked --quiet --format-version 1 --manifest-path tests/fuzz/Cargo.toml > /dev/null
	@cargo clippy --locked --quiet --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps --lib

# The tests of a cohort call the program `dlnms`. Training is tested where PyTorch is; it is large, so `make torch` alone fetches it.
test-model: $(VENV)/.evaluate dist
	@echo "== model/"
	@test -e $(TORCH)/.ready || echo "*** SKIPPED: training was not tested, because PyTorch is not installed: make torch ***" | tee -a $${DLNMS_SKIPPED:-/dev/null}
	@cd model && DLNMS_SHARED=$(SHARED) $(if $(wildcard $(TORCH)/.ready),$(TORCH),$(VENV))/bin/python -m pytest -q -rs -p no:cacheprovider tests

# The installed wheel is tested, not the sources.
test-python: wheel $(if $(CLUSTER),$(PYTHON_VENV)/.cluster) $(T)/bundle/manifest.json $(T)/tiny-bundle/manifest.json
	@echo "== python/"
	@$(PYTHON_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(T)/wheels/*.whl
	@env -u DLNMS_ONNXRUNTIME DLNMS_SHARED=$(SHARED) $(PYTHON_VENV)/bin/python -m pytest -q -rs -p no:cacheprovider python/tests

# The console of DCMTK and the ITK host (apt: dcmtk, libinsighttoolkit5-dev); some minutes. They name what is missing.
test-console test-itk: test-%: $(VENV)/.evaluate dist $(T)/bundle/manifest.json $(T)/tiny-bundle/manifest.json
	@DLNMS_SHARED=$(SHARED) $(VENV)/bin/python -m pytest -q -rs -p no:cacheprovider tests/hosts/$*

# FUZZ_SECONDS for each target; more finds more.
FUZZ_SECONDS ?= 15

fuzz: $(VENV)/.ready $(T)/bundle/manifest.json
	@DLNMS_SHARED=$(SHARED) tests/fuzz/run.sh $(FUZZ_SECONDS)

test-rust: $(ORT_READY) $(T)/bundle/manifest.json $(T)/golden-bundle/manifest.json \
    $(T)/tiny-bundle/manifest.json $(T)/planted-bundle/manifest.json $(T)/openvino/.ready \
    $(T)/dicom-tools/.ready dist
	@echo "== library, C ABI, hosts"
	@DLNMS_SHARED=$(SHARED) cargo test --locked --no-fail-fast

# Programs that nobody here wrote. No part of `make test`: they come from Debian and npm. apt: orthanc orthanc-dev orthanc-dicomweb
# nlohmann-json3-dev dcmtk chromium npm libinsighttoolkit5-dev; npm: puppeteer-core and @ohif/app.
test-hosts: test-console test-itk $(VENV)/.ready $(T)/bundle/manifest.json dist
	@DLNMS_SHARED=$(SHARED) tests/hosts/orthanc/run.sh $(T)

# The kernels read and write by pointer. The compiler has the sanitizer's runtime; its flag is unlocked by RUSTC_BOOTSTRAP.
asan:
	@host=$$(rustc -vV | sed -n 's/^host: //p'); RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --locked --lib \
	    --no-default-features --target $$host --target-dir $(T)/asan cpu_kernels

# Settings in .cargo/mutants.toml; tests/mutants/run.py --help says how. MUTANTS="--sample 400" for a part, "--continue" to go on.
MUTANTS ?=

mutants: $(ORT_READY) $(T)/bundle/manifest.json $(T)/golden-bundle/manifest.json $(T)/tiny-bundle/manifest.json
	@command -v cargo-mutants > /dev/null || { echo "cargo-mutants is missing: cargo install cargo-mutants --locked"; exit 1; }
	@DLNMS_SHARED=$(SHARED) $(PYTHON) tests/mutants/run.py $(MUTANTS)

bench: $(ORT_READY) $(T)/bundle/manifest.json
	@cargo bench --locked

clean:
	@rm -rf target
