#!/usr/bin/env bash
# Run uv, and put a private one into .tools first where there is none.
#
#     scripts/uv.sh ARGUMENT…
#
# UV=/path/to/uv chooses another one.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
private=$root/.tools/uv
pin=uv==0.13.9

if [ -n "${UV:-}" ] && [ "$(realpath "$UV")" != "$(realpath "$0")" ]; then exec "$UV" "$@"; fi
if [ -x "$private/bin/uv" ]; then exec "$private/bin/uv" "$@"; fi
# A launcher on the PATH may be there without a program behind it.
if uv --version > /dev/null 2>&1; then exec uv "$@"; fi

python=$(command -v python3) || {
  echo "uv.sh: python3 is missing; install Python 3.11, 3.12 or 3.13 (Debian and Ubuntu: apt-get install python3 python3-pip)." >&2
  exit 1
}
# The Python of Debian and Ubuntu has pip in a package of its own.
if ! "$python" -m pip --version > /dev/null 2>&1; then
  "$root/scripts/system_packages.sh" pip >&2 || exit 1
fi
mkdir -p "$root/.tools"
echo '*' > "$root/.tools/.gitignore"
staging=$(mktemp -d "$root/.tools/uv.XXXXXX")
trap 'rm -rf "$staging"' EXIT
# A target folder leaves the Python of the system as it is, so that its mark as externally managed does not matter.
"$python" -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore \
  --target "$staging" "$pin" >&2
rm -rf "$private"
mv "$staging" "$private"
trap - EXIT
exec "$private/bin/uv" "$@"
