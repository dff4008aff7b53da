# The commands of the project. `make` lists them.
SHELL := bash
BUILD := build/release
PYTHON ?= python3
.DEFAULT_GOAL := list

.PHONY: list setup build demo parity test test-asan test-onednn3 bench format check-format check-dependencies install clean test-cuda test-gpu bench-gpu build-cuda

list: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1@\2/' | column -t -s '@'

setup: ## install what is missing (silent when nothing is)
	@scripts/setup.sh

build: setup ## build the program: build/release/ssgcam
	@cmake --preset release >/dev/null
	@cmake --build --preset release -- --quiet

demo: build ## masks of brain tumours from a real VGG16 on real pictures, scored
	@demo/run.sh

test: setup ## all tests, with and without sanitizers
	@scripts/test.sh

test-asan: setup ## the tests under AddressSanitizer and UBSan only
	@scripts/test.sh asan

test-onednn3: setup ## the network tests with oneDNN 3.x (from the Python packages)
	@scripts/test.sh onednn3

parity: build ## the largest difference from pytorch-grad-cam, method by network (Python packages torch, torchvision, grad-cam, onnxruntime)
	@$(PYTHON) bench/parity.py $(BUILD)/ssgcam $(MODELS) -o docs/parity.md

test-cuda: setup ## the CUDA sources on the simulated device, and compiled by nvcc (needs the CUDA toolkit, no GPU)
	@scripts/test.sh cuda

test-gpu: setup ## the CUDA tests on a real GPU; writes bench/results/gpu-tests.txt
	@scripts/test-gpu.sh

bench-gpu: setup ## measure on a real GPU; writes bench/results/gpu.txt
	@bench/gpu.sh

build-cuda: setup ## build the program with the CUDA backend: build/cuda/ssgcam
	@cmake --preset cuda >/dev/null
	@cmake --build --preset cuda --target ssgcam_cli

bench: build ## measure; writes bench/results
	@bench/run.sh

format: ## clang-format all C sources
	@scripts/format.sh

check-format: ## fail if a source is not formatted
	@scripts/format.sh --check

check-dependencies: ## fail if a folder uses one it may not know
	@scripts/check-dependencies.sh

install: build ## install into PREFIX (default /usr/local)
	@cmake --install $(BUILD) $(if $(PREFIX),--prefix $(PREFIX))

clean: ## remove the build folder
	@rm -rf build
