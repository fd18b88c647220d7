"""Tables, uploads and exports are streams: whole, or an error."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentspace.annotation.v1.annotation_pb2 import ExportCatalogueResponse, ListLabelSchemesRequest
from latentspace.ingestion.v1.ingestion_pb2 import IngestDatasetRequest, PreviewRecipeRequest
from latentspace.search.v1.search_pb2 import SearchImagesRequest
from latentspace.training.v1.training_pb2 import ImportEncoderRequest
from latentspace.type.v1.table_pb2 import TableChunk
from lse.errors import (
    DataLossError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
)
from running_services import DIMENSION


def arrow_pieces(content: bytes, size: int) -> Iterator[bytes]:
    """Messages of a table whose content is cut anew."""
    for start in range(0, len(content), size):
        yield TableChunk(arrow=content[start : start + size]).SerializeToString()


def arrow_content(messages: Iterator[bytes]) -> bytes:
    return b"".join(TableChunk.FromString(message).arrow for message in messages)


def test_large_table_arrives_whole(prepared_client, proxy):
    rows = np.arange(300_000)
    table, sink = pa.table({"row": rows, "x": rows.astype(np.float32) / 3}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    proxy.answers["ReadImageTable"] = lambda messages: arrow_pieces(sink.getvalue().to_pybytes(), 1 << 20)
    assert prepared_client.datasets.table("first").equals(table)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 5000))
def test_pieces_of_any_size_make_the_same_table(prepared_client, proxy, size):
    proxy.answers.clear()
    table = prepared_client.datasets.table("first")
    proxy.answers["ReadImageTable"] = lambda messages: arrow_pieces(arrow_content(messages), size)
    assert prepared_client.datasets.table("first").equals(table)


def test_wanted_columns_only(prepared_client):
    assert prepared_client.datasets.table("first", ["class"]).column_names == ["name", "row", "class"]


@pytest.mark.parametrize("kept", [0, 1, 40, 700])
def test_incomplete_table_is_an_error(prepared_client, proxy, kept):
    proxy.answers["ReadImageTable"] = lambda messages: arrow_pieces(arrow_content(messages)[:kept], 100)
    with pytest.raises(DataLossError, match="incomplete"):
        prepared_client.datasets.table("first")


def test_error_within_a_table_is_that_error(prepared_client, proxy):
    def broken_off(messages):
        yield next(arrow_pieces(arrow_content(messages), 100))
        raise ResourceExhaustedError("The disk is full: make room.", reason="DISK_FULL")

    proxy.answers["ReadImageTable"] = broken_off
    with pytest.raises(ResourceExhaustedError, match="disk is full") as caught:
        prepared_client.datasets.table("first")
    assert caught.value.reason == "DISK_FULL"


def test_upload_comes_in_pieces_after_its_header(client, services, proxy, tmp_path):
    # Two models after each other are one, which has what each of them has.
    content = services.encoder.read_bytes() + onnx.ModelProto(doc_string="x" * (5 * 2**19)).SerializeToString()
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    encoder = client.encoders.import_onnx("mine", file).wait(show_progress=False)
    assert (encoder.id, encoder.method, encoder.dimension) == ("mine", "import", DIMENSION)
    sent = next(call.sent for call in proxy.calls if call.method == "ImportEncoder")
    first, *rest = map(ImportEncoderRequest.FromString, sent)
    assert first.header.encoder_id == "mine"
    assert first.data == b""
    assert b"".join(message.data for message in rest) == content
    assert [len(message.data) for message in rest] == [2**20, 2**20, len(content) - 2**21]


def test_upload_of_no_file(client, tmp_path):
    with pytest.raises(NotFoundError, match=r"no file '.*none.onnx'"):
        client.encoders.import_onnx("mine", tmp_path / "none.onnx")
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        client.encoders.import_onnx("mine", tmp_path)
    assert client.operations.list() == []


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here that opens and cannot be read")
def test_upload_that_breaks_off_is_an_error(client, caplog):
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        client.encoders.import_onnx("mine", "/proc/self/mem")
    assert caplog.records == []
    assert client.encoders.list() == []


def test_upload_refused_by_the_services(client, proxy, tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"no onnx")
    with pytest.raises(InvalidArgumentError, match="ONNX") as caught:
        client.encoders.import_onnx("mine", file).wait(show_progress=False)
    assert caught.value.reason
    proxy.errors["ImportEncoder"] = [ResourceExhaustedError("The disk is full: make room.", reason="DISK_FULL")]
    with pytest.raises(ResourceExhaustedError, match="make room"):
        client.encoders.import_onnx("other", file)


def test_export_appears_when_it_is_complete(prepared_client, proxy, tmp_path):
    out = tmp_path / "catalogue.csv"
    assert prepared_client.export("first", out) == out
    header, *lines = out.read_text().splitlines()
    assert header.startswith('"name","row",')
    assert len(lines) == 24
    (tmp_path / "plain").touch()  # who may read a new file here may read this one
    assert stat.S_IMODE(out.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    (tmp_path / "plain").unlink()

    def broken_off(messages):
        yield ExportCatalogueResponse(data=b"name,row").SerializeToString()
        raise ResourceExhaustedError("The disk is full.")

    proxy.answers["ExportCatalogue"] = broken_off
    with pytest.raises(ResourceExhaustedError):
        prepared_client.export("first", tmp_path / "second.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["catalogue.csv"]


def test_export_leaves_the_umask_of_the_process_alone(prepared_client, tmp_path, monkeypatch):
    def refuse(mask):
        raise AssertionError("the umask belongs to all threads")

    monkeypatch.setattr(os, "umask", refuse)
    assert prepared_client.export("first", tmp_path / "catalogue.csv").exists()


def test_export_to_a_wrong_place(prepared_client, tmp_path):
    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        prepared_client.export("first", tmp_path / "nowhere" / "catalogue.csv")
    (tmp_path / "file").touch()
    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        prepared_client.export("first", tmp_path / "file" / "catalogue.csv")


def test_lists_go_on_over_pages(client, prepared_client, proxy, monkeypatch):
    monkeypatch.setattr("lse.client.connection._PAGE", 2)
    for name in ("a", "b", "c", "d", "e"):
        client.label_schemes.create(name)
    assert [scheme.id for scheme in client.label_schemes.list()] == ["a", "b", "c", "d", "e"]
    assert proxy.methods.count("ListLabelSchemes") == 3
    proxy.calls.clear()
    assert [scheme.id for scheme in client.label_schemes.list(limit=3, order_by="name desc")] == ["e", "d", "c"]
    assert proxy.methods.count("ListLabelSchemes") == 2
    assert [scheme.id for scheme in client.label_schemes.list(limit=1)] == ["a"]
    assert ListLabelSchemesRequest.FromString(proxy.calls[-1].sent[0]).page_size == 1
    kinds = [operation.kind for operation in prepared_client.operations.list()]
    assert {"IngestDataset", "ImportEncoder", "EncodeExperiment", "RunProjection", "RunClustering"} <= set(kinds)


def test_images_and_thumbnails(prepared_client, proxy):
    images = list(prepared_client.datasets.images("first"))
    assert len(images) == 25
    prepared = [image for image in images if image.status == "prepared"]
    assert [image.row for image in prepared] == list(range(24))
    assert (prepared[0].id, prepared[0].metadata["class"]) == ("bar-00", "bar")
    rejected = list(prepared_client.datasets.images("first", status="rejected"))
    assert [(image.id, image.row, bool(image.rejection_reason)) for image in rejected] == [("broken", -1, True)]
    assert rejected[0].metadata.get("class") is None
    pictures = prepared_client.datasets.thumbnails("first", list(range(24)))
    assert len(set(pictures)) == 24
    proxy.calls.clear()
    assert prepared_client.datasets.thumbnails("first", [*range(24)] * 19) == pictures * 19
    assert proxy.methods == ["BatchGetThumbnails"] * 3


def test_search_asks_for_one_thing(prepared_client, proxy, services):
    def similar(**query):
        matches = prepared_client.search.similar("first", **query)
        sent = next(call.sent for call in reversed(proxy.calls) if call.method == "SearchImages")
        return matches, SearchImagesRequest.FromString(sent[0])

    matches, request = similar(image="bar-00", clustering="first", scope="same-cluster", k=5)
    assert request.image == "projects/prepared/datasets/first/images/bar-00"
    assert request.clustering == "projects/prepared/experiments/first/clusterings/first"
    assert [match.similarity for match in matches] == sorted((match.similarity for match in matches), reverse=True)
    assert len({match.cluster for match in matches}) == 1
    assert "bar-00" not in {match.image_id for match in matches}
    file = services.images / "bar-00.png"
    matches, request = similar(file=file)
    assert request.image_file == file.read_bytes()
    assert (matches[0].image_id, matches[0].cluster) == ("bar-00", None)
    matches, request = similar(vector=np.ones(DIMENSION, dtype=np.float32))
    assert list(request.vector.components) == [1] * DIMENSION
    assert len(matches) == 10
    matches, request = similar(cluster=("first", 1), k=3)
    assert request.cluster.cluster == 1
    assert len(matches) == 3
    wrong = [
        {},
        {"image": "bar-00", "selection": "s"},
        {"image": "bar-00", "scope": "nearby"},
        {"image": "bar-00", "scope": "same-cluster"},
        {"image": "bar-00", "k": 0},
        {"file": b"x" * (16 * 2**20)},
    ]
    proxy.calls.clear()
    for query in wrong:
        with pytest.raises(InvalidArgumentError):
            prepared_client.search.similar("first", **query)
    assert proxy.calls == []


def test_comparison_is_a_table(prepared_client):
    comparison = prepared_client.clusterings.compare("first", "first", column="class")
    assert comparison.table.shape == (2, 2)
    assert comparison.table["bar"].sum() == comparison.table["disc"].sum() == 12
    assert comparison.table.loc["0"].sum() == prepared_client.clusterings.get("first", "first").clusters[0].images
    with pytest.raises(InvalidArgumentError, match="name one of them"):
        prepared_client.clusterings.compare("first", "first")


def test_preview_and_methods(client, services):
    preview = client.datasets.preview(services.images, recipe={"size": 32}, count=25)
    assert "channels: " in preview.recipe
    assert "size: 32" in preview.recipe
    assert preview.source_count == 25
    assert [image.rejection_reason for image in preview.images if not image.thumbnail] == ["HEADER_DAMAGED"]
    methods = {method.id: method for method in client.encoders.methods()}
    assert {"autoencoder", "simclr"} <= methods.keys()
    parameters = {parameter.key: parameter for parameter in methods["autoencoder"].parameters}
    epochs, precision = parameters["epochs"], parameters["precision"]
    assert (epochs.kind, epochs.default, epochs.minimum, epochs.maximum) == ("integer", "", 1, 100_000)
    assert precision.choices == ("auto", "32", "bf16", "16")


def test_sources_are_absolute(client, proxy, services, tmp_path, monkeypatch):
    monkeypatch.chdir(services.images.parent)
    client.datasets.preview("images")
    with pytest.raises(NotFoundError, match="absent"):
        client.datasets.ingest("a", ["images", "s3://bucket/x", tmp_path, "/absent"])
    asked = IngestDatasetRequest.FromString(proxy.calls[-1].sent[0])
    assert list(asked.sources) == [str(services.images), "s3://bucket/x", str(tmp_path), "/absent"]
    for nothing in ([], [" "], ""):
        with pytest.raises(InvalidArgumentError):
            client.datasets.ingest("b", nothing)


def test_recipe_as_text_keys_and_file(client, proxy, services, tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text("size: 48\n")
    for recipe, text in (
        ({"size": 32}, "size: 32\n"),
        ("size: 16", "size: 16"),
        (file, "size: 48\n"),
        (str(file), "size: 48\n"),
    ):
        preview = client.datasets.preview(services.images, recipe=recipe, count=1)
        assert PreviewRecipeRequest.FromString(proxy.calls[-1].sent[0]).recipe == text
        assert text.strip() in preview.recipe
    with pytest.raises(NotFoundError, match="no recipe file"):
        client.datasets.ingest("e", "/x", recipe=tmp_path / "none.yaml")
