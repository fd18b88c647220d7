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
# What nothing here imports: tests, headers, other protocols of Arrow, other services of Amazon, ONNX Runtime for C.
find "$site" -mindepth 2 -type d -name tests -not -path "$site/astropy/tests" -prune -exec rm -rf {} +
rm -rf "$site"/pyarrow/include "$site"/pyarrow/src "$site"/pyarrow/*flight* "$site"/pyarrow/libarrow_s3* \
  "$site"/pyarrow/_s3fs* "$site"/onnxruntime/capi/libonnxruntime.so* "$site"/onnxruntime/transformers
if [ -d "$site/botocore/data" ]; then
  find "$site/botocore/data" -mindepth 1 -maxdepth 1 -type d ! -name 's[3st]*' -exec rm -rf {} +
fi
# Libraries that auditwheel has patched lie in folders named *.libs, and do not outlive this.
find "$site" -type f -name '*.so*' -not -path '*.libs/*' -exec strip --strip-unneeded {} +
/opt/tools/bin/cyclonedx-py environment --output-format JSON --output-file /opt/lse/sbom.cdx.json /opt/lse/bin/python

# Whole seconds: layers keep no more of a time, and numba compares it with that of the source.
find /opt/lse -exec touch -h -d @1700000000 {} +
/opt/lse/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash "$site"
# What was removed above must not be missed; without the compiler of numba this takes seconds.
case ,$extras, in
  *,services,*) imports='ingestion encoding projection clustering prediction search annotation access' ;;
  *) imports= ;;
esac
NUMBA_DISABLE_JIT=1 /opt/lse/bin/python - $imports << 'PYTHON'
import importlib, sys
for service in sys.argv[1:]:
    importlib.import_module(f"lse.services.{service}.service")
if sys.argv[1:]:
    import astropy.io.votable, distributed, fast_hdbscan, lse.server, onnxruntime, openTSNE, zarr
else:
    import lse_dashboard.app
import pyarrow.dataset, pyarrow.parquet
PYTHON
if [ -n "$kernels" ]; then
  NUMBA_CACHE_DIR=/opt/lse/numba /opt/lse/bin/python -c \
    'from lse.analysis.compilation import compile_kernels; compile_kernels()'
fi
