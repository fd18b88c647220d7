"""An encoder in Triton's Python backend.

This file is copied into the model repository as ``model.py`` and runs in the environment of the Triton server, which
has NumPy and ONNX Runtime and none of this project.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]  # a module of the server


class TritonPythonModel:
    """One instance of a model; the server calls its methods by name."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the ONNX file beside this one.

        Parameters
        ----------
        args
            The server's description of model and instance.
        """
        parameters = json.loads(args["model_config"])["parameters"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(parameters["intra_op_thread_count"]["string_value"])
        options.log_severity_level = 3
        self._slice_size = int(parameters["slice_size"]["string_value"])
        providers: list[Any] = ["CPUExecutionProvider"]
        if args["model_instance_kind"] == "GPU":
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": args["model_instance_device_id"]}))
        path = Path(args["model_repository"], args["model_version"], "model.onnx")
        self._session = onnxruntime.InferenceSession(path, options, providers=providers)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests that the server put together, in runs of the model that fit the caches."""
        inputs = [pb_utils.get_input_tensor_by_name(request, "images").as_numpy() for request in requests]
        # A single request, the usual case of bulk encoding, is not copied.
        batch = inputs[0] if len(inputs) == 1 else np.concatenate(inputs)
        try:
            slices = [batch[start : start + self._slice_size] for start in range(0, len(batch), self._slice_size)]
            vectors = np.concatenate([self._session.run(["vectors"], {"images": part})[0] for part in slices])
        except Exception as error:  # noqa: BLE001 - whatever fails belongs in the answers, the server goes on
            failure = pb_utils.TritonError(f"the model failed: {error}")
            return [pb_utils.InferenceResponse(error=failure) for _ in requests]
        ends = np.cumsum([len(part) for part in inputs])
        return [pb_utils.InferenceResponse([pb_utils.Tensor("vectors", part)]) for part in np.split(vectors, ends[:-1])]
