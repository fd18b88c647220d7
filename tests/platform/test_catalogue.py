"""The catalogue, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Column, MetaData, Table, func, insert, select, table

from lse.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.auth import Caller, acting_as
from lse.platform.catalogue import (
    Catalogue,
    DatasetRecord,
    EncoderRecord,
    ExperimentRecord,
    ProjectionRecord,
    Resources,
    tables,
)
from lse.platform.catalogue.operations import OperationStore
from lse.platform.catalogue.queries import PageRequest
from lse.platform.catalogue.records.encoder import MadeEncoder
from lse.platform.catalogue.tables import METADATA

ENCODER = {"dataset": "d", "method": "vae", "parameters": {"epochs": 3, "width": None, "rate": 0.5, "seed": 3}}
MADE = MadeEncoder(onnx_uri="o", channel_count=1, image_size=32, dimension=8, figures={"loss": 0.5, "other": None})


@pytest.fixture
def catalogue(catalogue_url: str) -> Iterator[Catalogue]:
    catalogue = Catalogue(catalogue_url)
    catalogue.migrate()
    yield catalogue
    catalogue.close()


def dataset(name: str, **values: Any) -> DatasetRecord:
    return DatasetRecord(name=f"projects/p/datasets/{name}", spec={"sources": ["a", "b"]}, **values)


def experiment(name: str, *, of: str = "projects/p/datasets/a") -> ExperimentRecord:
    return ExperimentRecord(name=f"projects/p/experiments/{name}", spec={"dataset": of})


def test_migrations_lead_to_the_tables_of_the_code(catalogue: Catalogue) -> None:
    catalogue.migrate()  # a second time changes nothing
    with catalogue.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_training_asked_for_before_parameters_were_typed_goes_on_with_them(catalogue_url: str) -> None:
    with closing(Catalogue(catalogue_url)) as catalogue:
        config = Config()
        config.set_main_option("script_location", str(Path(tables.__file__).with_name("migrations")))
        with catalogue.transaction() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
            known = Table("operations", MetaData(), autoload_with=connection).columns
            asked = {"dataset": "", "settings": {"epochs": "2"}, "seed": 6}
            values: dict[str, Any] = {"name": "o", "kind": "RetrainEncoder", "parameters": asked}
            for column in tables.OPERATIONS.columns:
                if column.name in known and not column.nullable and column.name not in values:
                    values[column.name] = {} if isinstance(column.type, JSON) else column.type.python_type()
            there = [column for column in tables.OPERATIONS.columns if column.name in values]
            connection.execute(insert(table("operations", *(Column(each.name, each.type) for each in there))), values)
        catalogue.migrate()
        with catalogue.transaction() as connection:
            kept = connection.execute(select(tables.OPERATIONS.c.parameters)).scalar_one()
    assert kept == {"dataset": "", "parameters": {"epochs": "2", "seed": 6}}


def test_resource_records_its_creator(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    with acting_as(Caller("Ada")):
        resources.create(dataset("a", state="failed"))
        resources.create(dataset("b"))
    with acting_as(Caller("Bo")):
        resources.create(dataset("a"))  # in place of the failed one
        resources.change("projects/p/datasets/b", DatasetRecord, lambda latest: latest)
    creators = {each.id: each.creator for each in resources.page(DatasetRecord, "projects/p").records}
    assert creators == {"a": "Bo", "b": "Ada"}


def test_resource_comes_back_as_it_was_kept(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    made = resources.create(dataset("a"))
    assert resources.get(made.name, DatasetRecord) == made
    encoder = resources.create(EncoderRecord(name="projects/p/encoders/e", spec=ENCODER))
    kept = resources.change(
        encoder.name,
        EncoderRecord,
        lambda latest: latest.with_version(MADE, operation="o", dataset="d", method="vae"),
    )
    assert resources.get_ready(encoder.name, EncoderRecord) == kept
    with pytest.raises(NotFoundError, match="no dataset named 'b'"):
        resources.get("projects/p/datasets/b", DatasetRecord)
    with pytest.raises(FailedPreconditionError, match="still being made"):
        resources.get_ready(made.name, DatasetRecord)


def test_taken_name_is_refused_and_a_failed_one_is_replaced(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    made = resources.create(dataset("a"))
    with pytest.raises(AlreadyExistsError, match="exists"):
        resources.create(dataset("a"))
    resources.change(made.name, DatasetRecord, lambda latest: latest.model_copy(update={"state": "failed"}))
    again = resources.create(dataset("a"))
    assert resources.get(made.name, DatasetRecord).uid == again.uid != made.uid


def test_delete_takes_what_lies_below_and_nothing_beside(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    for name in ("a", "a_b", "aa", "b"):
        above = resources.create(experiment(name))
        spec = {"method": "pca"}
        resources.create(ProjectionRecord(name=f"{above.name}/projections/u", spec=spec))
    resources.delete("projects/p/experiments/a")
    left = [found.id for found in resources.page(ExperimentRecord, "projects/p").records]
    assert left == ["a_b", "aa", "b"]
    assert [found.name for found in resources.below("projects/p/experiments/a_b")] == [
        "projects/p/experiments/a_b/projections/u"
    ]
    assert not resources.below("projects/p/experiments/a")


def test_users_of_a_resource_are_found(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    made = resources.create(dataset("a"))
    resources.create(experiment("x", of=made.name))
    resources.create(EncoderRecord(name="projects/p/encoders/x", spec={**ENCODER, "dataset": made.name}))
    resources.create(experiment("y", of="projects/p/datasets/b"))
    assert {user.kind for user in resources.made_from(made.name)} == {"encoder", "experiment"}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 12), page_size=st.integers(1, 5))
def test_pages_together_are_everything_once(catalogue: Catalogue, count: int, page_size: int) -> None:
    resources = Resources(catalogue)
    project = f"projects/p{count}-{page_size}"
    for number in range(count):
        name = f"{project}/datasets/d{number:02d}"
        if number >= len(resources.page(DatasetRecord, project).records):
            resources.create(DatasetRecord(name=name, spec={"sources": []}))
    found, token = [], ""
    while True:
        page = resources.page(DatasetRecord, project, PageRequest(page_size, token))
        assert len(page.records) <= page_size
        found += [each.id for each in page.records]
        token = page.next_page_token
        if not token:
            break
    assert found == [f"d{number:02d}" for number in range(count)]


def test_wrong_page_requests_are_refused(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    with pytest.raises(InvalidArgumentError, match="negative"):
        resources.page(DatasetRecord, "projects/p", PageRequest(-1))
    with pytest.raises(InvalidArgumentError, match="page token"):
        resources.page(DatasetRecord, "projects/p", PageRequest(page_token="%%%"))


def test_only_one_of_many_writers_gets_a_name(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    outcomes: list[str] = []

    def create() -> None:
        try:
            resources.create(dataset("contested"))
            outcomes.append("made")
        except AlreadyExistsError as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("made") == 1


def test_what_only_reads_waits_for_nobody_who_writes_and_sees_one_moment(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    resources.create(dataset("first"))
    began = time.monotonic()
    with catalogue.transaction() as writing:
        resources.create_within(writing, dataset("second"))
        listed = resources.page(DatasetRecord, "projects/p", PageRequest())
        assert [record.id for record in listed.records] == ["first"]
        assert len(resources.uids()) == len(resources.projects()) == 1
        assert OperationStore(catalogue).page("projects/p")[0] == []
    assert time.monotonic() - began < 30  # a writer is waited for twice as long
    if catalogue.dialect == "sqlite":
        with catalogue.reading() as reading:
            before = reading.execute(select(func.count()).select_from(tables.RESOURCES)).scalar_one()
            resources.create(dataset("third"))
            assert reading.execute(select(func.count()).select_from(tables.RESOURCES)).scalar_one() == before == 2


def test_unknown_database_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be kept in 'mysql'"):
        Catalogue("mysql://somewhere/lse")
