"""Configuration of a process: ``LSE_…`` variables, or one YAML file named by ``LSE_CONFIG``."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from lse.platform.errors import InvalidArgumentError

__all__ = ["Settings", "load_settings"]

# Variables of the client, the tests and the programs beside the services; all other LSE_ names must be settings.
_OTHER_VARIABLES = {"LSE_ADDRESS", "LSE_CONFIG", "LSE_DEBUG", "LSE_PROJECT", "LSE_TOKEN", "LSE_TRITON_DIR"}


class Settings(BaseSettings):
    """All settings of a service process.

    Attributes
    ----------
    instance
        Name of this process among its replicas, kept over restarts: it takes up its own unfinished operations at once.
    grpc_host, grpc_port
        Where the services listen; port 0 takes a free one.
    peer_address
        Address at which this process reaches the other services; its own when empty.
    metrics_port
        Port of the Prometheus metrics; none when not given.
    catalogue_url
        SQLAlchemy URL of the catalogue, SQLite or PostgreSQL.
    artifacts_url
        Folder of the bulk arrays, ``file://…`` or ``s3://…``.
    artifacts_options
        Further options of its fsspec file system, such as ``endpoint_url``.
    vectors_url
        Address of the Qdrant server (or of the Edge server), its gRPC port included.
    vectors_api_key
        Key of the Qdrant server, where it wants one.
    compute_url
        Address of the Dask scheduler.
    inference
        Engine that serves encoders.
    inference_gpu
        Whether encoders run on a GPU.
    triton_url
        gRPC address of the Triton server.
    triton_repository
        Model repository of Triton, as this process sees it.
    triton_backend
        Backend that runs the ONNX graphs: ``python`` of the wheel, ``onnxruntime`` of the stock image.
    triton_shared_memory
        Whether Triton's Python backend reads images in the memory of this process: it must run on this machine.
    operation_slots
        Operations worked on at a time by this process.
    drain_seconds
        Time that running calls get to end after SIGTERM.
    log_level
        Least severe level that is logged.
    """

    model_config = SettingsConfigDict(env_prefix="LSE_", extra="forbid", frozen=True)

    instance: str = Field(default_factory=socket.gethostname)
    grpc_host: str = "127.0.0.1"
    grpc_port: int = Field(default=50051, ge=0, le=65535)
    peer_address: str = ""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    catalogue_url: str
    artifacts_url: str
    artifacts_options: dict[str, Any] = Field(default_factory=dict)
    vectors_url: str
    vectors_api_key: str | None = Field(default=None, repr=False)
    compute_url: str
    inference: Literal["triton", "onnxruntime"] = "onnxruntime"
    inference_gpu: bool = False
    triton_url: str = "localhost:8001"
    triton_repository: str = ""
    triton_backend: Literal["python", "onnxruntime"] = "onnxruntime"
    triton_shared_memory: bool = False
    operation_slots: int = Field(default=4, ge=1)
    drain_seconds: float = Field(default=20.0, ge=0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let variables win over the file: secrets come by environment."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load_settings(path: Path | None = None, **values: Any) -> Settings:
    """Read the settings of this process.

    Parameters
    ----------
    path
        YAML file; the one named by ``LSE_CONFIG`` when not given, none where that is not set.
    **values
        Settings that stand in neither.

    Raises
    ------
    InvalidArgumentError
        If a setting is unknown, missing or wrong.
    """
    known = {f"LSE_{name.upper()}" for name in Settings.model_fields} | _OTHER_VARIABLES
    for variable in os.environ:
        if variable.startswith("LSE_") and variable not in known and not variable.startswith("LSE_TEST_"):
            raise InvalidArgumentError(
                f"The environment variable {variable} is no setting: remove it or correct its name.",
                reason="UNKNOWN_SETTING",
            )
    path = path or (Path(os.environ["LSE_CONFIG"]) if os.environ.get("LSE_CONFIG") else None)
    if path is not None:
        try:
            loaded = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise InvalidArgumentError(
                f"The configuration file {path} cannot be read ({error}).", reason="UNREADABLE_SETTINGS"
            ) from error
        values = {**(loaded or {}), **values}
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InvalidArgumentError(
            f"Setting '{key}': {first['msg'].lower()}; see `Settings` in lse.platform.config for what is allowed.",
            reason="INVALID_SETTING",
        ) from error
