#!/usr/bin/env bash
# Run buf in protos/, and put the pinned one into .tools first where it is absent.
#
#     scripts/buf.sh ARGUMENT…
set -euo pipefail

cd "$(dirname "$0")/.."
version=1.75.0
home=$PWD/.tools/buf-$version
buf=$home/node_modules/.bin/buf

if [ ! -x "$buf" ]; then
  npm --version > /dev/null 2>&1 || scripts/system_packages.sh npm >&2 || {
    echo "buf: npm is missing, which brings the linter of the protobuf files." >&2
    exit 1
  }
  mkdir -p "$home"
  echo '*' > .tools/.gitignore
  npm install --prefix "$home" --no-save --no-audit --no-fund --loglevel=error "@bufbuild/buf@$version" >&2
fi
cd protos
exec "$buf" "$@"
