"""Where compiled Python and compiled kernels are kept between starts."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

__all__ = ["cache_folder", "keep_caches"]


def cache_folder() -> Path:
    """Folder of this user's caches, made where it is missing: ``latent-space-explorer`` in ``XDG_CACHE_HOME``."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "latent-space-explorer"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        folder = Path(tempfile.gettempdir()) / f"latent-space-explorer-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def keep_caches() -> None:
    """Have this process and its children keep what they compile in the cache folder.

    By themselves, Python and numba write beside the sources, which may be another user's environment.  Where the
    environment cannot be written, as in a container image, the bytecode is used that lies there.  The variables
    ``PYTHONPYCACHEPREFIX`` and ``NUMBA_CACHE_DIR`` stay as they are where they are set.
    """
    folder = cache_folder()
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder / "numba"))
    if sys.pycache_prefix is None and os.access(sys.prefix, os.W_OK):
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
