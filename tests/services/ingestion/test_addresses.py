"""Sources on a web server and in a bucket: the same dataset as of files of this machine."""

from __future__ import annotations

import functools
import http.server
import os
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.services.ingestion.conftest import Elsewhere

from lse.client import Client
from lse.errors import InvalidArgumentError, LseError, NotFoundError, PermissionDeniedError
from running_services import RECIPE, draw_images


class Handler(http.server.SimpleHTTPRequestHandler):
    """A web server of a folder, where single files may be forbidden or come late."""

    forbidden: ClassVar[set[str]] = set()
    away: ClassVar = 0

    def do_GET(self) -> None:
        if Handler.away > 0:
            Handler.away -= 1
            self.send_error(503)
        elif self.path.rpartition("/")[2] in self.forbidden:
            self.send_error(403)
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web(elsewhere: Elsewhere, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address and folder of a web server that the services may read."""
    folder = tmp_path / "web"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", elsewhere.web), functools.partial(Handler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{elsewhere.web}", folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Folder of a few images and a catalogue."""
    draw_images(tmp_path / "drawn")
    return tmp_path / "drawn"


@pytest.fixture
def bucket(elsewhere: Elsewhere) -> Iterator[Any]:
    """File system of a bucket that the services may read."""
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=elsewhere.bucket, verbose=False)
    server.start()
    files = s3fs.S3FileSystem(key="k", secret="s", endpoint_url=f"http://127.0.0.1:{elsewhere.bucket}")
    files.mkdir("survey")
    yield files
    server.stop()


def of(client: Client, dataset: str) -> dict[str, list[Any]]:
    """What a dataset holds, but for where it was read from."""
    columns = client.datasets.table(dataset).to_pydict()
    return {name: values for name, values in columns.items() if name != "source"}


def test_a_bucket_and_a_web_server_are_read_as_a_folder_is(
    client: Client, drawn: Path, web: tuple[str, Path], bucket: Any
) -> None:
    address, folder = web
    (folder / "field 1").symlink_to(drawn / "images")
    (folder / "classes.csv").write_bytes((drawn / "catalogue.csv").read_bytes())
    bucket.put(str(drawn / "images"), "survey/field 1", recursive=True)
    sources = {"folder": drawn / "images", "web": f"{address}/field%201/", "bucket": "s3://survey/field 1"}
    for name, source in sources.items():
        catalogue = f"{address}/classes.csv" if name == "web" else drawn / "catalogue.csv"
        made = client.datasets.ingest(name, [source], recipe=RECIPE, catalogue=catalogue).wait(show_progress=False)
        assert (made.prepared, made.rejected) == (24, 1)
    assert of(client, "web") == of(client, "bucket") == of(client, "folder")
    assert client.datasets.image("web", "bar-03").source == f"{address}/field%201/bar-03.png"
    assert client.datasets.image("bucket", "bar-03").source == "s3://survey/field 1/bar-03.png"
    traced = client.datasets.trace("bucket", "bar-03")
    assert traced.steps[0].facts["path"] == "s3://survey/field 1/bar-03.png"
    shown = client.datasets.preview(["s3://survey/field 1"], recipe=RECIPE, count=3)
    assert all(image.source.startswith("s3://survey/field 1/") for image in shown.images)
    with pytest.raises(InvalidArgumentError, match="has all of these inputs"):
        client.datasets.add("bucket", ["s3://survey/field 1/"]).wait(show_progress=False)


def test_an_archive_on_the_web_holds_many_images(client: Client, drawn: Path, web: tuple[str, Path]) -> None:
    address, folder = web
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for file in sorted((drawn / "images").glob("*.png")):
            archive.write(file, file.name)
    made = client.datasets.ingest("archive", f"{address}/images.zip?download=1", recipe=RECIPE).wait()
    assert (made.prepared, made.rejected) == (24, 0)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:  # what is kept is not taken for what is there now
        archive.write(drawn / "images" / "bar-00.png", "other.png")
    made = client.datasets.ingest("archive2", f"{address}/images.zip?download=1", recipe=RECIPE).wait()
    assert made.prepared == 1


