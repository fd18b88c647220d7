"""Versions of the software that a training stands on."""

from __future__ import annotations

import contextlib
import platform
from importlib import metadata

__all__ = ["package_versions"]

_PACKAGES = (
    "latent-space-explorer",
    "torch",
    "torchvision",
    "lightning",
    "lightly",
    "timm",
    "onnx",
    "onnxruntime",
    "numpy",
    "scikit-learn",
    "zarr",
)


def package_versions() -> dict[str, str]:
    """Version of Python and of every package that is installed here, by name."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions
