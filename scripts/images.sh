#!/usr/bin/env bash
# Build the container images with podman, buildah or docker.
#
#     scripts/images.sh [TARGET…]        (default: services explorer worker router)
#
# IMAGE_PREFIX=localhost/lse   their names: PREFIX-TARGET:VERSION
# IMAGE_TAG=…                  their tag (default: the version of the project)
# BASE_IMAGE=…                 what they are built on
# TORCH_BACKEND=cpu            build of torch of the workers: cpu, locked (GPU) or one that uv knows
# KERNELS=                     leave the kernels of UMAP and HDBSCAN to the first use: a quicker build
# BUILDER=podman               program that builds
# CA_FILE=…                    certificates of a proxy that the build goes through
set -euo pipefail

cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
prefix=${IMAGE_PREFIX:-localhost/lse} tag=${IMAGE_TAG:-$version}
for candidate in ${BUILDER:-podman docker}; do
  if command -v "$candidate" > /dev/null; then builder=$candidate; break; fi
done
[ -n "${builder:-}" ] || { echo "images: neither podman nor docker is here; install one of them." >&2; exit 1; }

arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$(git rev-parse HEAD 2> /dev/null || echo unknown)")
arguments+=(--build-arg "TORCH_BACKEND=${TORCH_BACKEND:-cpu}")
arguments+=(--build-arg "KERNELS=${KERNELS-kernels}")
if [ -n "${BASE_IMAGE:-}" ]; then arguments+=(--build-arg "BASE_IMAGE=$BASE_IMAGE"); fi
if [ -n "${CA_FILE:-}" ]; then
  arguments+=(--network=host --build-arg "PIP_CERT=$CA_FILE" --volume "$CA_FILE:$CA_FILE:ro")
fi
# Without it podman drops the instructions that only Docker's format has.
if [ "$builder" = podman ]; then arguments+=(--format docker); fi
[ $# -gt 0 ] || set -- services explorer worker router
for target in "$@"; do
  "$builder" build "${arguments[@]}" --file deploy/images/Dockerfile --target "$target" \
    --tag "$prefix-$target:$tag" .
done
"$builder" images --filter "reference=$prefix-*"
