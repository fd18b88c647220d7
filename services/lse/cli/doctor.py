"""`lse doctor`: what was checked, what was found, and what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lse.caches import cache_folder
from lse.cli.records import as_data, print_json
from lse.cli.session import Session, service_command
from lse.errors import FailedPreconditionError, LseError
from lse.hardware import usable_cores, visible_gpus

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from lse.platform.config import Settings

__all__ = ["Check", "check_all", "register"]

_DISTRIBUTION = "latent-space-explorer"
_PYTHONS = ((3, 11), (3, 13))
# What each extra is for, and so what does not work without it.
_EXTRAS = {
    "services": "`lse up`, `lse serve` and `lse worker`",
    "embedded": "`lse up` and `lse vectors`",
    "training": "training and importing encoders",
    "dashboard": "`lse explorer`",
}
_SPACE_FAILURE = 2**30
_SPACE_WARNING = 5 * 2**30


@dataclass(frozen=True)
class Check:
    """What was checked and found.

    Attributes
    ----------
    name
        What was checked.
    status
        ``warning`` where only a part of the work is impossible.
    message
        What was found and, where it is not ok, what to do.
    """

    name: str
    status: Literal["ok", "warning", "failure"]
    message: str


def check_all(session: Session, home: Path | None, *, repair: bool) -> Iterator[Check]:
    """All checks, quick ones first; what can be mended in the home is, where that is wanted."""
    yield _python()
    yield from _packages()
    yield _processor()
    yield _gpu()
    yield _caches()
    try:
        from lse.platform.config import load_settings

        settings = load_settings(**({"home": home} if home else {}))
    except ModuleNotFoundError:
        yield Check("settings", "warning", f"Not checked: install {_DISTRIBUTION}[services].")
    except LseError as error:
        yield Check("settings", "failure", error.message)
    else:
        file = f"configuration file {settings.config}" if settings.config else "no configuration file"
        given = sorted(settings.model_fields_set - {"config"})
        yield Check("settings", "ok", f"{file}; set: {', '.join(given) or 'none, all have their defaults'}")
        yield from _folder(settings.home.expanduser().absolute())
        yield from _content(settings.home.expanduser().absolute(), repair=repair)
        yield from _stores(settings)
        yield from _ports(session, settings)
    yield from _services(session)


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    lowest, highest = (".".join(map(str, bound)) for bound in _PYTHONS)
    if _PYTHONS[0] <= sys.version_info[:2] <= _PYTHONS[1]:
        return Check("Python", "ok", f"{version} ({lowest} to {highest} are supported)")
    return Check("Python", "failure", f"{version} is not supported: use {lowest} to {highest}.")


def _packages() -> Iterator[Check]:
    from importlib import metadata

    from packaging.requirements import Requirement

    try:
        requirements = [Requirement(text) for text in metadata.requires(_DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:
        yield Check("packages", "failure", f"The package {_DISTRIBUTION} is not installed: install it with pip or uv.")
        return
    for extra in ("", *_EXTRAS):
        wanted = [one for one in requirements if one.name != _DISTRIBUTION and _belongs(one, extra)]
        wrong = [problem for one in wanted if (problem := _problem(one))]
        name = f"packages for {extra or 'the client'}"
        if not wrong:
            yield Check(name, "ok", f"{len(wanted)} package{'s' * (len(wanted) > 1)} at supported versions")
        elif extra:
            told = f"{', '.join(wrong)}; needed for {_EXTRAS[extra]}: install {_DISTRIBUTION}[{extra}]."
            yield Check(name, "warning", told)
        else:
            yield Check(name, "failure", f"{', '.join(wrong)}: install {_DISTRIBUTION} again.")


def _belongs(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    if marker is None:
        return not extra
    return marker.evaluate({"extra": extra}) and (not extra or not marker.evaluate({"extra": ""}))


def _problem(requirement: Requirement) -> str:
    version = _version(requirement.name)
    if not version:
        return f"{requirement.name} is missing"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} {version} is not {requirement.specifier}"
    return ""


def _version(package: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> Check:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = usable_cores()
    return Check("processor", "ok", f"{cores} core{'s' * (cores > 1)}, {memory / 2**30:,.1f} GiB of memory")


def _gpu() -> Check:
    count = visible_gpus()
    torch = _version("torch")
    if not count:
        return Check("GPU", "ok", "none: everything runs on the processor, and trainings take longer")
    if torch.endswith("+cpu"):
        told = f"{count} found, but PyTorch {torch} cannot use it: run `make setup TORCH_BACKEND=auto`."
        return Check("GPU", "warning", told)
    return Check("GPU", "ok", f"{count} found; trainings use {'it' if count == 1 else 'them'}")


def _caches() -> Check:
    folder = cache_folder()
    if os.access(folder, os.W_OK):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return Check("caches", "ok", f"{folder} keeps compiled code ({size / 2**20:,.0f} MiB)")
    told = f"{folder} cannot be written, so that each start compiles anew: name another folder in XDG_CACHE_HOME."
    return Check("caches", "warning", told)


def _folder(home: Path) -> Iterator[Check]:
    there = home
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        if there == home and not home.is_dir():
            yield Check("home", "failure", f"{home} is not a folder: choose another with --home.")
            return
        with tempfile.TemporaryFile(dir=there):
            pass
        yield Check("home", "ok", f"{home} can be {'written' if there == home else 'made'}")
    except OSError as error:
        told = f"{there} cannot be written ({error.strerror}): correct its permissions or choose another with --home."
        yield Check("home", "failure", told)
    free = shutil.disk_usage(there).free
    space = f"{free / 2**30:,.1f} GiB free for {home}"
    if free < _SPACE_FAILURE:
        yield Check("disk", "failure", f"{space}: make room or choose another place with --home.")
    elif free < _SPACE_WARNING:
        yield Check("disk", "warning", f"{space}: make room before large collections are ingested.")
    else:
        yield Check("disk", "ok", space)


def _content(home: Path, *, repair: bool) -> Iterator[Check]:
    """What is wrong in the home folder."""
    from lse.embedded.home_check import check_home

    if not (home / "catalogue.db").exists():
        return
    name, count = "content of the home", 0
    try:
        for count, finding in enumerate(check_home(home), start=1):
            if finding.mend is None:
                yield Check(f"{name} ({count})", "failure", finding.message)
            elif repair:
                finding.mend()
                yield Check(f"{name} ({count})", "ok", f"mended: {finding.message}")
            else:
                yield Check(f"{name} ({count})", "warning", f"{finding.message} `lse doctor --repair` mends it.")
        if not count:
            yield Check(name, "ok", "files, catalogue and bulk data agree")
    except FailedPreconditionError as error:
        if error.reason != "HOME_IN_USE":
            yield Check(name, "failure", error.message)
        elif repair:
            yield Check(name, "failure", f"{error.message} Only then can it be mended.")
    except LseError as error:
        yield Check(name, "failure", error.message)


def _stores(settings: Settings) -> Iterator[Check]:
    """What `lse serve` uses, where it is set; what `lse up` uses, where nothing is."""
    for name, url, look in (
        ("catalogue", settings.catalogue_url, _look_at_catalogue),
        ("artifacts", settings.artifacts_url, _look_at_artifacts),
        ("vectors", settings.vectors_url, _look_at_vectors),
        ("compute", settings.compute_url, _look_at_compute),
    ):
        if url:
            yield _looked_at(name, settings, look)
    if not settings.vectors_url:
        edge = _version("qdrant-edge-py")
        told = f"Qdrant Edge is missing: install {_DISTRIBUTION}[embedded], or set vectors_url."
        yield (
            Check("vectors", "ok", f"Qdrant Edge {edge}, in the home folder")
            if edge
            else Check("vectors", "warning", told)
        )
    if settings.inference != "onnxruntime":
        yield _looked_at("Triton", settings, _look_at_triton)


def _looked_at(name: str, settings: Settings, look: Callable[[Settings], Check]) -> Check:
    try:
        return look(settings)
    except ModuleNotFoundError as error:
        return Check(name, "warning", f"The package {error.name} is missing: install {_DISTRIBUTION}[all].")
    except LseError as error:
        return Check(name, "failure", error.message)


def _look_at_catalogue(settings: Settings) -> Check:
    from contextlib import closing

    from lse.platform.catalogue import Catalogue

    with closing(Catalogue(settings.catalogue_url)) as catalogue:
        catalogue.require_schema()
        return Check("catalogue", "ok", f"{catalogue.dialect} answers, its schema is up to date")


def _look_at_artifacts(settings: Settings) -> Check:
    from lse.platform.artifacts import Artifacts

    Artifacts(settings.artifacts_url, settings.artifacts_options).resource_folders()
    return Check("artifacts", "ok", f"{settings.artifacts_url} can be read")


def _look_at_vectors(settings: Settings) -> Check:
    from lse.platform.vectors import VectorStore

    key = settings.vectors_api_key
    with VectorStore(settings.vectors_url, api_key=key.get_secret_value() if key else None, timeout=5) as store:
        return Check("vectors", "ok", f"{store.ping()} answers at {store.address}")


def _look_at_compute(settings: Settings) -> Check:
    return _answering("compute", settings.compute_url, "the Dask scheduler", "compute_url")


def _look_at_triton(settings: Settings) -> Check:
    from lse.platform.inference.triton_server import find_triton

    if settings.triton_repository:
        return _answering("Triton", settings.triton_url, "Triton", "triton_url")
    folder = find_triton(settings.triton_dir)
    if folder is None:
        return Check("Triton", "warning", "not installed, so ONNX Runtime runs the encoders; `make triton` installs it")
    return Check("Triton", "ok", f"installed in {folder}")


def _answering(name: str, url: str, what: str, key: str) -> Check:
    from lse.platform.ports import answers

    host, _, port = url.rpartition("://")[2].rpartition(":")
    if port.isdigit() and answers(int(port), host, timeout=5):
        return Check(name, "ok", f"{url} answers")
    return Check(name, "failure", f"{what} does not answer at {url}: start it or correct {key}.")


def _ports(session: Session, settings: Settings) -> Iterator[Check]:
    """Whether `lse up` finds its ports free, where it does not run already."""
    from lse.platform.ports import HTTP_PORT, is_free

    ports = {
        "grpc_port": settings.grpc_port,
        "http_port": HTTP_PORT if settings.http_port is None else settings.http_port,
        "dashboard_port": settings.dashboard_port,
    }
    taken = [key for key, port in ports.items() if not is_free(port, settings.host)]
    told = (
        f"{settings.grpc_port} for the services, {ports['http_port']} for them by HTTP, "
        f"{settings.dashboard_port} for the explorer"
    )
    if not taken:
        yield Check("ports", "ok", f"{told}: all are free")
        return
    try:
        session.client.ping()
        yield Check("ports", "ok", f"{told}: in use while the services run")
    except LseError:
        wrong = " and ".join(str(ports[key]) for key in taken)
        if not settings.model_fields_set & set(taken):
            instead = "a free one" if len(taken) == 1 else "free ones"
            yield Check("ports", "ok", f"{told}: another program uses {wrong}, and `lse up` takes {instead} instead")
            return
        flags = " or ".join(f"--{key.replace('_', '-')}" for key in taken)
        yield Check("ports", "warning", f"{told}: another program uses {wrong}; choose another port with {flags}.")


def _services(session: Session) -> Iterator[Check]:
    try:
        session.client.ping()
        states = session.client.service_states()
    except LseError as error:
        # Nobody said that they run at the default address.
        yield Check("services", "failure" if session.address else "warning", error.message)
        return
    ill = {service: state for service, state in states.items() if state != "serving"}
    if not ill:
        yield Check("services", "ok", f"{len(states)} services answer at {session.client.address}")
    for service, state in ill.items():
        yield Check(service, "failure", state)


_STYLES = {"ok": "green", "warning": "yellow", "failure": "red"}


def doctor(
    session: Session,
    *,
    home: Annotated[
        Path | None, typer.Option("--home", help="Folder in which `lse up` keeps everything (default: ~/.lse).")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended in the home, while `lse up` does not run on it.")
    ] = False,
) -> None:
    """Check this installation, what its settings name, and the services.

    One line per check: what was checked, what was found, and what to do; the status is not zero where a check failed.
    """
    checks = []
    for check in check_all(session, home, repair=repair):
        checks.append(check)
        if not session.as_json:
            status = typer.style(f"{check.status:<8}", fg=_STYLES[check.status])
            typer.echo(f"{status} {check.name:<24} {check.message}")
    if session.as_json:
        print_json(as_data(checks))
    failures = [check.name for check in checks if check.status == "failure"]
    if failures:
        sys.stderr.write(f"{len(failures)} of {len(checks)} checks failed: {', '.join(failures)}.\n")
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    service_command(app, "doctor")(doctor)
