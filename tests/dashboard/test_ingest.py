"""Images become a dataset from the page: files that are dropped, a preview that follows, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from lse.errors import InvalidArgumentError, LseError
from lse.images.recipe import load_recipe
from lse_dashboard import wording
from lse_dashboard.data.downloads import Offers
from lse_dashboard.data.libraries import Libraries
from lse_dashboard.data.recipes import choices_of, with_choices
from lse_dashboard.data.uploads import Uploads
from lse_dashboard.server import handlers
from lse_dashboard.state.background import immediately
from lse_dashboard.state.ingest import Ingest
from lse_dashboard.state.operations import Operations

_WORDS = wording.Ingest
RECIPE = load_recipe({"size": 32, "crop": 48, "stretch": {"kind": "asinh", "limits": "percentile"}}).to_yaml()


class Datasets:
    """Datasets of a project: what was asked of them, and what they answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def list(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(id="taken"), SimpleNamespace(id="images")]

    def preview_upload(self, files: dict[str, Path], *, recipe: str | None, count: int, **_: Any) -> SimpleNamespace:
        self.asked.append(("preview", (sorted(files), recipe)))
        if recipe is not None:
            load_recipe(recipe)
        return SimpleNamespace(
            recipe=recipe or RECIPE, notes=("Because.",), images=(), source_count=len(files), catalogue=None
        )

    def upload(self, name: str, files: dict[str, Path], *, recipe: str, catalogue: Path | None = None, **_: Any) -> Any:
        content = {key: path.read_bytes() for key, path in files.items()}
        self.asked.append(("upload", (name, content, load_recipe(recipe).size, catalogue and catalogue.name)))
        done = SimpleNamespace(stage="", waiting_for="", done=0, total=0, unit="", rate=0.0, metrics={})
        target = f"projects/p/datasets/{name}"
        return SimpleNamespace(
            name="o", kind="ImportDataset", target=target, state="running", last_progress=done, error=None
        )


@pytest.fixture
def datasets() -> Datasets:
    return Datasets()


@pytest.fixture
def uploads() -> Uploads:
    return Uploads()


@pytest.fixture
def ingest(datasets: Datasets, uploads: Uploads) -> Ingest:
    library: Any = SimpleNamespace(client=lambda _: SimpleNamespace(datasets=datasets))
    found = Ingest(library, immediately, Operations(library, immediately), uploads)
    found.open("p")
    return found


def put(ingest: Ingest, name: str, content: bytes = b"pixels") -> None:
    arriving = ingest.upload.begin(name, len(content))
    arriving.file.write(content)
    ingest.upload.end(arriving)


def folder_of(ingest: Ingest) -> Path:
    return next(iter(ingest.upload.files.values())).parent


def test_files_are_previewed_and_become_a_dataset(ingest: Ingest, datasets: Datasets) -> None:
    put(ingest, "My Galaxies/a 1.fits")
    put(ingest, "My Galaxies/deep/b.fits")
    put(ingest, "My Galaxies/table.csv", b"name,z\n")
    ingest.arrived()
    assert (ingest.problem, ingest.notes, ingest.suggested_name) == ("", ("Because.",), "my-galaxies")
    ingest.choose(**{**choices_of(RECIPE), "size": "64", "crop": ""})
    shown = load_recipe(ingest.preview.recipe)
    assert (shown.size, shown.crop, shown.stretch.kind) == (64, None, "asinh")
    assert ingest.notes == ("Because.",)
    folder = folder_of(ingest)
    ingest.start("mine")
    content = {"a 1.fits": b"pixels", "deep/b.fits": b"pixels"}
    assert datasets.asked[-1] == ("upload", ("mine", content, 64, "table.csv"))
    assert ingest.row is not None
    assert ingest.row.target_id == "mine"
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "problem"), [("", _WORDS.UNNAMED), (" ", _WORDS.UNNAMED), ("taken", _WORDS.TAKEN.format(name="taken"))]
)
def test_a_name_is_needed_before_anything_is_sent(ingest: Ingest, datasets: Datasets, name: str, problem: str) -> None:
    put(ingest, "a.fits")
    ingest.arrived()
    ingest.start(name)
    assert ingest.problem == problem
    assert [what for what, _ in datasets.asked] == ["preview"]
    # The files are still there, for another name.
    assert folder_of(ingest).exists()


def test_what_was_given_up_is_removed(ingest: Ingest, uploads: Uploads) -> None:
    put(ingest, "a.fits")
    ingest.arrived()
    key, folder = ingest.upload.key, folder_of(ingest)
    ingest.close()
    assert not folder.exists()
    with pytest.raises(LseError):
        uploads.find(key)
    assert ingest.preview is None


def test_what_is_no_collection_of_images_is_refused(ingest: Ingest) -> None:
    put(ingest, "notes.csv")
    ingest.arrived()
    assert ingest.problem == _WORDS.NO_IMAGES
    put(ingest, "a.fits")
    put(ingest, "other.csv")
    ingest.arrived()
    assert ingest.problem == _WORDS.TWO_TABLES.format(count=2)
    ingest.arrived("The disk is full.")
    assert ingest.problem == "The disk is full."


@pytest.mark.parametrize("name", ["", "../a.fits", "/etc/a.fits", "a/../../b.fits", "a\n.fits", "x" * 501])
def test_odd_names_are_refused(ingest: Ingest, name: str) -> None:
    with pytest.raises(InvalidArgumentError):
        ingest.upload.begin(name, 1)


def test_the_choices_of_a_recipe_come_back_as_they_are() -> None:
    for recipe in (
        {"size": 32, "crop": 48, "channels": "rgb", "stretch": {"kind": "asinh", "limits": "percentile"}},
        {"channels": ["u", "g", 2], "stretch": {"kind": "linear", "limits": {"kind": "fixed", "low": 0, "high": 255}}},
        {"stretch": {"kind": "percentile", "low": 2.5, "high": 99.5}, "nan": "zero", "hdu": "SCI"},
        {"stretch": "zscale", "mask": "DQ", "centre": "source", "background": {"kind": "plane", "sigma": 4}},
        {"stretch": {"kind": "log", "limits": {"kind": "sigma", "low": 1.5, "high": 20}}},
    ):
        text = load_recipe(recipe).to_yaml()
        assert load_recipe(with_choices(text, choices_of(text))) == load_recipe(recipe)
    zscaled = with_choices(RECIPE, {**choices_of(RECIPE), "stretch": "zscale"})
    assert load_recipe(zscaled).stretch.kind == "zscale"
    with pytest.raises(InvalidArgumentError, match="Size must be a whole number"):
        with_choices(RECIPE, {**choices_of(RECIPE), "size": "big"})


@pytest.fixture
def put_file(uploads: Uploads) -> Callable[..., int]:
    """Puts a file as a browser does; the status of the answer."""
    libraries: Any = Libraries(lambda _: None)

    async def asked(key: str, path: str, body: bytes, method: str) -> int:
        server = HTTPServer(Application(handlers(libraries, Offers(), Offers(), uploads)))
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/uploads/{key}?path={path}"
        try:
            answer = await AsyncHTTPClient().fetch(url, method=method, body=body, raise_error=False)
        except HTTPClientError as error:
            return error.code
        finally:
            server.stop()
        return answer.code

    return lambda key, path, body=b"pixels", method="PUT": asyncio.run(asked(key, path, body, method))


def test_the_browser_puts_files_where_its_page_may(put_file: Callable[..., int], uploads: Uploads) -> None:
    upload = uploads.open()
    large = bytes(range(256)) * (1 << 12)
    assert put_file(upload.key, "a/%C3%A4.fits", large) == 204
    assert upload.files["a/ä.fits"].read_bytes() == large
    assert put_file("k" * 32, "a.fits") == 404
    assert put_file(upload.key, "..%2Fa.fits") == 413
    assert put_file(upload.key, "a.fits", method="POST") == 405
    assert list(upload.files) == ["a/ä.fits"]
    uploads.close(upload)