def test_what_cannot_be_fetched_costs_itself_and_a_server_that_is_away_is_waited_for(
    client: Client, drawn: Path, web: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = web
    for file in (drawn / "images").glob("bar-*.png"):
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(Handler, "forbidden", {"bar-05.png"})
    monkeypatch.setattr(Handler, "away", 2)
    made = client.datasets.ingest("partly", f"{address}/", recipe=RECIPE).wait(show_progress=False)
    assert (made.prepared, made.rejected) == (11, 1)
    (image,) = client.datasets.images("partly", status="rejected")
    assert (image.id, image.rejection_reason) == ("bar-05", "SOURCE_REFUSED")
    assert "403 Forbidden" in image.rejection_message


@pytest.mark.parametrize(
    ("path", "error", "reason"),
    [
        ("/../secret/", InvalidArgumentError, "SOURCE_UNSUPPORTED"),
        ("/a/%2e%2e/secret.png", InvalidArgumentError, "SOURCE_UNSUPPORTED"),
        ("/absent/", NotFoundError, "SOURCE_NOT_FOUND"),
        ("/absent.png", InvalidArgumentError, "USABLE_IMAGES_MISSING"),
    ],
)
def test_what_is_not_there_is_said(
    client: Client, web: tuple[str, Path], path: str, error: type[LseError], reason: str
) -> None:
    with pytest.raises(error) as caught:
        client.datasets.preview([web[0] + path], recipe=RECIPE)
    assert caught.value.reason == reason


def test_a_private_network_is_read_where_the_operator_says_so_only(client: Client, web: tuple[str, Path]) -> None:
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with other:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"):
            with pytest.raises(PermissionDeniedError, match="private network: its operator can allow it"):
                client.datasets.preview([f"http://{host}:{other.server_port}/"], recipe=RECIPE)


def test_a_cutout_service_gives_an_image_for_each_row(client: Client, drawn: Path, web: tuple[str, Path]) -> None:
    address, folder = web
    names = sorted(path.stem for path in (drawn / "images").glob("*.png"))[:6]
    (folder / "cut").mkdir()
    lines = ["name,ra,dec,kind"]
    for number, name in enumerate(names):
        (folder / "cut" / f"{number * 60.0:.2f}_-{number}.5.png").write_bytes(
            (drawn / f"images/{name}.png").read_bytes()
        )
        lines.append(f"obj {number}+1,{number * 60},-{number}.5,{name.partition('-')[0]}")
    (folder / "positions.csv").write_text("\n".join([*lines, "lost,,3,none", "far,1,1,none"]) + "\n")
    source = address + "/cut/{ra_deg:.2f}_{dec_deg}.png"
    catalogue = f"{address}/positions.csv"
    made = client.datasets.ingest("cut", source, catalogue=catalogue, recipe=RECIPE).wait(show_progress=False)
    assert (made.prepared, made.rejected) == (6, 1)
    assert any("without a value that the address needs: 1 (lost)" in note for note in made.notes)
    rows = client.datasets.table("cut", ["name", "source", "kind", "ra_deg", "status"]).to_pylist()
    assert [row["name"] for row in rows] == [*(f"obj {number}+1" for number in range(6)), "far"]
    assert [row["kind"] for row in rows[:6]] == [name.partition("-")[0] for name in names]
    assert (rows[2]["ra_deg"], rows[2]["source"]) == (120.0, f"{address}/cut/120.00_-2.5.png")
    assert client.datasets.trace("cut", "obj 2+1").steps[-1].summary
    for wrong, reason in (
        ({"sources": source, "catalogue": None}, "CATALOGUE_INVALID"),
        ({"sources": f"{address}/{{nothing}}.png", "catalogue": catalogue}, "COLUMN_UNKNOWN"),
        ({"sources": f"{address}/{{kind}}.png", "catalogue": catalogue}, "CATALOGUE_AMBIGUOUS"),
        ({"sources": f"{address}/{{kind:.2f}}.png", "catalogue": catalogue}, "SOURCE_UNSUPPORTED"),
        ({"sources": [source, str(drawn)], "catalogue": catalogue}, "SOURCE_UNSUPPORTED"),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            client.datasets.ingest("wrong", recipe=RECIPE, **wrong).wait(show_progress=False)
        assert caught.value.reason == reason
        client.datasets.delete("wrong")
    with pytest.raises(InvalidArgumentError, match="needs a catalogue"):
        client.datasets.preview([source], recipe=RECIPE)


def test_what_is_kept_lies_in_a_folder_of_this_user_alone(
    client: Client, drawn: Path, web: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = web
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        archive.write(drawn / "images/bar-00.png", "bar.png")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    laid = tmp_path / f"lse-kept-{os.getuid()}"
    laid.mkdir()
    laid.chmod(0o777)
    with pytest.raises(InvalidArgumentError, match="is not this user's alone"):
        client.datasets.preview([f"{address}/images.zip"], recipe=RECIPE)
    laid.rmdir()
    shown = client.datasets.preview([f"{address}/images.zip"], recipe=RECIPE)
    assert len(shown.images) == 1
    assert laid.stat().st_mode & 0o077 == 0
