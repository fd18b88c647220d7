"""Which engine a process opens."""

from __future__ import annotations

import atexit
import os
import threading

from lse.platform.inference.engine import InferenceEngine, InferenceSettings

__all__ = ["open_engine"]

_engines: dict[tuple[int, InferenceSettings], InferenceEngine] = {}
_engines_lock = threading.Lock()


def open_engine(settings: InferenceSettings) -> InferenceEngine:
    """Engine of these settings, the same one for all callers in this process.

    It is closed when the process ends; who needs one of their own calls `OnnxRuntimeEngine` or `TritonEngine`.
    """
    # A forked child must not use the connection and threads of its parent.
    key = (os.getpid(), settings)
    with _engines_lock:
        if key not in _engines:
            _engines[key] = _new_engine(settings)
        return _engines[key]


def _new_engine(settings: InferenceSettings) -> InferenceEngine:
    if settings.kind == "triton":
        from lse.platform.inference.triton import TritonEngine

        return TritonEngine(settings)
    from lse.platform.inference.onnxruntime import OnnxRuntimeEngine

    return OnnxRuntimeEngine(settings)


@atexit.register
def _close_engines() -> None:
    for (pid, _), engine in _engines.items():
        if pid == os.getpid():
            engine.close()
    _engines.clear()
