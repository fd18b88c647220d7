#!/usr/bin/env bash
# Generate protos/gen from the protobuf files, or compare it with what they would generate.
#
#     scripts/protos.sh [--check]
set -euo pipefail

cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

mapfile -t files < <(cd protos && find latentspace -name '*.proto' | LC_ALL=C sort)
"$bin/python" -m grpc_tools.protoc -I protos -I protos/third_party \
  --plugin=protoc-gen-mypy="$bin/protoc-gen-mypy" --plugin=protoc-gen-mypy_grpc="$bin/protoc-gen-mypy_grpc" \
  --include_imports --include_source_info --descriptor_set_out="$out/api.binpb" --python_out="$out" --grpc_python_out="$out" --mypy_out=quiet:"$out" --mypy_grpc_out=quiet:"$out" "${files[@]}"

# Type checkers of other projects read the generated .pyi only where this says so (PEP 561).
touch "$out/latentspace/py.typed"

case ${1:-} in
  '')
    mkdir -p protos/gen
    rm -rf protos/gen/latentspace
    mv "$out/latentspace" protos/gen/latentspace
    mv "$out/api.binpb" protos/gen/latentspace/api.binpb
    echo "Generated protos/gen from ${#files[@]} files" ;;
  --check)
    mv "$out/api.binpb" "$out/latentspace/api.binpb"
    if ! diff -r --brief --exclude=__pycache__ protos/gen "$out"; then
      echo "protos: protos/gen is not what the protobuf files generate; run: make protos" >&2
      exit 1
    fi ;;
  *) echo "protos: the only option is --check" >&2; exit 2 ;;
esac
