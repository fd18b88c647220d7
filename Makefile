# Every task of the project. `make` alone lists them.

SHELL := /bin/bash
# Every service, worker and test is a Python of its own: without bytecode on disk each would compile torch and its kin anew.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help setup run test bench lint protos triton clean

# Folder in which `make run` keeps everything: catalogue, images, vectors, models.
HOME_DIR ?= lse-home
# Folder of images for `make run`; a simulated survey when empty.
DATA ?=
# More arguments for pytest, such as ARGS="-k readers".
ARGS ?=
# Benchmarks for `make bench`, all but those that take hours when empty.
ONLY ?=

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make or refresh the environment in .venv  [TORCH_BACKEND=cpu] [PYTHON=python3.12]
	@scripts/setup.sh

run: setup ## Open the explorer on a simulated survey or on your own images  [DATA=folder] [HOME_DIR=lse-home]
	@.venv/bin/python -m lse.embedded.quickstart --home "$(HOME_DIR)" $(if $(DATA),--data "$(DATA)")

test: setup ## Run all tests  [ARGS="-k name"] [LSE_TEST_DATA=folder of real images] [SYSTEM_PACKAGES=no]
	@scripts/system_packages.sh chromium postgresql || echo "The tests that need them are skipped."
	@UV=scripts/uv.sh scripts/install_triton.sh .triton || echo "The tests that need the Triton server are skipped."
	@! npm --version > /dev/null 2>&1 || scripts/buf.sh --version > /dev/null || echo "The tests that need buf are skipped."
	@.venv/bin/python -m pytest $(ARGS)

bench: setup ## Run the benchmarks, each against a peer or a limit  [ONLY="vector_search"]
	@.venv/bin/python scripts/run_benchmarks.py $(ONLY)

lint: setup ## Check style, types, import contracts and the protobuf files
	@scripts/lint.sh

protos: setup ## Generate protos/gen from the protobuf files
	@scripts/protos.sh

triton: ## Put a real Triton server into .triton
	@UV=scripts/uv.sh scripts/install_triton.sh .triton

clean: ## Remove what the tasks made, but neither .venv, .triton nor the home folder
	@rm -rf dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache benchmarks/results
	@find services dashboards protos tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +
