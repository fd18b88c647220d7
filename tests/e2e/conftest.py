"""What the end-to-end tests share: a simulated survey, a real installation, a complete experiment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from as_found import left_as_found
from explorer import opened_browser, opened_explorer
from installation import Installation
from lse.client import Client
from survey_steps import make_dataset, make_encoder
from trace_collector import TraceCollector, trace_collector


@pytest.fixture(scope="session")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of 320 simulated images and a file that is none."""
    from lse.demo.survey import simulate_survey

    folder = tmp_path_factory.mktemp("survey") / "demo"
    simulate_survey(folder, count=320, seed=3)
    (folder / "images" / "broken.fits").write_bytes(b"SIMPLE  = not really")
    return folder


@pytest.fixture(scope="session")
def collector() -> Iterator[TraceCollector]:
    """Collector of the traces of the installation."""
    with trace_collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, collector: TraceCollector) -> Iterator[Installation]:
    """A running installation with the explorer, and with Triton where that is installed."""
    home = tmp_path_factory.mktemp("home")
    installation = Installation(home, dashboard=True, inference="auto", traces_url=collector.url)
    installation.start()
    yield installation
    assert installation.stop() == 0


@pytest.fixture(scope="session")
def client(installation: Installation) -> Client:
    """Client of the installation."""
    assert installation.client is not None
    return installation.client


@pytest.fixture(scope="session")
def experiment(client: Client, survey: Path) -> str:
    """Name of a complete experiment: two projections and a clustering."""
    make_dataset(client, survey).wait(timeout=300, show_progress=False)
    make_encoder(client).wait(timeout=500, show_progress=False)
    client.experiments.encode("experiment", dataset="survey", encoder="encoder").wait(timeout=300, show_progress=False)
    running = [
        client.projections.run("flat", experiment="experiment", method="pca"),
        client.projections.run("solid", experiment="experiment", method="pca", components=3),
        client.clusterings.run("kmeans", experiment="experiment", method="kmeans", n_clusters=4),
    ]
    for operation in running:
        operation.wait(timeout=300, show_progress=False)
    return "experiment"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    with opened_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, installation: Installation, client: Client, experiment: str) -> Iterator[Page]:
    """The explorer, open at the experiment; what a test adds there is deleted after it."""
    with left_as_found(client), opened_explorer(browser, installation, experiment) as page:
        yield page
