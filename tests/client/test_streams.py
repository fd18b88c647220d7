"""Tables, uploads and exports are streams: whole, or an error."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_services import arrow_chunks

from lse.platform.errors import (
    DataLossError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
)


def test_large_table_arrives_whole(client, memory):
    rows = np.arange(300_000)
    memory.table = pa.table({"row": rows, "x": rows.astype(np.float32) / 3})
    memory.chunks = lambda table: arrow_chunks(table, 1 << 20)
    assert client.datasets.table("first").equals(memory.table)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 5000))
def test_pieces_of_any_size_make_the_same_table(client, memory, size):
    memory.chunks = lambda table: arrow_chunks(table, size)
    assert client.datasets.table("first").equals(memory.table)


def test_wanted_columns_only(client):
    assert client.datasets.table("first", ["class"]).column_names == ["name", "row", "class"]


@pytest.mark.parametrize("kept", [0, 1, 40, 700])
def test_incomplete_table_is_an_error(client, memory, kept):
    memory.chunks = lambda table: iter([b"".join(arrow_chunks(table, 100))[:kept]])
    with pytest.raises(DataLossError, match="incomplete"):
        client.datasets.table("first")


def test_error_within_a_table_is_that_error(client, memory):
    def chunks(table):
        yield next(arrow_chunks(table, 100))
        raise ResourceExhaustedError("The disk is full: make room.", reason="DISK_FULL")

    memory.chunks = chunks
    with pytest.raises(ResourceExhaustedError, match="disk is full") as caught:
        client.datasets.table("first")
    assert caught.value.reason == "DISK_FULL"


def test_upload_comes_in_pieces_after_its_header(client, memory, tmp_path):
    content = np.random.default_rng(0).bytes(5 * 2**19 + 17)
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    encoder = client.encoders.import_onnx("mine", file).wait(show_progress=False)
    assert (encoder.id, encoder.method) == ("mine", "import")
    first, *rest = memory.uploads[0]
    assert first.header.encoder_id == "mine"
    assert first.data == b""
    assert b"".join(message.data for message in rest) == content
    assert [len(message.data) for message in rest] == [2**20, 2**20, 2**19 + 17]


def test_upload_of_no_file(client, memory, tmp_path):
    with pytest.raises(NotFoundError, match=r"no file '.*none.onnx'"):
        client.encoders.import_onnx("mine", tmp_path / "none.onnx")
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        client.encoders.import_onnx("mine", tmp_path)
    assert memory.operations == {}


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here that opens and cannot be read")
def test_upload_that_breaks_off_is_an_error(client, caplog):
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        client.encoders.import_onnx("mine", "/proc/self/mem")
    assert caplog.records == []


def test_upload_refused_by_the_services(client, memory, tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"no onnx")
    memory.errors["ImportEncoder"] = [InvalidArgumentError("This is no ONNX file.", reason="NOT_ONNX")]
    with pytest.raises(InvalidArgumentError, match="no ONNX"):
        client.encoders.import_onnx("mine", file)


def test_export_appears_when_it_is_complete(client, memory, tmp_path):
    out = tmp_path / "catalogue.csv"
    assert client.export("x", out) == out
    assert out.read_bytes() == b"name,row\na.png,0\n"
    assert stat.S_IMODE(out.stat().st_mode) & 0o400
    memory.errors["during export"] = [ResourceExhaustedError("The disk is full.")]
    with pytest.raises(ResourceExhaustedError):
        client.export("x", tmp_path / "second.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["catalogue.csv"]


def test_export_to_a_wrong_place(client, tmp_path):
    with pytest.raises(InvalidArgumentError, match="format 'txt'"):
        client.export("x", tmp_path / "catalogue.txt")
    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        client.export("x", tmp_path / "nowhere" / "catalogue.csv")


def test_lists_go_on_over_pages(client):
    for name in ("a", "b", "c", "d", "e"):
        client.datasets.ingest(name, ["/data"])
    assert [dataset.id for dataset in client.datasets.list()] == ["a", "b", "c", "d", "e"]
    assert len(client.operations.list()) == 5


def test_images_and_thumbnails(client):
    images = list(client.datasets.images("first"))
    assert [(image.id, image.row, image.status) for image in images] == [
        ("a.png", 0, "prepared"),
        ("b.png", 1, "prepared"),
        ("broken.fits", -1, "rejected"),
    ]
    assert images[0].metadata == {"class": "FRI", "nothing": None}
    rejected = list(client.datasets.images("first", status="rejected"))
    assert [image.rejection_reason for image in rejected] == ["NOT_AN_IMAGE"]
    rows = list(range(450))
    assert client.datasets.thumbnails("first", rows) == [f"row {row}".encode() for row in rows]


def test_search_asks_for_one_thing(client, memory, tmp_path):
    file = tmp_path / "query.png"
    file.write_bytes(b"png")
    client.experiments.encode("x", dataset="d", encoder="e").wait(show_progress=False)
    matches = client.search.similar("x", image="a.png", clustering="c", scope="same-cluster")
    assert [(match.image_id, match.cluster) for match in matches] == [("a.png", None), ("b.png", -1)]
    request = memory.uploads[-1][0]
    assert request.image == "projects/default/datasets/d/images/a.png"
    assert request.clustering == "projects/default/experiments/x/clusterings/c"
    client.search.similar("x", file=file)
    assert memory.uploads[-1][0].image_file == b"png"
    client.search.similar("x", vector=np.ones(3, dtype=np.float32))
    assert list(memory.uploads[-1][0].vector.components) == [1, 1, 1]
    client.search.similar("x", cluster=("c", 3), k=5)
    assert memory.uploads[-1][0].cluster.cluster == 3
    wrong = [
        {},
        {"image": "a.png", "selection": "s"},
        {"image": "a.png", "scope": "nearby"},
        {"image": "a.png", "scope": "same-cluster"},
        {"image": "a.png", "k": 0},
        {"file": b"x" * (16 * 2**20)},
    ]
    for query in wrong:
        with pytest.raises(InvalidArgumentError):
            client.search.similar("x", **query)


def test_comparison_is_a_table(client):
    client.clusterings.run("c", experiment="x", method="kmeans").wait(show_progress=False)
    comparison = client.clusterings.compare("x", "c", column="class")
    assert comparison.table.loc["1", "FRII"] == 5
    with pytest.raises(InvalidArgumentError, match="name one of them"):
        client.clusterings.compare("x", "c")


def test_preview_and_methods(client):
    preview = client.datasets.preview("/data", recipe={"size": 32})
    assert (preview.recipe, preview.source_count) == ("size: 32\n", 3)
    assert [image.rejection_reason for image in preview.images] == ["", "NOT_AN_IMAGE"]
    methods = client.encoders.methods()
    assert [method.id for method in methods] == ["autoencoder", "simclr"]
    epochs, metric = methods[0].parameters
    assert (epochs.kind, epochs.default, epochs.minimum, epochs.maximum) == ("integer", "20", 1, None)
    assert metric.choices == ("cosine", "euclidean")


def test_sources_are_absolute(client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = client.datasets.ingest("a", ["images", "s3://bucket/x", "/abs"]).wait(show_progress=False)
    assert dataset.sources == (f"{tmp_path}/images", "s3://bucket/x", "/abs")
    for nothing in ([], [" "], ""):
        with pytest.raises(InvalidArgumentError):
            client.datasets.ingest("b", nothing)


def test_recipe_as_text_keys_and_file(client, tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text("size: 48\n")
    for number, (recipe, text) in enumerate(
        [({"size": 32}, "size: 32\n"), ("size: 16", "size: 16"), (file, "size: 48\n"), (str(file), "size: 48\n")]
    ):
        assert client.datasets.ingest(f"d{number}", "/x", recipe=recipe).wait(show_progress=False).recipe == text
    with pytest.raises(NotFoundError, match="no recipe file"):
        client.datasets.ingest("e", "/x", recipe=tmp_path / "none.yaml")
