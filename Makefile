# Every task of the project. `make` alone lists them.

SHELL := /bin/bash
# Every service, worker and test is a Python of its own: without bytecode on disk each would compile torch and its kin anew.
unexport PYTHONDONTWRITEBYTECODE
# It and compiled kernels are kept for this user, as `lse` keeps them, and never beside sources that may be another's.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/latent-space-explorer
export PYTHONPYCACHEPREFIX ?= $(CACHE)/bytecode
export NUMBA_CACHE_DIR ?= $(CACHE)/numba
.DEFAULT_GOAL := help
.PHONY: help setup run test test-cluster images fuzz documents chaos bench lint docs protos baseline triton clean

# Folder in which `make run` keeps everything: catalogue, images, vectors, models.
HOME_DIR ?= lse-home
# Folder of images for `make run`; a simulated survey when empty.
DATA ?=
# Addresses of `make run`. What the shell exports under such usual names is not meant for it, so only the command line counts.
given = $(if $(filter command,$(firstword $(origin $(1)))),$(2) "$($(1))")
# More arguments for pytest, such as ARGS="-k readers".
ARGS ?=
# Two processes; `tests/conftest.py` says which tests stay together.
IN_PARALLEL = -n $(or $(PROCESSES),2) --no-loadscope-reorder
# `yes` measures the coverage of a whole `make test`, which takes half as long again on Python 3.11.
COVERAGE ?= no
# Benchmarks for `make bench`, all but those that take hours when empty.
ONLY ?=

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make or refresh the environment in .venv  [TORCH_BACKEND=cpu|locked] [PYTHON=python3.12]
	@scripts/setup.sh

run: setup ## Open the explorer on a simulated survey or on your own images  [DATA=folder] [HOME_DIR=lse-home] [PORT=5006] [HOST=127.0.0.1] [GRPC_PORT=50051]
	@.venv/bin/lse up --home "$(HOME_DIR)" $(call given,PORT,--dashboard-port) $(call given,HOST,--host) $(call given,GRPC_PORT,--grpc-port) $(if $(DATA),--images "$(DATA)",--demo)

test: setup ## Run all tests  [ARGS="-k name"] [LSE_TEST_DATA=folder of real images] [SYSTEM_PACKAGES=no] [COVERAGE=yes] [PROCESSES=2]
	@scripts/system_packages.sh chromium postgresql nginx || echo "The tests that need them are skipped."
	@UV=scripts/uv.sh scripts/install_triton.sh .triton || echo "The tests that need the Triton server are skipped."
	@! npm --version > /dev/null 2>&1 || scripts/buf.sh --version > /dev/null || echo "The tests that need buf are skipped."
	@! npm --version > /dev/null 2>&1 || scripts/axe.sh > /dev/null || echo "The test that needs axe-core is skipped."
	@scripts/helm.sh version > /dev/null || echo "The tests that need helm are skipped."
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest $(or $(ARGS),$(IN_PARALLEL) $(if $(filter yes,$(COVERAGE)),--cov --cov-report=))

test-cluster: setup ## Install the chart into a real Kubernetes on this machine and use it there, as root  [MINI_KUBE=program]
	@scripts/test_cluster.sh

images: ## Build the container images with podman or docker  [BASE_IMAGE=…] [IMAGE_PREFIX=…] [TORCH_BACKEND=cpu|locked]
	@scripts/images.sh

fuzz: setup ## Try files of every format changed at random, and odd requests of every method  [COUNT=10000] [CALLS=20000]
	@LSE_TEST_FUZZ=$(or $(COUNT),10000) LSE_TEST_CALLS=$(or $(CALLS),20000) .venv/bin/python -m pytest -q --timeout 3600 tests/images/test_fuzz.py tests/services/test_fuzz.py

documents: setup ## Run every command and code block of README and guides that can run here
	@LSE_TEST_DOCUMENTS=1 .venv/bin/python -m pytest -q tests/cli/test_documents_run.py

chaos: setup ## Kill, suspend and cut off processes in the middle of work; goes on where it was stopped  [POINTS=1000] [STORE_POINTS=300] [CHAOS_DIR=.chaos]
	@.venv/bin/python tests/support/chaos.py --points $(or $(POINTS),1000) --store-points $(or $(STORE_POINTS),300) --folder $(or $(CHAOS_DIR),.chaos)

bench: setup ## Run the benchmarks, each against a peer or a limit  [ONLY="vector_search"]
	@.venv/bin/python scripts/run_benchmarks.py $(ONLY)

lint: setup ## Check style, types, import contracts and the protobuf files
	@scripts/lint.sh

docs: setup ## Build the documentation into docs/_build: these pages, the Python API and the gRPC API
	@.venv/bin/python -m sphinx -q -W --keep-going -b html docs docs/_build
	@echo "The documentation is in docs/_build/index.html"

protos: setup ## Generate protos/gen from the protobuf files
	@scripts/protos.sh

baseline: ## Accept the present API as the one that later changes must stay compatible with
	@scripts/buf.sh build --exclude-source-info --output baseline.binpb

triton: ## Put a real Triton server into .triton
	@UV=scripts/uv.sh scripts/install_triton.sh .triton

clean: ## Remove what the tasks made, but neither .venv, .triton nor the home folder
	@rm -rf dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .import_linter_cache benchmarks/results docs/_build docs/reference/grpc docs/reference/python
	@find services dashboards protos tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +
