"""The model repository of a Triton server: one folder a model version, complete or not there.

Each version is a Triton model of its own, ``<name>.v<version>/<version>/model.onnx``: a version comes and goes with one
rename, without touching the others, and two versions may differ in their shapes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from lse.platform.errors import ResourceExhaustedError
from lse.platform.inference.engine import InferenceSettings, ModelSignature, ModelVersion, version_taken
from lse.platform.inference.onnx_model import ModelFile

__all__ = ["IN_MEMORY", "ModelRepository", "model_config", "model_of", "triton_name"]

# Triton lists every folder of a repository as a model; what is being written waits under this one.
_INCOMING = ".incoming"

# Input of our backend that stands for images in memory of the client, see `triton_backend`.
IN_MEMORY = "in_memory"


def triton_name(model: ModelVersion) -> str:
    """Name of a model version in Triton, where a name is a folder."""
    return f"{model.name.replace('/', '.')}.v{model.version}"


def model_of(name: str) -> ModelVersion | None:
    """Model version of a name in Triton, None where it is not one of ours."""
    found = re.fullmatch(r"([A-Za-z0-9_.-]+)\.v([1-9][0-9]*)", name)
    return ModelVersion(found[1].replace(".", "/"), int(found[2])) if found else None


def model_config(model: ModelVersion, signature: ModelSignature, settings: InferenceSettings) -> str:
    """Content of ``config.pbtxt``.

    Parameters
    ----------
    model
        Name and version.
    signature
        Shapes of the encoder.
    settings
        Backend, batch size, instances and threads.
    """
    ours = settings.backend == "python"
    images = {"name": "images", "data_type": "TYPE_FP32", "dims": signature.image_shape, "optional": ours}
    in_memory = {"name": IN_MEMORY, "data_type": "TYPE_UINT8", "dims": [1], "optional": True}
    config = model_config_pb2.ModelConfig(
        name=triton_name(model),
        backend=settings.backend,
        # Also what the server may put together of several requests, so that large images do not fill its memory.
        max_batch_size=settings.batch_size(signature),
        input=[images, in_memory] if ours else [images],
        output=[{"name": "vectors", "data_type": "TYPE_FP32", "dims": [signature.dimension]}],
        # Requests that wait are put together; none waits for others to come.
        dynamic_batching={},
        instance_group=[{"count": settings.instance_count, "kind": "KIND_GPU" if settings.gpu else "KIND_CPU"}],
        parameters={
            # Both backends read the same key: ours in `triton_backend`, Triton's own by its documentation.
            "intra_op_thread_count": {"string_value": str(settings.thread_count)},
            # Only ours reads this one.
            "slice_size": {"string_value": str(settings.slice_size(signature))},
        },
    )
    text: str = text_format.MessageToString(config)
    return text


class ModelRepository:
    """Folders of models that a Triton server reads.

    Parameters
    ----------
    folder
        Folder on this machine or a volume shared with the server's, made where it is missing.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def versions(self, name: str) -> list[ModelVersion]:
        """Versions of a model kept here, sorted."""
        found = (model_of(folder.name) for folder in self.folder.iterdir())
        return sorted(model for model in found if model is not None and model.name == name)

    def digest(self, model: ModelVersion) -> str | None:
        """SHA-256 of the ONNX file kept for a model, None where there is no such model."""
        try:
            return hashlib.sha256(self._onnx_of(model).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def signature(self, model: ModelVersion) -> ModelSignature | None:
        """Shapes of a model kept here, None where there is no such model."""
        try:
            text = (self._folder_of(model) / "config.pbtxt").read_text()
        except FileNotFoundError:
            return None
        config = text_format.Parse(text, model_config_pb2.ModelConfig())
        channels, height, width = config.input[0].dims
        return ModelSignature(image_shape=(channels, height, width), dimension=config.output[0].dims[0])

    def put(self, model: ModelVersion, file: ModelFile, config: str) -> bool:
        """Keep a model; return whether anything had to be written.

        Parameters
        ----------
        model
            Name and version.
        file
            The ONNX file.
        config
            Content of ``config.pbtxt``, see `model_config`.

        Raises
        ------
        AlreadyExistsError
            If another file is kept under this name and version.
        ResourceExhaustedError
            If the disk is full.
        """
        backend = Path(__file__).with_name("triton_backend.py").read_bytes()
        contents = {"config.pbtxt": config.encode(), f"{model.version}/model.py": backend}
        with self._incoming() as incoming:
            if not self._folder_of(model).exists():
                new = incoming / "model"
                for name, content in {**contents, f"{model.version}/model.onnx": file.content}.items():
                    _write(new / name, content)
                # Fails where another process was quicker; its model is then looked at as any that was there before.
                with suppress(OSError):
                    new.rename(self._folder_of(model))
                    return True
            if self.digest(model) != file.digest:
                raise version_taken(model, file.source)
            changed = False
            for name, content in contents.items():
                kept = self._folder_of(model) / name
                if kept.read_bytes() != content:
                    _write(incoming / name, content)
                    (incoming / name).replace(kept)
                    changed = True
            return changed

    def remove(self, model: ModelVersion) -> None:
        """Forget a model, in one step for whoever reads the repository."""
        with self._incoming() as incoming, suppress(FileNotFoundError):
            self._folder_of(model).rename(incoming / "model")

    @contextmanager
    def _incoming(self) -> Iterator[Path]:
        parent = self.folder / _INCOMING
        parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as name:
            yield Path(name)

    def _folder_of(self, model: ModelVersion) -> Path:
        return self.folder / triton_name(model)

    def _onnx_of(self, model: ModelVersion) -> Path:
        return self._folder_of(model) / str(model.version) / "model.onnx"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_bytes(content)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ResourceExhaustedError(
            f"The disk of the model repository {path.parent} is full; free some space and load the model again.",
            reason="DISK_FULL",
            folder=path.parent,
        ) from error
