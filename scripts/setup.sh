#!/usr/bin/env bash
# Make the environment of the project in .venv, from the pinned versions of requirements.lock.
#
# Running it again is quick: nothing is done until requirements.lock or pyproject.toml change.
#
# PYTHON=…            the interpreter (3.11 to 3.13) instead of the first fit one on the PATH
# TORCH_BACKEND=…     the build of PyTorch: cpu leaves the libraries of the GPU out (4.5 GB), locked has them, and others
#                     are named as uv does. When it is not given, cpu without a GPU, else locked. Later runs keep it.
set -euo pipefail

cd "$(dirname "$0")/.."
uv=scripts/uv.sh
complete=.venv/installed.txt
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

fail() {
  echo "setup: $*" >&2
  exit 1
}

# Print the path of the interpreter to build the environment on.
choose_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then
    "$PYTHON" -c "$fits" 2> /dev/null || fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13 that runs; name another."
    "$PYTHON" -c 'import sys; print(sys.executable)'
    return
  fi
  for candidate in python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c "$fits" 2> /dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  $uv python find --no-python-downloads '>=3.11,<3.14' 2> /dev/null \
    || fail "no Python 3.11, 3.12 or 3.13 was found; install one (Debian and Ubuntu: apt-get install python3) or name it with PYTHON=…"
}

# Print the build of PyTorch that suits this machine, and say why.
choose_backend() {
  local pins
  if [ "$(uname -s)" != Linux ] || compgen -G '/dev/nvidia[0-9]*' > /dev/null || nvidia-smi > /dev/null 2>&1; then
    echo "PyTorch: the build of requirements.lock" >&2
    echo locked
    return
  fi
  # Builds without GPU libraries have an index of their own, which not every network reaches.
  pins=$(grep -E '^torch(vision)?==' requirements.lock | sed 's/[ ;].*//')
  # shellcheck disable=SC2086  # two words
  if UV_HTTP_TIMEOUT=10 UV_HTTP_RETRIES=1 $uv pip install --quiet --dry-run --no-deps --torch-backend cpu \
    --python .venv/bin/python $pins > /dev/null 2>&1; then
    echo "PyTorch: the build without GPU libraries, as there is no GPU here; TORCH_BACKEND=locked takes the other" >&2
    echo cpu
  else
    echo "PyTorch: the build of requirements.lock with GPU libraries; there is no GPU here, but the index of the builds" \
      "without them cannot be reached" >&2
    echo locked
  fi
}

earlier=$(cat $complete 2> /dev/null || true)
backend=${TORCH_BACKEND:-$(sed -n 's/^torch backend: //p' <<< "$earlier")}
pinned=$(cksum requirements.lock pyproject.toml)
# Whether .venv works, on the version of Python that was asked for.
sound() {
  .venv/bin/python -c "$fits" 2> /dev/null || return 1
  [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" --version 2>&1)" = "$(.venv/bin/python --version)" ]
}
if [ "$earlier" = "torch backend: $backend
$pinned" ] && sound; then exit 0; fi

echo "Setting up .venv, which takes some minutes the first time"
rm -f $complete
if ! sound; then
  python=$(choose_python)
  $uv venv --quiet --clear --no-python-downloads --python "$python" .venv
fi

backend=${backend:-$(choose_backend)}
# In a terminal the progress is shown.
if [ -t 2 ]; then quiet=; else quiet=--quiet; fi
if [ "$backend" = locked ]; then
  $uv pip sync $quiet --python .venv/bin/python requirements.lock
else
  # Another build of torch needs other libraries of the GPU, or none: those are resolved, all else is as locked.
  lock=$(mktemp)
  trap 'rm -f "$lock"' EXIT
  grep -vE '^(nvidia-|cuda-|triton==)' requirements.lock > "$lock"
  $uv pip install $quiet --exact --python .venv/bin/python --torch-backend "$backend" --requirements "$lock" \
    || fail "the build '$backend' of PyTorch could not be installed; TORCH_BACKEND=locked takes that of requirements.lock."
fi
$uv pip install --quiet --python .venv/bin/python --no-deps --editable .
echo "Compiling the kernels of UMAP, HDBSCAN, large neighbour graphs and point clouds, once for this machine"
.venv/bin/python -c 'from lse.caches import keep_caches; keep_caches()
from lse.analysis.compilation import compile_kernels; compile_kernels()
from lse.pointcloud.compilation import compile_kernels; compile_kernels()' 2> /dev/null \
  || echo "The kernels could not be compiled now: the first map and the first clustering will take longer."
printf 'torch backend: %s\n%s\n' "$backend" "$pinned" > $complete
echo "The environment is ready in .venv ($(.venv/bin/python --version))"
