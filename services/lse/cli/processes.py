"""The commands that start processes: everything on one machine, or the parts of an installation one by one."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer

from lse.cli.failures import SHARED, group
from lse.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from lse.platform.config import Settings
    from lse_dashboard.data.access import Login

__all__ = ["register"]

_OURS = {"lse", "lse_dashboard", "latentspace"}
_EPILOG = (
    "Every option is also a variable and a key of the configuration file: --grpc-port is LSE_GRPC_PORT and grpc_port. "
    "Options win over variables, and variables over the file."
)
_SERVED = ("host", "open_without_login", "log_level", "config")
_READING = ("source_roots", "source_options", "reader_seconds", "reader_memory_mib", "reader_file_mib")
_LOGIN = (
    *("login", "login_issuer", "login_audience", "login_algorithms", "login_clock_skew_seconds"),
    *(
        "login_user_claim",
        "login_groups_claim",
        "login_hub_api",
        "login_hub_scope",
        "login_operators",
        "service_key_file",
        "audit_days",
    ),
    *("quota_images", "quota_bytes", "quota_vectors", "quota_operations", "quota_upload_bytes"),
)
_STORES = (
    *("catalogue_url", "artifacts_url", "artifacts_options", "vectors_url", "compute_url"),
    *("vectors_shards", "vectors_replicas", "vectors_write_consistency", "vectors_quantization", "vectors_memory"),
    *("compute_certificates", "triton_certificates"),
    *("inference", "inference_gpu", "triton_url", "triton_repository", "triton_repository_options", "triton_backend"),
    "triton_shared_memory",
)


def up(
    settings: Settings,
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Then take a simulated survey through the whole chain.")] = False,
    images: Annotated[
        Path | None,
        typer.Option("--images", metavar="FOLDER", help="Then take these images through the whole chain."),
    ] = None,
) -> None:
    """Start everything on this machine.

    The services, their stores, the workers, and the explorer: until Ctrl-C.
    """
    quickstart = None
    if (demo or images is not None) and settings.read_only:
        message = "With --read-only nothing can be made: leave out --demo and --images, or --read-only."
        raise InvalidArgumentError(message, reason="SETTING_NOT_ALLOWED", setting="read_only")
    if demo or images is not None:
        from lse.cli.quickstart import Quickstart

        quickstart = Quickstart(images, settings.home.expanduser().absolute())
        typer.echo("Starting services, workers and explorer …")
    from lse.embedded.up import run
    from lse.platform.ports import HTTP_PORT

    usual = settings if settings.http_port is not None else settings.model_copy(update={"http_port": HTTP_PORT})

    def ready(settled: Settings) -> None:
        shown = "localhost" if settled.host in {"0.0.0.0", "127.0.0.1", "::"} else settled.host  # noqa: S104  # compared
        explorer = f"http://{shown}:{settled.dashboard_port}" if settled.dashboard else ""
        for key, uses in (
            ("grpc_port", "services use"),
            ("http_port", "services use"),
            ("dashboard_port", "explorer uses"),
        ):
            wanted, found = getattr(usual, key), getattr(settled, key)
            if wanted not in {0, found}:
                typer.echo(f"Port {wanted} is taken by another program, so the {uses} port {found}.")
        if quickstart is not None:
            quickstart.run(settled.address, explorer)
            return
        if explorer:
            typer.echo(f"The explorer is at {explorer}")
        home = settled.home.expanduser().absolute()
        alone = ", for this machine alone" if shown == "localhost" and settled.host == "127.0.0.1" else ""
        typer.echo(f"The services are at {shown}:{settled.grpc_port}{alone}, their home is {home}; Ctrl-C stops them.")
        if settled.read_only:
            typer.echo("They read only: nothing of the home is changed.")
        typer.echo(f"By HTTP with JSON they are at http://{shown}:{settled.http_port}, which also describes them.")

    run(settings, images=[images] if images else [], on_ready=ready)
    if quickstart is not None and quickstart.failed:
        raise typer.Exit(1)


def serve(
    settings: Settings,
    *,
    services: Annotated[
        list[str] | None, typer.Argument(metavar="SERVICE", help="Services to serve (default: all).")
    ] = None,
) -> None:
    """Serve the services, or some of them: by gRPC and, where it is given a port, by HTTP with JSON.

    They keep everything in a catalogue, a folder or bucket, a vector store and a Dask cluster, which run already.
    """
    from lse.server import serve as serve_services

    serve_services(settings, services or ())


def explorer(settings: Settings) -> None:
    """Serve the explorer to browsers.

    As a service that a JupyterHub starts it takes address, path and login from the hub.
    """
    from lse.hardware import limit_heaps

    # Its visitors' pictures are drawn in many threads, and what a page needed is to go when it is closed.
    limit_heaps(2)
    from lse.platform.access.jupyterhub import started_by_hub
    from lse.platform.rpc.readiness import serve_metrics
    from lse_dashboard.app import serve as serve_explorer

    settings = started_by_hub(settings, os.environ)
    serve_metrics(settings)

    if settings.token is not None or not _login_required(settings.address):
        # Whoever brings no credentials is shown what this token, or everybody, may see.
        from lse.platform.access.openness import check_open

        check_open(settings, what="explorer")
    serve_explorer(
        services=settings.address,
        token=settings.token.get_secret_value() if settings.token else None,
        project=settings.project,
        host=settings.host,
        port=settings.dashboard_port,
        prefix=settings.dashboard_prefix,
        origins=settings.dashboard_origins,
        login=_explorer_login(settings) if settings.dashboard_client_id else None,
    )


def _explorer_login(settings: Settings) -> Login:
    """Login that the explorer offers to its visitors."""
    from lse.platform.access.discovery import discovered
    from lse.platform.access.jupyterhub import hub_endpoints
    from lse_dashboard.data.access import Login

    by_hub = settings.login == "jupyterhub"
    settings.require("login_hub_api" if by_hub else "login_issuer")
    settings.require("dashboard_client_secret", "dashboard_cookie_secret")
    client, cookies = settings.dashboard_client_secret, settings.dashboard_cookie_secret
    assert client is not None
    assert cookies is not None
    return Login(
        client=settings.dashboard_client_id,
        secret=client.get_secret_value(),
        cookie_secret=cookies.get_secret_value(),
        endpoints=hub_endpoints(settings.login_hub_api) if by_hub else discovered(settings.login_issuer),
        url=settings.dashboard_url,
        # The hub gives the explorer what its operator allows it.
        scopes=() if by_hub else settings.dashboard_scopes,
        # Where a hub sends visitors of a service back by default.
        callback="oauth_callback" if by_hub else "",
        user_key="name" if by_hub else "sub",
    )


def _login_required(address: str) -> bool:
    """Whether services want a token; those that do not answer yet are taken to."""
    from lse.client import connect
    from lse.errors import LseError

    with connect(address, token=lambda: "") as client:
        try:
            return client.access.caller().login_required
        except LseError:
            return True


def vectors(settings: Settings) -> None:
    """Serve a vector store without a Qdrant server.

    It speaks Qdrant's gRPC API, for the calls that the services use; LSE_VECTORS_API_KEY sets a key, there is no TLS.
    """
    import asyncio

    from lse.platform.rpc.readiness import serve_metrics
    from lse.platform.vectors.edge_server import serve_vectors

    serve_metrics(settings)
    asyncio.run(serve_vectors(settings))


def worker(settings: Settings) -> None:
    """Start Dask workers that do the long work of the services.

    They run one task at a time each, in the environment that a training needs.
    """
    from lse.platform.workers import run_workers

    run_workers(settings)


def migrate(settings: Settings) -> None:
    """Bring the schema of the catalogue up to date.

    Needed once before the first start and after an upgrade, while nothing else uses the catalogue.
    """
    from lse.platform.catalogue.catalogue import migrate as migrate_catalogue

    typer.echo(f"The schema of the catalogue is up to date (version {migrate_catalogue(settings)}).")


def issue_token(
    settings: Settings,
    *,
    user: Annotated[str, typer.Argument(metavar="USER", help="Name of the user, as members and operators are named.")],
    days: Annotated[float, typer.Option("--days", min=0, help="Days until it expires.")] = 1.0,
) -> None:
    """Print a token of a user, straight from the catalogue: the first one, where no login makes any.

    Whoever may write to the catalogue may be anybody; others use `lse admin token create`.
    """
    from lse.platform.access.issue import issue_token as issue

    typer.echo(issue(settings, user, days=days))


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    _add(
        app,
        up,
        *("home", "host", "grpc_port", "http_port", "dashboard_port", "inference", "workers", "dashboard"),
        *("triton_dir", "metrics_port", "traces_url", "operation_slots", "outage_seconds", "drain_seconds"),
        *("allow_import_paths", "read_only"),
        *(*_LOGIN, "open_without_login", "log_level", "config"),
        *_READING,
        extra="all",
    )
    _add(
        app,
        serve,
        *(*_STORES, "grpc_port", "http_port", "metrics_port", "traces_url", "peer_address", "instance"),
        *("operation_slots", "outage_seconds", "drain_seconds", "read_only"),
        *("allow_import_paths", *_LOGIN, *_READING, *_SERVED),
        extra="services",
    )
    _add(
        app,
        explorer,
        *("address", "project", "dashboard_port", "dashboard_prefix", "dashboard_origins", "metrics_port", *_SERVED),
        *("login", "login_issuer", "login_hub_api", "dashboard_client_id", "dashboard_scopes", "dashboard_url"),
        extra="dashboard",
    )
    _add(app, vectors, "vectors_root", "vectors_port", "metrics_port", *_SERVED, extra="services,embedded")
    _add(
        app,
        worker,
        *("compute_url", "workers", "scratch", "scheduler_port", "compute_certificates", "metrics_port", *_SERVED),
        extra="services,training",
    )
    _add(app, migrate, "catalogue_url", "config", extra="services")
    _add(app, issue_token, "catalogue_url", "config", extra="services")


def _add(app: typer.Typer, function: Callable[..., None], *keys: str, extra: str) -> None:
    """Add a command whose options are settings.

    The settings are loaded only when the command is called: `lse --help` would wait for their library.
    """
    name = function.__name__.replace("_", "-")

    def run(context: typer.Context) -> None:
        if given := [flag for key, flag in SHARED.items() if key in context.meta]:
            raise InvalidArgumentError(
                f"`lse {name}` takes no {given[0]} before its name: see `lse {name} --help`.", reason="COMMAND_INVALID"
            )
        try:
            command = typer.main.get_command(_program(function, keys))
            command.main(context.args, f"lse {name}", standalone_mode=False)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package in _OURS:
                raise
            raise FailedPreconditionError(
                f"`lse {name}` needs the package {package}, which is not installed: "
                f"install latent-space-explorer[{extra}].",
                reason="PACKAGE_MISSING",
            ) from error

    taken_as_they_are = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(name, help=function.__doc__, context_settings=taken_as_they_are)(run)


def _program(function: Callable[..., None], keys: tuple[str, ...]) -> typer.Typer:
    """A program of one command: the function, with the settings as options beside its own."""
    from lse.platform.config import load_settings
    from lse.platform.logs import configure_logs

    def run(**values: Any) -> None:
        flags = {key: values.pop(key) for key in keys}
        settings = load_settings(**{key: value for key, value in flags.items() if value is not None})
        configure_logs(settings.log_level)
        if settings.traces_url:
            from lse.platform.tracing import configure_tracing

            configure_tracing(settings.traces_url, function.__name__)
        function(settings, **values)

    signature = inspect.signature(function, eval_str=True, locals={"Settings": object})
    own = list(signature.parameters.values())[1:]
    options = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=_option(key), default=None) for key in keys
    ]
    run.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    run.__annotations__ = {}  # typer believes the signature; names in these would be looked up here
    program = group("", shared=False)
    program.command(function.__name__, help=function.__doc__, epilog=_EPILOG)(run)
    return program


def _option(key: str) -> Any:
    """Annotation of the option of a setting; the model of the settings checks its value."""
    from lse.platform.config import Settings

    field = Settings.model_fields[key]
    told, default = field.description or "", field.default
    if isinstance(default, str | int | float | Path) and default != "" and not isinstance(default, bool):
        shown = f"{default:g}" if isinstance(default, float) else default
        told = f"{told.removesuffix('.')} (default: {shown})."
    flag = f"--{key.replace('_', '-')}"
    if field.annotation is bool:
        return Annotated[bool | None, typer.Option(f"{flag}/--no-{flag[2:]}", help=told, show_default=False)]
    metavar = _metavar(field.annotation)
    return Annotated[str | None, typer.Option(flag, metavar=metavar, help=told, show_default=False)]


def _metavar(annotation: Any) -> str:
    parts = list(_parts(annotation))
    choices = [part for part in parts if isinstance(part, str)]
    kinds = {int: "NUMBER", float: "SECONDS", Path: "PATH", dict: "JSON"}
    return "|".join(choices) or next((shown for kind, shown in kinds.items() if kind in parts), "TEXT")


def _parts(annotation: Any) -> Iterator[Any]:
    """An annotation and all that it is made of."""
    yield get_origin(annotation) or annotation
    for part in get_args(annotation):
        yield from _parts(part)
