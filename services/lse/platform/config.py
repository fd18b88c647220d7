"""Configuration of every process: command-line flags over ``LSE_…`` variables over one YAML file."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.validation import did_you_mean, joined_faults, validation_fault
from lse.yaml_text import fault_of_yaml, load_yaml

__all__ = ["SECRETS", "Settings", "load_settings"]

# Read by the command line and the client themselves, and no settings of a process.
_OTHER_VARIABLES = {"LSE_DEBUG", "LSE_TOKEN_FILE", "LSE_TOKEN_VARIABLE"}
# What Kubernetes sets in every pod for a Service that is named lse or lse-…, with the form of the value.
_KUBERNETES = (
    (re.compile(r"LSE_(\w+_)?SERVICE_HOST"), re.compile(r"[0-9a-fA-F.:]+|None")),
    (re.compile(r"LSE_(\w+_)?SERVICE_PORT(_\w+)?"), re.compile(r"\d+")),
    (re.compile(r"LSE_(\w+_)?PORT(_\d+_(TCP|UDP|SCTP))?"), re.compile(r"(tcp|udp|sctp)://\S+")),
    (re.compile(r"LSE_(\w+_)?PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)"), re.compile(r".+")),
)

Port = Annotated[int, Field(ge=0, le=65535)]
Json = Annotated[dict[str, Any], NoDecode]
# Of these only the issuer has the key that signs: with HS256 whoever can check a token could make one.
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class Settings(BaseSettings):
    """Settings of all processes; each reads those that it needs.

    A key such as ``grpc_port`` is also the variable ``LSE_GRPC_PORT`` and the flag ``--grpc-port``; secrets have no
    flag (`SECRETS`), since other users of a machine see the flags of a process.  Empty variables count as not set.
    """

    model_config = SettingsConfigDict(env_prefix="LSE_", extra="forbid", frozen=True)

    config: Path | None = Field(default=None, description="YAML file of settings.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is logged."
    )
    host: str = Field(default="127.0.0.1", description="Interface to listen on; 0.0.0.0 for all.")
    grpc_port: Port = Field(default=50051, description="Port of the services; 0 takes a free one.")
    http_port: Port | None = Field(
        default=None, description="Port of the services by HTTP with JSON (default: none; with `lse up` 50080)."
    )
    metrics_port: Port | None = Field(default=None, description="Port of the Prometheus metrics (default: none).")
    traces_url: Annotated[str, Field(pattern=r"^(https?://[^/\s]+:\d+)?$")] = Field(
        default="", description="OpenTelemetry collector, http://HOST:PORT of its OTLP port for gRPC (default: none)."
    )
    instance: str = Field(
        default_factory=socket.gethostname,
        description="Name of this process among its replicas, the same after a restart (default: the host name).",
    )
    peer_address: str = Field(
        default="", description="HOST:PORT at which this process reaches the ingestion service (default: itself)."
    )
    read_only: bool = Field(default=False, description="Answer calls that read, and refuse all others.")
    operation_slots: int = Field(default=4, ge=1, description="Operations that a process works on at a time.")
    drain_seconds: float = Field(
        default=20.0, ge=0, description="Seconds that running calls and jobs have to end after SIGTERM."
    )
    outage_seconds: float = Field(
        default=3600.0,
        ge=0,
        description="Seconds that an operation waits, without coming further, for a database, store or cluster that is "
        "away.",
    )
    allow_import_paths: bool = Field(
        default=False,
        description="Let requests name their own methods and networks by import path, and so run code of this machine "
        "(default: with `lse up` on 127.0.0.1 only).",
    )

    source_roots: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Folders and addresses (s3://BUCKET/PREFIX, https://HOST/PATH), separated by commas, of which "
        "requests may name files; {project} is the id of theirs, * all of this machine, all buckets and the public web "
        "(default: * with `lse up` on 127.0.0.1 without a login, else none).",
    )
    source_options: Json = Field(default_factory=dict, description="As artifacts_options, of buckets of sources.")
    reader_seconds: float = Field(default=60.0, gt=0, description="Seconds that reading one file may take.")
    reader_memory_mib: int = Field(default=4096, ge=64, description="Memory that reading one file may take, in MiB.")
    reader_file_mib: int = Field(default=512, ge=1, description="Largest image file that is read, in MiB.")
    login: Literal["none", "tokens", "oidc", "jupyterhub"] = Field(
        default="none",
        description="How callers prove who they are: none (everybody is the user of the process), tokens that the "
        "services issue, oidc (tokens of login_issuer, and those), or jupyterhub (tokens of the hub, and those).",
    )
    login_issuer: str = Field(
        default="", description="OpenID Connect issuer, https://HOST[/PATH], which publishes its discovery document."
    )
    login_audience: str = Field(default="", description="Audience that the issuer's tokens must be made for.")
    login_algorithms: Annotated[tuple[Algorithm, ...], NoDecode] = Field(
        default=("RS256", "ES256"), description="Signatures of the issuer's tokens that are accepted, comma-separated."
    )
    login_clock_skew_seconds: float = Field(
        default=30.0, ge=0, le=300, description="How far the clocks of issuer and services may differ."
    )
    login_user_claim: str = Field(
        default="sub", description="Claim that names the user, such as sub, preferred_username or email."
    )
    login_groups_claim: str = Field(
        default="groups", description="Claim with the user's groups; dots lead into it, as in realm_access.roles."
    )
    login_hub_api: str = Field(default="", description="Address of the hub's API, such as http://hub:8081/hub/api.")
    login_hub_scope: str = Field(
        default="access:services!service=latent-space-explorer",
        description="Scope that a token of the hub must have.",
    )
    login_operators: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="user:NAME or group:NAME,… who administer the whole installation."
    )
    open_without_login: bool = Field(
        default=False,
        description="Listen beyond this machine although nobody has to log in: for networks of trusted people only.",
    )
    service_key_file: Path | None = Field(
        default=None, description="File of the secret with which services sign what they ask of each other."
    )
    audit_days: int = Field(default=365, ge=1, description="Days for which the audit log is kept.")
    quota_images: int | None = Field(default=None, ge=0, description="Most images of a project (default: no limit).")
    quota_bytes: int | None = Field(
        default=None, ge=0, description="Most bytes of bulk data of a project (default: no limit)."
    )
    quota_vectors: int | None = Field(default=None, ge=0, description="Most vectors of a project (default: no limit).")
    quota_operations: int | None = Field(
        default=None, ge=0, description="Most unfinished operations of a project (default: no limit)."
    )
    quota_upload_bytes: int | None = Field(
        default=None, ge=0, description="Most bytes of an uploaded file (default: 16 GiB)."
    )

    catalogue_url: str = Field(
        default="", repr=False, description="Catalogue: sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE."
    )
    artifacts_url: str = Field(default="", description="Bulk data: file:///FOLDER or s3://BUCKET/PREFIX.")
    artifacts_options: Json = Field(
        default_factory=dict, description="Options of the fsspec file system of the bulk data, as JSON."
    )
    vectors_url: str = Field(
        default="", description="Vector store: http://HOST:PORT or https://HOST:PORT of Qdrant's gRPC port."
    )
    vectors_shards: int | None = Field(
        default=None, ge=1, description="Shards of a new collection (default: the server's)."
    )
    vectors_replicas: int | None = Field(
        default=None, ge=1, description="Copies of each shard of a new collection (default: the server's)."
    )
    vectors_write_consistency: int | None = Field(
        default=None, ge=1, description="Copies that must have a change before it counts (default: the server's)."
    )
    vectors_quantization: Literal["auto", "none", "int8", "turbo", "binary"] = Field(
        default="auto", description="Codes of the vectors of a new collection that a search compares first."
    )
    vectors_memory: Literal["ram", "codes", "disk"] = Field(
        default="ram", description="What of a new collection lies in memory: all, links and codes, or nothing."
    )
    vectors_api_key: SecretStr | None = Field(default=None, description="Key of the Qdrant server.")
    compute_url: str = Field(default="", description="Dask scheduler: tcp://HOST:PORT, or tls://HOST:PORT.")
    compute_certificates: Path | None = Field(
        default=None, description="Folder of ca.pem, cert.pem and key.pem for a Dask scheduler at tls://…."
    )

    inference: Literal["auto", "triton", "onnxruntime"] = Field(
        default="auto", description="Engine that runs encoders; auto takes Triton where it is installed or configured."
    )
    inference_gpu: bool = Field(default=False, description="Run encoders on a GPU.")
    triton_url: str = Field(default="localhost:8001", description="HOST:PORT of Triton's gRPC endpoint.")
    triton_repository: str = Field(
        default="",
        description="Triton's model repository: a folder that services, workers and Triton share, or s3://BUCKET/PREFIX.",
    )
    triton_repository_options: Json = Field(
        default_factory=dict, description="Options of the fsspec file system of a model repository in S3, as JSON."
    )
    triton_backend: Literal["python", "onnxruntime"] = Field(
        default="onnxruntime",
        description="Backend of Triton: onnxruntime of the stock image, python of the one that `make triton` installs.",
    )
    triton_shared_memory: bool = Field(
        default=False,
        description="Let Triton's Python backend read images in the memory of the workers, on the same machine.",
    )
    triton_certificates: Path | None = Field(
        default=None, description="Folder of ca.pem, cert.pem and key.pem for a Triton that asks for certificates."
    )
    triton_dir: Path | None = Field(
        default=None,
        description="Folder of an installed Triton (default: .triton in the working directory or the repository).",
    )

    home: Path = Field(default=Path("~/.lse"), description="Folder in which `lse up` keeps everything.")
    dashboard: bool = Field(default=True, description="Start the explorer.")
    workers: int | None = Field(
        default=None, ge=1, description="Worker processes (default: one per processor core; `lse up` at least two)."
    )
    scheduler_port: Port | None = Field(
        default=None, description="Start a Dask scheduler too, on this port, instead of joining that of compute_url."
    )
    scratch: Path | None = Field(
        default=None, description="Folder for data that workers move out of memory (default: a temporary one)."
    )
    vectors_root: Path | None = Field(default=None, description="Folder of the collections.")
    vectors_port: Port = Field(default=6334, description="Port of the vector server; 0 takes a free one.")

    address: str = Field(default="localhost:50051", description="HOST:PORT of the services.")
    token: SecretStr | None = Field(default=None, description="Token that the explorer sends to the services.")
    project: str | None = Field(default=None, description="Project that the explorer opens first.")
    dashboard_client_id: str = Field(
        default="",
        description="Id of the explorer at login_issuer or the hub: visitors then log in with the explorer itself.",
    )
    dashboard_client_secret: SecretStr | None = Field(
        default=None, description="Secret of the explorer at the issuer, or its token at the hub."
    )
    dashboard_cookie_secret: SecretStr | None = Field(
        default=None, description="Secret that signs the cookies of visitors; the same for all replicas."
    )
    dashboard_scopes: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("openid", "profile", "email"),
        description="Scopes of the login; offline_access renews tokens with most issuers.",
    )
    dashboard_url: str = Field(default="", description="Explorer's address to the issuer (default: the request's).")
    dashboard_port: Port = Field(default=5006, description="Port of the explorer; with `lse up`, 0 takes a free one.")
    dashboard_prefix: str = Field(default="/", description="URL path below which the explorer is served.")
    dashboard_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="HOST[:PORT],… under which browsers reach the explorer, or same: that of the page that asks "
        "(default: its own names on 127.0.0.1, else same).",
    )

    @field_validator("artifacts_options", "source_options", "triton_repository_options", mode="before")
    @classmethod
    def _parse(cls, value: object) -> object:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return value

    @field_validator(
        "dashboard_origins", "dashboard_scopes", "login_algorithms", "login_operators", "source_roots", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over variables, which win over the file."""
        del dotenv_settings, file_secret_settings
        assert isinstance(env_settings, EnvSettingsSource)
        env_settings.env_vars = {name.lower(): value for name, value in _variables().items()}
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, _file_of(init_settings()))

    def require(self, *keys: str) -> None:
        """Raise FailedPreconditionError for those of these settings that are empty."""
        missing = [key for key in keys if not getattr(self, key)]
        sentences = []
        for key in missing:
            told = type(self).model_fields[key].description or ""
            sentences.append(
                f"The setting {key} is missing ({told.rstrip('.')}): set {_variable(key)}, give {_flag(key)}, or "
                f"write {key} into the configuration file."
            )
        if missing:
            raise FailedPreconditionError(" ".join(sentences), reason="SETTING_MISSING", setting=missing[0])


