"""`lse doctor`: what is there, what is missing, and what to do about it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from lse.cli.records import as_data, print_json
from lse.cli.session import Session, service_command
from lse.cli.up import DEFAULT_HOME, Home
from lse.platform.errors import LseError

__all__ = ["Check", "check_all", "register"]

_DISTRIBUTION = "latent-space-explorer"
_PYTHONS = ((3, 11), (3, 13))
# What each extra is for, and so what does not work without it.
_EXTRAS = {
    "services": "`lse up` and service processes",
    "embedded": "`lse up`",
    "training": "training and the import of encoders",
    "dashboard": "the explorer",
}
_SPACE_FAILURE = 2**30
_SPACE_WARNING = 5 * 2**30


@dataclass(frozen=True)
class Check:
    """What was looked at and found.

    Attributes
    ----------
    name
        What was looked at.
    status
        ``warning`` where only a part of the work is impossible.
    message
        What was found and, where it is not ok, what to do.
    """

    name: str
    status: Literal["ok", "warning", "failure"]
    message: str


def check_all(session: Session, home: Path) -> Iterator[Check]:
    """All checks, quick ones first."""
    yield _python()
    yield from _packages()
    yield from _folder(home)
    yield _vectors()
    yield _triton()
    yield from _services(session)


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    lowest, highest = (".".join(map(str, bound)) for bound in _PYTHONS)
    if _PYTHONS[0] <= sys.version_info[:2] <= _PYTHONS[1]:
        return Check("python", "ok", version)
    return Check("python", "failure", f"{version} is not supported: use {lowest} to {highest}.")


def _packages() -> Iterator[Check]:
    from importlib import metadata

    from packaging.requirements import Requirement

    try:
        requirements = [Requirement(text) for text in metadata.requires(_DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:
        yield Check("packages", "failure", f"The package {_DISTRIBUTION} is not installed: install it with pip or uv.")
        return
    for extra in ("", *_EXTRAS):
        wanted = [
            requirement
            for requirement in requirements
            if requirement.name != _DISTRIBUTION and _belongs(requirement, extra)
        ]
        wrong = [problem for requirement in wanted if (problem := _problem(requirement))]
        name = f"packages ({extra})" if extra else "packages"
        if not wrong:
            yield Check(name, "ok", f"{len(wanted)} as they should be")
        elif extra:
            told = f"{', '.join(wrong)}; needed for {_EXTRAS[extra]}: install {_DISTRIBUTION}[{extra}]."
            yield Check(name, "warning", told)
        else:
            yield Check(name, "failure", f"{', '.join(wrong)}: install {_DISTRIBUTION} again.")


def _belongs(requirement: object, extra: str) -> bool:
    marker = getattr(requirement, "marker", None)
    if marker is None:
        return not extra
    return bool(marker.evaluate({"extra": extra})) and (not extra or not marker.evaluate({"extra": ""}))


def _problem(requirement: object) -> str:
    from importlib import metadata

    name, allowed = getattr(requirement, "name", ""), getattr(requirement, "specifier", None)
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    if allowed is not None and not allowed.contains(version, prereleases=True):
        return f"{name} {version} is not {allowed}"
    return ""


def _folder(home: Path) -> Iterator[Check]:
    there = home
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        if there == home and not home.is_dir():
            yield Check("home", "failure", f"{home} is no folder: choose another with --home.")
            return
        with tempfile.TemporaryFile(dir=there):
            pass
        yield Check("home", "ok", f"{home} can be written" if there == home else f"{home} can be made")
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


def _vectors() -> Check:
    from importlib import metadata

    url = os.environ.get("LSE_VECTORS_URL")
    if not url:
        try:
            return Check("vectors", "ok", f"embedded, Qdrant Edge {metadata.version('qdrant-edge-py')}")
        except metadata.PackageNotFoundError:
            told = f"No LSE_VECTORS_URL is set and Qdrant Edge is missing: install {_DISTRIBUTION}[embedded]."
            return Check("vectors", "warning", told)
    host, _, port = url.split("://")[-1].rstrip("/").partition(":")
    try:
        with socket.create_connection((host, int(port or 6334)), timeout=5):
            return Check("vectors", "ok", f"{url} answers")
    except (OSError, ValueError) as error:
        return Check("vectors", "failure", f"{url} does not answer ({error}): start it or correct LSE_VECTORS_URL.")


def _triton() -> Check:
    try:
        from lse.platform.inference.triton_server import find_triton

        folder = find_triton()
    except ModuleNotFoundError as error:
        told = f"The package {error.name} is missing: install {_DISTRIBUTION}[services]."
        return Check("triton", "warning", told)
    except LseError as error:
        return Check("triton", "warning", error.message)
    if folder is None:
        told = "Not found, encoders run on ONNX Runtime: `make triton` installs it."
        return Check("triton", "warning", told)
    return Check("triton", "ok", str(folder))


def _services(session: Session) -> Iterator[Check]:
    try:
        session.client.ping()
    except LseError as error:
        yield Check("services", "failure", error.message)
        if error.code == "UNAVAILABLE" and error.reason != "NOT_SERVING":
            return
    else:
        yield Check("services", "ok", f"{session.client.address} answers")
    for service, state in session.client.service_states().items():
        name = service.split(".")[1]
        if state == "serving":
            yield Check(name, "ok", "serving")
        else:
            told = f"{state.rstrip('.').replace('_', ' ')}: look at the log of the services."
            yield Check(name, "failure", told)


_STYLES = {"ok": "green", "warning": "yellow", "failure": "red"}


def doctor(session: Session, *, home: Home = DEFAULT_HOME) -> None:
    """Check this installation and the services.

    One line a check, with what to do where something is wrong; fails where a check does.
    """
    checks = []
    for check in check_all(session, home.expanduser().absolute()):
        checks.append(check)
        if not session.as_json:
            status = typer.style(f"{check.status:<8}", fg=_STYLES[check.status])
            typer.echo(f"{status} {check.name:<22} {check.message}")
    if session.as_json:
        print_json(as_data(checks))
    failures = [check.name for check in checks if check.status == "failure"]
    if failures:
        told = ", ".join(failures)
        sys.stderr.write(f"{len(failures)} of {len(checks)} checks failed: {told}.\n")
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    service_command(app, "doctor")(doctor)
