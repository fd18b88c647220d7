"""Lists and updates as every kind of resource has them: filter, order, view, mask and etag."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from latentspace.annotation.v1 import annotation_pb2
from latentspace.ingestion.v1 import ingestion_pb2
from lse.client import Client
from lse.errors import AbortedError, InvalidArgumentError, NotFoundError
from world import World


def test_lists_are_filtered_and_ordered(client: Client, world: World) -> None:
    small, large = world.dataset("small", [{}] * 3), world.dataset("large", [{}] * 9, simulated=True)
    for name, dataset, count in (("b", small, 3), ("a", large, 9), ("c", large, 5)):
        world.experiment(name, dataset, np.zeros((count, 4)))
    experiments = client.experiments

    def found(**options: str) -> str:
        return "".join(each.id for each in experiments.list(**options))  # type: ignore[arg-type]

    assert found() == "abc"
    assert found(order_by="create_time") == "bac"
    assert found(order_by="image_count desc") == "acb"
    assert found(filter="image_count >= 5") == "ac"
    assert found(filter="image_count >= 5 AND NOT image_count = 9", order_by="name desc") == "c"
    assert found(filter=f"dataset = '{small.name}'") == "b"
    assert found(filter="state = READY AND create_time > 2020-01-01 AND name:periments/a") == "a"
    assert [each.id for each in client.datasets.list(filter="simulated = true")] == ["large"]
    with pytest.raises(InvalidArgumentError, match="unknown field 'vectors_uri'"):
        found(filter="vectors_uri:*")
    with pytest.raises(InvalidArgumentError, match="did you mean 'image_count'"):
        found(order_by="imagecount")


def test_lists_leave_large_fields_out_unless_asked(client: Client, world: World) -> None:
    world.dataset("d", [{}])
    client.selections.create("s", dataset="d", rows=[0])
    assert client.datasets.list()[0].sources == ()
    assert client.datasets.list(view="full")[0].sources == client.datasets.get("d").sources == ("/images",)
    assert client.selections.list()[0].bitmap is None
    assert client.selections.list(view="full")[0].rows.tolist() == [0]


def test_title_and_description_are_updated(client: Client, world: World) -> None:
    dataset = world.dataset("d", [{}])
    experiment = world.experiment("x", dataset, np.zeros((1, 4)))
    world.projection("p", experiment, np.zeros((1, 2)))
    world.clustering("k", experiment, labels=np.zeros(1, np.int32), memberships=np.ones(1, np.float32))
    world.encoder("e", dataset)
    client.selections.create("s", dataset="d", rows=[0], title="Odd", description="To look at.")
    client.label_schemes.create("l", title="Shapes", classes=["a"])
    for collection, where in (
        (client.datasets, ["d"]),
        (client.experiments, ["x"]),
        (client.encoders, ["e"]),
        (client.projections, ["x", "p"]),
        (client.clusterings, ["x", "k"]),
        (client.selections, ["s"]),
        (client.label_schemes, ["l"]),
    ):
        first = collection.update(*where, title="Title")  # type: ignore[operator]
        assert (first.title, first.id) == ("Title", where[-1])
        second = collection.update(*where, description="ünïcode\nlines", etag=first.etag)  # type: ignore[operator]
        assert (second.title, second.description) == ("Title", "ünïcode\nlines")
        assert second == collection.get(*where)  # type: ignore[operator]
        with pytest.raises(AbortedError, match="was changed in the meantime") as caught:
            collection.update(*where, title="Late", etag=first.etag)  # type: ignore[operator]
        assert caught.value.reason == "ETAG_MISMATCH"
        assert collection.get(*where).title == "Title"  # type: ignore[operator]
        assert collection.update(*where, title="").title == ""  # type: ignore[operator]
        with pytest.raises(InvalidArgumentError, match="201 characters: use at most 200"):
            collection.update(*where, title="x" * 201)  # type: ignore[operator]
    with pytest.raises(NotFoundError, match="no dataset named 'none'"):
        client.datasets.update("none", title="x")
    assert client.label_schemes.get("l").classes == ("a",)
    assert client.datasets.list(filter="title:*", order_by="title")[0].id == "d"


def test_masks_say_what_is_updated(client: Client, world: World) -> None:
    world.dataset("d", [{}])
    stub = client._connection  # the client offers no mask of its own
    given = ingestion_pb2.Dataset(name="projects/p/datasets/d", title="T", description="D")

    def update(*paths: str) -> ingestion_pb2.Dataset:
        request = ingestion_pb2.UpdateDatasetRequest(dataset=given, update_mask=FieldMask(paths=paths))
        answer: ingestion_pb2.Dataset = stub.call(request)
        return answer

    assert (update("title").title, update("title").description) == ("T", "")
    assert update().description == "D"  # what is set, where there is no mask
    given.title = ""
    assert (update("*").title, update("*").description) == ("", "D")
    for wrong in ("image_size", "name", "nothing"):
        with pytest.raises(InvalidArgumentError, match=f"'{wrong}' cannot be updated: choose from title, description"):
            update(wrong)
    client.label_schemes.create("l", classes=["a"])
    scheme = annotation_pb2.LabelScheme(name="projects/p/labelSchemes/l", classes=["b", "b"])
    with pytest.raises(InvalidArgumentError, match="given twice"):
        stub.call(annotation_pb2.UpdateLabelSchemeRequest(label_scheme=scheme))


def test_images_are_filtered_and_ordered_by_their_metadata(client: Client, world: World) -> None:
    facts = [{"redshift": z, "kind": kind} for z, kind in ((0.5, "a"), (0.1, "b"), (None, "a"), (0.9, "b"))]
    world.dataset("d", facts, rejected=1)

    def found(**options: str) -> list[str]:
        return [each.id for each in client.datasets.images("d", **options)]  # type: ignore[arg-type]

    assert found() == ["bad-0", "image-0000", "image-0001", "image-0002", "image-0003"]
    assert found(status="rejected") == ["bad-0"]
    assert found(filter="redshift > 0.3", order_by="redshift desc") == ["image-0003", "image-0000"]
    assert found(status="prepared", filter="redshift < 0.3 OR kind = a") == ["image-0000", "image-0001", "image-0002"]
    assert found(filter="NOT redshift:*", status="prepared") == ["image-0002"]
    assert found(filter="rejection_reason:*") == ["bad-0"]
    assert found(filter="row >= 2 AND name:IMAGE") == ["image-0002", "image-0003"]
    with pytest.raises(InvalidArgumentError, match="did you mean 'redshift'"):
        found(filter="redshft > 1")
    with pytest.raises(InvalidArgumentError, match="choose one of prepared, rejected"):
        found(filter="status = gone")


def test_operations_are_filtered(client: Client, world: World) -> None:
    for kind, target in (("IngestDataset", "projects/p/datasets/a"), ("AddImages", "projects/p/datasets/b")):
        world.platform.operation_store.create(kind, target)
    assert len(client.operations.list()) == 2
    assert len(client.operations.list(active=True)) == 2
    assert [each.kind for each in client.operations.list(filter="target:datasets/a")] == ["IngestDataset"]
    assert client.operations.list(filter="done = true") == []
    with pytest.raises(InvalidArgumentError, match="choose one of pending, running"):
        client.operations.list(filter="state = sleeping")