SECRETS = frozenset(key for key, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation))


def load_settings(**flags: Any) -> Settings:
    """Read the settings of this process.

    Parameters
    ----------
    **flags
        Settings given on the command line, which win over variables and file.

    Raises
    ------
    InvalidArgumentError
        If settings are unknown or wrong, all of which it names, or the configuration file cannot be read.

    Examples
    --------
    >>> load_settings(grpc_port=4000).grpc_port
    4000
    """
    path = _file_of(flags)
    faults = _unknown_names(path)
    try:
        settings = Settings(**flags)
    except ValidationError as error:
        wrong: dict[str, InvalidArgumentError] = {}
        for index, each in enumerate(error.errors()):
            key = str(each["loc"][0])
            if each["type"] == "extra_forbidden" or key in wrong:
                continue  # named already
            variable = _variable(key)
            source = _flag(key) if key in flags else variable if variable in _variables() else f"{key} in {path}"
            wrong[key] = validation_fault(
                error,
                Settings.model_json_schema(),
                what="setting",
                subject=source,
                secret=key in SECRETS,
                reason="SETTING_INVALID",
                index=index,
            )
        faults += wrong.values()
    if not faults:
        return settings
    raise joined_faults(faults)


def _unknown_names(path: Path | None) -> list[InvalidArgumentError]:
    """A fault for each variable of the environment and each key of the configuration file that is no setting."""
    given: list[tuple[str, str, Callable[[str], str]]] = [
        *((f"The environment variable {name}", name, _variable) for name in _variables()),
        *((f"'{key}' in {path}", key, str) for key in (_read(path) if path else ())),
    ]
    faults = []
    for what, name, shown in given:
        if name not in map(shown, Settings.model_fields):
            near = did_you_mean(name, map(shown, Settings.model_fields))
            todo = f"{near}{'C' if near else 'c'}orrect its name or remove it."
            faults.append(InvalidArgumentError(f"{what} is not a setting: {todo}", reason="SETTING_UNKNOWN"))
    return faults


def _file_of(flags: Mapping[str, Any]) -> Path | None:
    named = flags.get("config") or os.environ.get("LSE_CONFIG")
    return Path(named) if named else None


def _read(path: Path) -> dict[str, Any]:
    try:
        loaded = load_yaml(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidArgumentError(
            f"The configuration file {path} cannot be read ({fault_of_yaml(error)}): correct it, or name another with "
            "--config or LSE_CONFIG.",
            reason="SETTINGS_UNREADABLE",
        ) from error
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise InvalidArgumentError(
            f"The configuration file {path} does not name settings: write one per line, such as grpc_port: 50051.",
            reason="SETTINGS_UNREADABLE",
        )
    return loaded


def _variables() -> dict[str, str]:
    """Variables of the environment that can only be settings; empty ones count as not set."""
    return {
        name: value
        for name, value in os.environ.items()
        if value
        and name.startswith("LSE_")
        and not name.startswith("LSE_TEST_")
        and name not in _OTHER_VARIABLES
        and not any(names.fullmatch(name) and values.fullmatch(value) for names, values in _KUBERNETES)
    }


def _variable(key: str) -> str:
    return f"LSE_{key.upper()}"


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"
