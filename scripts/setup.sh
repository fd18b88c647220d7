#!/usr/bin/env bash
# Make the environment of the project in .venv, from the pinned versions of requirements.lock.
#
# Running it again is quick: nothing is done until requirements.lock or pyproject.toml change.
#
# PYTHON=…            the interpreter (3.11 to 3.13) instead of the first fit one on the PATH
# TORCH_BACKEND=cpu   the build of torch, as uv names it; cpu leaves the libraries of the GPU out. Later runs keep it.
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

earlier=$(cat $complete 2> /dev/null || true)
backend=${TORCH_BACKEND:-$(sed -n 's/^torch backend: //p' <<< "$earlier")}
wanted="torch backend: ${backend:-locked}
$(cksum requirements.lock pyproject.toml)"
# Whether .venv works, on the version of Python that was asked for.
sound() {
  .venv/bin/python -c "$fits" 2> /dev/null || return 1
  [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" --version 2>&1)" = "$(.venv/bin/python --version)" ]
}
if [ "$earlier" = "$wanted" ] && sound; then exit 0; fi

echo "Setting up .venv, which takes some minutes the first time"
rm -f $complete
if ! sound; then
  python=$(choose_python)
  $uv venv --quiet --clear --no-python-downloads --python "$python" .venv
fi

# In a terminal the progress is shown.
if [ -t 2 ]; then quiet=; else quiet=--quiet; fi
if [ "${backend:-locked}" = locked ]; then
  $uv pip sync $quiet --python .venv/bin/python requirements.lock
else
  # Another build of torch needs other libraries of the GPU, or none: those are resolved, all else is as locked.
  lock=$(mktemp)
  trap 'rm -f "$lock"' EXIT
  grep -vE '^(nvidia-|cuda-|triton==)' requirements.lock > "$lock"
  $uv pip install $quiet --exact --python .venv/bin/python --torch-backend "$backend" --requirements "$lock"
fi
$uv pip install --quiet --python .venv/bin/python --no-deps --editable .
echo "$wanted" > $complete
echo "The environment is ready in .venv ($(.venv/bin/python --version))"
