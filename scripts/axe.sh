#!/usr/bin/env bash
# Put the pinned axe-core (MPL-2.0, for tests alone) into .tools where it is absent, and print where it is.
set -euo pipefail

cd "$(dirname "$0")/.."
version=4.14.1
home=$PWD/.tools/axe-core-$version
axe=$home/node_modules/axe-core/axe.min.js

if [ ! -f "$axe" ]; then
  mkdir -p "$home"
  echo '*' > .tools/.gitignore
  npm install --prefix "$home" --no-save --no-audit --no-fund --loglevel=error "axe-core@$version" >&2
fi
echo "$axe"
