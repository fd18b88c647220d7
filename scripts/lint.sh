#!/usr/bin/env bash
# Run every check that is no test; all of them, even after one has failed.
set -uo pipefail

cd "$(dirname "$0")/.."
failed=()
check() {
  local name=$1
  shift
  echo "── $name"
  "$@" < /dev/null || failed+=("$name")
}

check "ruff check" .venv/bin/ruff check .
check "ruff format" .venv/bin/ruff format --check .
check "mypy" .venv/bin/mypy
check "import contracts" .venv/bin/lint-imports
check "buf lint" scripts/buf.sh lint
check "buf format" scripts/buf.sh format --diff --exit-code
check "buf breaking" scripts/buf.sh breaking --against baseline.binpb
check "generated code" scripts/protos.sh --check

if [ ${#failed[@]} -gt 0 ]; then
  printf 'lint: failed:'
  printf ' [%s]' "${failed[@]}"
  echo
  exit 1
fi
echo "lint: all checks passed"
