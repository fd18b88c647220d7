#!/usr/bin/env bash
# Install programs of the system that a task needs and that are not there yet.
#
#     scripts/system_packages.sh THING…        (things: chromium postgresql nginx npm pip)
#
# Installs by apt-get as root or where sudo asks no password; else prints the command to run and ends with status 1.
# SYSTEM_PACKAGES=no never installs.
set -euo pipefail

cd "$(dirname "$0")/.."
distribution=$(. /etc/os-release 2> /dev/null && echo "${ID:-}" || true)

has_chromium() {
  local program
  for program in chromium chromium-browser google-chrome google-chrome-stable; do
    # Ubuntu's chromium-browser may be an empty shell that asks for the snap.
    if "$program" --version > /dev/null 2>&1; then return 0; fi
  done
  program=$(.venv/bin/python -c 'from playwright.sync_api import sync_playwright
with sync_playwright() as p: print(p.chromium.executable_path)' 2> /dev/null) && [ -x "$program" ]
}
has_postgresql() {
  local program
  if command -v postgres > /dev/null; then return 0; fi
  for program in /usr/lib/postgresql/*/bin/postgres; do
    if [ -x "$program" ]; then return 0; fi
  done
  return 1
}
has_nginx() { PATH=$PATH:/usr/sbin command -v nginx > /dev/null; }
has_npm() { npm --version > /dev/null 2>&1; }
has_pip() { python3 -m pip --version > /dev/null 2>&1; }

packages=()
playwright=no
for thing in "$@"; do
  case $thing in
    chromium)
      has_chromium && continue
      # Ubuntu has Chromium as a snap only, which does not run in a container or as root.
      if [ "$distribution" = ubuntu ]; then playwright=yes; else packages+=(chromium fonts-dejavu-core); fi ;;
    postgresql) has_postgresql || packages+=(postgresql) ;;
    nginx) has_nginx || packages+=(nginx-light) ;;
    npm) has_npm || packages+=(npm) ;;
    pip) has_pip || packages+=(python3-pip) ;;
    *) echo "system_packages: there is no thing called $thing" >&2; exit 2 ;;
  esac
done
[ ${#packages[@]} -gt 0 ] || [ $playwright = yes ] || exit 0

as_root=(env DEBIAN_FRONTEND=noninteractive)
may_install() {
  [ "${SYSTEM_PACKAGES:-yes}" != no ] && command -v apt-get > /dev/null || return 1
  [ "$(id -u)" = 0 ] && return 0
  sudo -n true 2> /dev/null && as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive)
}

browser=(.venv/bin/python -m playwright install --with-deps chromium)
status=0
if may_install; then
  if [ ${#packages[@]} -gt 0 ]; then
    echo "Installing ${packages[*]}"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    "${as_root[@]}" apt-get update -qq < /dev/null > "$log" 2>&1 || true # an old list may still do
    "${as_root[@]}" apt-get install --yes -qq --no-install-recommends "${packages[@]}" < /dev/null >> "$log" 2>&1 || {
      tail -20 "$log" >&2
      status=1
    }
  fi
  if [ $playwright = yes ]; then
    echo "Installing Chromium by Playwright"
    "${browser[@]}" < /dev/null || status=1
  fi
else
  status=1
fi
if [ $status -ne 0 ]; then
  echo "Something of this is missing and could not be installed from here: $*. Run:" >&2
  [ ${#packages[@]} -eq 0 ] || echo "    sudo apt-get update && sudo apt-get install --yes --no-install-recommends ${packages[*]}" >&2
  [ $playwright = no ] || echo "    ${browser[*]}" >&2
fi
exit $status
