#!/usr/bin/env bash
# Run JupyterHub's proxy for the tests, and put the pinned one into .tools first where it is absent.
#
#     scripts/hub_proxy.sh ARGUMENT…
set -euo pipefail

version=5.3.0
home=$(cd "$(dirname "$0")/.." && pwd)/.tools/hub-proxy-$version
proxy=$home/node_modules/.bin/configurable-http-proxy

if [ ! -x "$proxy" ]; then
  npm --version > /dev/null 2>&1 || {
    echo "hub_proxy: npm is missing, which brings JupyterHub's proxy." >&2
    exit 1
  }
  mkdir -p "$home"
  echo '*' > "$home/../.gitignore"
  npm install --prefix "$home" --no-save --no-audit --no-fund --loglevel=error "configurable-http-proxy@$version" >&2
fi
exec "$proxy" "$@"
