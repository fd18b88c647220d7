"""What the catalogue keeps of each kind, and how what earlier versions kept is read."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from sqlalchemy import insert

import lse
from latentspace.annotation.v1 import annotation_pb2
from latentspace.clustering.v1 import clustering_pb2
from latentspace.encoding.v1 import encoding_pb2
from latentspace.ingestion.v1 import ingestion_pb2
from latentspace.prediction.v1 import prediction_pb2
from latentspace.projection.v1 import projection_pb2
from latentspace.training.v1 import training_pb2
from lse.errors import DataLossError, FailedPreconditionError, NotFoundError
from lse.platform.catalogue import Catalogue, DatasetRecord, EncoderRecord, Record, Resources
from lse.platform.catalogue.records import RECORDS
from lse.platform.catalogue.records.encoder import EncoderSpec, Evaluation, MadeEncoder
from lse.platform.catalogue.tables import RESOURCES

MESSAGES: dict[str, type[Message]] = {
    "dataset": ingestion_pb2.Dataset,
    "encoder": training_pb2.Encoder,
    "experiment": encoding_pb2.Experiment,
    "projection": projection_pb2.Projection,
    "clustering": clustering_pb2.Clustering,
    "prediction": prediction_pb2.Prediction,
    "label scheme": annotation_pb2.LabelScheme,
    "selection": annotation_pb2.Selection,
    "bookmark": annotation_pb2.Bookmark,
}
MADE = MadeEncoder(onnx_uri="a", channel_count=1, image_size=32, dimension=4)
ORIGIN = {"dataset": "projects/p/datasets/d", "method": "simclr"}


def encoder() -> EncoderRecord:
    return EncoderRecord(name="projects/p/encoders/e", spec=EncoderSpec(method="simclr"))


def evaluation(version: int, *, column: str = "class", knn: float = 0.5) -> Evaluation:
    return Evaluation(
        encoder="projects/p/encoders/e",
        version=version,
        dataset="projects/p/datasets/d",
        label_column=column,
        image_count=9,
        knn_balanced_accuracy=knn,
    )


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_has_every_field_of_its_message(kind: str) -> None:
    record = RECORDS[kind]
    known = {*record.model_fields, "etag", *(name for name, what in vars(record).items() if isinstance(what, property))}
    for layer in (record.model_fields["spec"].annotation, record.model_fields["made"].annotation):
        for model in getattr(layer, "__args__", (layer,)):
            known |= {name for name in dir(model) if not name.startswith("_")} | set(getattr(model, "model_fields", ()))
    if kind == "encoder":  # what its version in use has, and what the inference engine knows
        known |= {*MadeEncoder.model_fields, "dataset", "method", "loaded_versions"}
    assert {field.name for field in MESSAGES[kind].DESCRIPTOR.fields} <= known


def test_a_new_version_comes_into_use_and_the_old_one_stays() -> None:
    first = encoder().with_version(MADE, operation="o1", **ORIGIN)
    assert (first.result.version, first.result.precision, first.version().dimension) == (1, "fp32", 4)
    judged = first.with_result(first.result.with_evaluation(evaluation(1)).using(1, "fp16"))
    larger = MADE.model_copy(update={"onnx_uri": "b", "dimension": 6, "parameters": {"seed": 4}})
    second = judged.with_version(larger, operation="o2", **ORIGIN)
    current = second.version()
    assert (current.version, current.dimension, current.seed, current.operation) == (2, 6, 4, "o2")
    # The half file of another version says nothing about this one.
    assert second.result.precision == "fp32"
    assert second.result.evaluations == (evaluation(1),)
    assert [(each.version, each.onnx_uri) for each in second.result.versions] == [(1, "a"), (2, "b")]
    assert second.next_version == 3


def test_a_rollback_brings_back_everything_of_the_old_version() -> None:
    first = encoder().with_version(MADE, operation="o1", **ORIGIN)
    second = first.with_version(MADE.model_copy(update={"onnx_uri": "b"}), operation="o2", **ORIGIN)
    back = second.with_result(second.result.using(1, "fp32"))
    assert back.version() == first.version()
    assert back.result.versions == second.result.versions
    # Numbers are not used again, so that an experiment keeps its version.
    assert back.next_version == 3


def test_an_evaluation_takes_the_place_of_one_of_the_same_subject() -> None:
    result = encoder().with_version(MADE, operation="o1", **ORIGIN).result
    for each in (evaluation(1), evaluation(1, column=""), evaluation(1, knn=0.75)):
        result = result.with_evaluation(each)
    assert [(each.label_column, each.knn_balanced_accuracy) for each in result.evaluations] == [
        ("", 0.5),
        ("class", 0.75),
    ]


def test_a_version_that_is_not_there_is_named() -> None:
    with pytest.raises(FailedPreconditionError, match="still being made"):
        encoder().version()
    with pytest.raises(NotFoundError, match=r"no version 3: it has 1\."):
        encoder().with_version(MADE, operation="o1", **ORIGIN).version(3)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}")
    catalogue.migrate()
    return catalogue


def keep(catalogue: Catalogue, record: type[Record[Any, Any]], name: str, **values: Any) -> None:
    """Write a row as another version of this software may have written it."""
    row = {"name": name, "kind": record.kind, "parent": name.rsplit("/", 2)[0], "uid": name[-20:], "state": "ready"}
    times = {"operation": "projects/p/operations/o", "create_time": 1.0, "update_time": 2.0}
    with catalogue.transaction() as connection:
        connection.execute(insert(RESOURCES).values(**{**row, **times, **values}))


def test_an_encoder_made_before_there_were_versions_has_one(catalogue: Catalogue) -> None:
    result = {
        "onnx_uri": "file:///encoder.onnx",
        "channels": 2,
        "size": 16,
        "dimension": 5,
        "settings": {"width": 8},
        "figures": {},
        "loss_curve": [0.5],
        "notes": [],
        "evaluations": [
            {"dataset": "d", "label_column": "", "images": 7, "baselines": {}, "figures": {}, "notes": []}
            | {"knn_balanced_accuracy": None}
        ],
    }
    spec = {"dataset": "d", "method": "vae", "settings": {"width": 8}, "seed": 5}
    keep(catalogue, EncoderRecord, "projects/p/encoders/old", version=0, spec=spec, result=result)
    catalogue.migrate()
    old = Resources(catalogue).get_ready("projects/p/encoders/old", EncoderRecord)
    version = old.version()
    assert (version.version, version.method, version.dataset, version.seed) == (1, "vae", "d", 5)
    assert (version.operation, version.create_time) == ("projects/p/operations/o", 1.0)
    assert (version.channel_count, version.image_size, version.half_onnx_uri) == (2, 16, "")
    assert (old.result.precision, old.next_version) == ("fp32", 2)
    assert [(each.version, each.image_count) for each in old.result.evaluations] == [(1, 7)]


def test_what_is_not_ready_is_upgraded_too(catalogue: Catalogue) -> None:
    spec = {"dataset": "d", "method": "vae", "settings": {}, "seed": 5}
    keep(catalogue, EncoderRecord, "projects/p/encoders/new", version=0, state="creating", spec=spec, result={})
    catalogue.migrate()
    assert Resources(catalogue).get("projects/p/encoders/new", EncoderRecord).spec.method == "vae"


def test_damaged_and_newer_records_are_refused_by_name(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    keep(catalogue, DatasetRecord, "projects/p/datasets/bad", version=1, spec={"sauces": []}, result={})
    with pytest.raises(DataLossError, match="datasets/bad' is damaged"):
        resources.get("projects/p/datasets/bad", DatasetRecord)
    keep(catalogue, DatasetRecord, "projects/p/datasets/new", version=99, spec={}, result={})
    with pytest.raises(FailedPreconditionError, match="newer version"):
        resources.get("projects/p/datasets/new", DatasetRecord)


# Names under which a record, its spec or its result is at hand.
_RECORDS = {"spec", "result", "made", "record", "resource", "dataset", "encoder", "experiment", "version", "parameters"}
_RECORDS |= {"earlier", "projection", "clustering", "prediction", "selection", "scheme", "evaluation"}


def _string_keys(tree: ast.AST) -> list[int]:
    """Lines that read a string key of something that bears the name of a record or of a part of one."""

    def name(node: ast.expr) -> str:
        return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""

    def reads(node: ast.AST) -> bool:
        match node:
            case ast.Subscript(value=of, slice=ast.Constant(value=str())):
                column = isinstance(of, ast.Attribute) and name(of.value) == "c"  # of a table of the database
                return name(of) in _RECORDS and not column
            case ast.Call(func=ast.Attribute(value=of, attr="get" | "pop"), args=[ast.Constant(value=str()), *_]):
                return name(of) in _RECORDS
        return False

    return [node.lineno for node in ast.walk(tree) if reads(node)]


def test_no_string_key_of_a_record_is_read_outside_of_the_records() -> None:
    assert _string_keys(ast.parse("dataset.result['prepared']; spec.get('seed'); version['figures']")) == [1, 1, 1]
    package = Path(lse.__path__[0])
    files = [*package.glob("services/**/*.py"), *package.glob("platform/**/*.py")]
    assert len(files) > 60
    found = [
        f"{file.relative_to(package)}:{line}"
        for file in files
        if "catalogue/records" not in file.as_posix()
        for line in _string_keys(ast.parse(file.read_text()))
    ]
    assert found == []
