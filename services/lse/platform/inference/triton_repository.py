"""The model repository of a Triton server: one folder a model version, complete or not there.

Each version is a Triton model of its own, ``<name>.v<version>/<version>/model.onnx``: a version comes and goes with one
rename, without touching the others, and two versions may differ in their shapes.  In a bucket, which has no renames, a
version is there once its configuration is, which is written last and removed first.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from lse.errors import ResourceExhaustedError
from lse.platform.inference.engine import InferenceSettings, ModelSignature, ModelVersion, version_taken
from lse.platform.inference.onnx_model import ModelFile

__all__ = ["IN_MEMORY", "ModelRepository", "model_config", "model_of", "triton_name"]

# Triton lists every folder of a repository as a model; what is being written waits under this one.
_INCOMING = ".incoming"

_CONFIG = "config.pbtxt"

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
    place
        Folder on this machine or a volume shared with the server's, made where it is missing; or ``s3://BUCKET/PREFIX``.
    options
        Options of the fsspec file system of a bucket.
    """

    def __init__(self, place: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> None:
        url = os.fspath(place)
        self._local = None if url.startswith("s3://") else Path(url.removeprefix("file://"))
        # Other processes change the repository: a listing of some seconds ago is no answer.
        given = {"use_listings_cache": False, **(options or {})} if self._local is None else {}
        self._files, self._root = fsspec.url_to_fs(url if self._local is None else str(self._local), **given)
        if self._local is not None:
            self._local.mkdir(parents=True, exist_ok=True)

    def versions(self, name: str) -> list[ModelVersion]:
        """Versions of a model kept here, sorted."""
        try:
            folders = self._files.ls(self._root, detail=False)
        except FileNotFoundError:  # a bucket has no empty folders
            return []
        found = (model_of(folder.rstrip("/").rsplit("/", 1)[-1]) for folder in folders)
        return sorted(model for model in found if model is not None and model.name == name)

    def digest(self, model: ModelVersion) -> str | None:
        """SHA-256 of the ONNX file kept for a model, None where there is no such model."""
        if self._read(model, _CONFIG) is None:
            return None
        kept = self._read(model, f"{model.version}/model.sha256")
        if kept is not None:
            return kept.decode()
        content = self._read(model, f"{model.version}/model.onnx")
        return None if content is None else hashlib.sha256(content).hexdigest()

    def signature(self, model: ModelVersion) -> ModelSignature | None:
        """Shapes of a model kept here, None where there is no such model."""
        text = self._read(model, _CONFIG)
        if text is None:
            return None
        config = text_format.Parse(text.decode(), model_config_pb2.ModelConfig())
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
        # In the order in which a bucket gets them.
        changing = {f"{model.version}/model.py": backend, _CONFIG: config.encode()}
        lasting = {
            f"{model.version}/model.onnx": file.content,
            f"{model.version}/model.sha256": file.digest.encode(),
        }
        digest = self.digest(model)
        if digest is None and self._add(model, {**lasting, **changing}):
            return True
        if (digest or self.digest(model)) != file.digest:
            raise version_taken(model, file.source)
        changed = {name: content for name, content in changing.items() if self._read(model, name) != content}
        for name, content in changed.items():
            self._replace(model, name, content)
        return bool(changed)

    def remove(self, model: ModelVersion) -> None:
        """Forget a model, in one step for whoever reads the repository."""
        with suppress(FileNotFoundError):
            if self._local is not None:
                with self._incoming() as incoming:
                    (self._local / triton_name(model)).rename(incoming / "model")
            else:
                self._files.rm_file(self._path(model, _CONFIG))
                self._files.rm(self._path(model), recursive=True)

    def _add(self, model: ModelVersion, contents: Mapping[str, bytes]) -> bool:
        """Write a new model; False where another process was quicker."""
        if self._local is None:
            for name, content in contents.items():
                self._replace(model, name, content)
            return True
        with self._incoming() as incoming:
            new = incoming / "model"
            for name, content in contents.items():
                _write(new / name, content)
            # Fails where there is one; it is then looked at as any that was there before.
            with suppress(OSError):
                new.rename(self._local / triton_name(model))
                return True
        return False

    def _replace(self, model: ModelVersion, name: str, content: bytes) -> None:
        if self._local is None:
            self._files.pipe_file(self._path(model, name), content)
            return
        with self._incoming() as incoming:
            _write(incoming / "new", content)
            (incoming / "new").replace(self._local / triton_name(model) / name)

    def _read(self, model: ModelVersion, name: str) -> bytes | None:
        try:
            content: bytes = self._files.cat_file(self._path(model, name))
        except FileNotFoundError:
            return None
        return content

    def _path(self, model: ModelVersion, name: str = "") -> str:
        return "/".join(part for part in (self._root.rstrip("/"), triton_name(model), name) if part)

    @contextmanager
    def _incoming(self) -> Iterator[Path]:
        assert self._local is not None
        parent = self._local / _INCOMING
        parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as name:
            yield Path(name)


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
