#!/bin/sh
# Fill /opt/lse with what one role needs, in the pinned versions; run by the Dockerfile.
#
#     install-role EXTRAS TORCH_BACKEND [kernels]
set -eu

extras=$1 backend=$2 kernels=${3:-}
# uv reads this variable, and an empty one would hide the certificates of the system.
if [ -s /opt/tools/certificates ]; then SSL_CERT_FILE=$(cat /opt/tools/certificates); export SSL_CERT_FILE; fi
pins=$(mktemp)
# A constraint has no extras; another build of torch brings other libraries of the GPU, or none.
sed -E 's/^([A-Za-z0-9._-]+)\[[^]]*\]/\1/' /src/requirements.lock > "$pins"
if [ "$backend" = locked ]; then
  set --
else
  sed -i -E '/^(nvidia-|cuda-|triton==)/d' "$pins"
  set -- --torch-backend "$backend"
fi
/opt/tools/bin/uv pip install --quiet --python /opt/lse/bin/python --constraints "$pins" "$@" \
  "latent-space-explorer[$extras] @ file://$(echo /opt/tools/wheels/*.whl)"
rm -f "$pins"

site=$(/opt/lse/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# What nothing here uses: tests, headers, other protocols of Arrow, other services of Amazon, ONNX Runtime for C, fonts in
# PDF, and the scripts of widgets that the explorer has not.
find "$site" -mindepth 2 -type d -name tests -not -path "$site/astropy/tests" -prune -exec rm -rf {} +
rm -rf "$site"/pyarrow/include "$site"/pyarrow/src "$site"/pyarrow/*flight* "$site"/pyarrow/libarrow_s3* \
  "$site"/pyarrow/_s3fs* "$site"/onnxruntime/capi/libonnxruntime.so* \
  "$site"/onnxruntime/transformers "$site"/fontTools "$site"/panel/dist/*.map "$site"/panel/dist/dts
for widget in abstractvtkplot aceplot bootstrap4 bootstrap5 deckglplot echarts jsoneditor 'material-components-web*' \
  perspective quillinput 'reveal*' terminal vegaplot; do
  rm -rf "$site"/panel/dist/bundled/$widget
done
if [ -d "$site/botocore/data" ]; then
  find "$site/botocore/data" -mindepth 1 -maxdepth 1 -type d ! -name 's[3st]*' -exec rm -rf {} +
fi
# Libraries that patchelf has changed do not outlive this: those in folders named *.libs, and numba's pools of threads.
find "$site" -type f -name '*.so*' -not -path '*.libs/*' -not -path '*/numba/np/ufunc/*' -exec strip --strip-unneeded {} +
find "$site" -type f -name '*.so*' -exec sh -c 'for one; do ldd "$one" > /dev/null || exit 1; done' sh {} +
/opt/tools/bin/cyclonedx-py environment --output-format JSON --output-file /opt/lse/sbom.cdx.json /opt/lse/bin/python

# Whole seconds: layers keep no more of a time, and Python and numba compare it with that of the source.
find /opt/lse -exec touch -h -d @1700000000 {} +
# What was removed above must not be missed; without the compiler of numba this takes seconds.  Bytecode is kept of what
# is imported here: of all that a role can import it would be a third of its image.
case ,$extras, in
  *,services,*) kernels_of='analysis pointcloud' imports='ingestion encoding projection clustering prediction search annotation access' ;;
  *) kernels_of=pointcloud imports= ;;
esac
NUMBA_DISABLE_JIT=1 /opt/lse/bin/python - $imports << 'PYTHON'
import contextlib, importlib, pkgutil, sys
for service in sys.argv[1:]:
    importlib.import_module(f"lse.services.{service}.service")
if sys.argv[1:]:
    import astropy.io.votable, distributed, fast_hdbscan, lse.server, onnxruntime, openTSNE, zarr
else:
    import lse_dashboard.app
import pyarrow.dataset, pyarrow.parquet
import lse, lse_dashboard
for package in (lse, lse_dashboard):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
        # Other roles have packages that this one lacks.
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(module.name)
PYTHON
if [ -n "$kernels" ]; then
  for package in $kernels_of; do
    NUMBA_CACHE_DIR=/opt/lse/numba /opt/lse/bin/python -c \
      "from lse.$package.compilation import compile_kernels; compile_kernels()"
  done
fi
