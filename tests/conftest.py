"""Fixtures that every test may use."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import pytest
import structlog
from hypothesis import settings

from lse.caches import keep_caches

if TYPE_CHECKING:
    from running_services import RunningServices

keep_caches()
# As workers of the product have it: the profiler of a cluster within a test's process can lock that up.
dask.config.set({"distributed.worker.profile.enabled": False})
# For all tests alike: what services log in a test's process never comes between the lines that commands print there.
structlog.configure(logger_factory=structlog.WriteLoggerFactory(sys.__stderr__))

_SECONDS_TO_END = 180
# What shares a running installation stays together, the explorer's tests with one of their own; the longest first.
_TOGETHER = ("tests/e2e/test_explorer", "tests/e2e/test_")

# Machines are noisy, so no example has a deadline; and in the integration the examples are the same in every run: what
# fails there must fail again where it is looked into.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_unconfigure(config: pytest.Config) -> None:
    """A thread that never ends would keep a run from ending, too: then say where each one is, and end as failed."""
    if hasattr(config, "workerinput"):
        return  # one of several processes, which waits for the others and is ended by the first
    faulthandler.dump_traceback_later(_SECONDS_TO_END, exit=True, file=sys.__stderr__)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; a page on a machine that stalls may miss a click, and is tried again."""
    items.sort(key=lambda item: _group(item.nodeid)[0])
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=2))  # what fails each time has failed; the report lists all


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show why a test was tried again, which the runner keeps to itself where the second try passed."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.line("\n".join(report.longreprtext.splitlines()[-60:]))


def _group(nodeid: str) -> tuple[int, str]:
    """When a test is run, and what it shares a process with: its file where nothing else."""
    for place, beginning in enumerate(_TOGETHER):
        if nodeid.startswith(beginning):
            return place, beginning
    return len(_TOGETHER), nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file in one process, and all that share a running installation."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)[1]

    return ByFile(config, log)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real images, or a skip where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LSE_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}: set LSE_TEST_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServices]:
    """The real services, started once for all tests that ask for them."""
    from running_services import running_services

    with running_services(tmp_path_factory.mktemp("services")) as services:
        yield services


@pytest.fixture(scope="session")
def prepared(services: RunningServices) -> str:
    """Project with a dataset, an encoder, an experiment, a projection and a clustering, all called ``first``."""
    services.prepare("prepared")
    return "prepared"
