"""Encoders at work: one interface, served by Triton or by ONNX Runtime in the process.

An encoder is an ONNX file whose graph maps ``images`` (float32, shape (n, channels, height, width), any n) to
``vectors`` (float32, shape (n, dimension)), with its normalisation inside.
"""

from __future__ import annotations

from lse.platform.inference.engine import (
    InferenceEngine,
    InferenceSettings,
    ModelSignature,
    ModelVersion,
)
from lse.platform.inference.engines import open_engine

__all__ = ["InferenceEngine", "InferenceSettings", "ModelSignature", "ModelVersion", "open_engine"]
