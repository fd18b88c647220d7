"""The catalogue, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lse.platform.catalogue import Catalogue, Resource, Resources
from lse.platform.catalogue.tables import METADATA
from lse.platform.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError


@pytest.fixture
def catalogue(catalogue_url: str) -> Iterator[Catalogue]:
    catalogue = Catalogue(catalogue_url)
    catalogue.migrate()
    yield catalogue
    catalogue.close()


def dataset(name: str, **values: object) -> Resource:
    return Resource(f"projects/p/datasets/{name}", "dataset", "projects/p", **values)  # type: ignore[arg-type]


def test_migrations_lead_to_the_tables_of_the_code(catalogue: Catalogue) -> None:
    catalogue.migrate()  # a second time changes nothing
    with catalogue.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_resource_comes_back_as_it_was_kept(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    made = resources.create(dataset("a", spec={"dataset": "x", "deep": [1, None, {"b": 2.5}]}, result={"n": 1}))
    assert resources.get(made.name, "dataset") == made
    with pytest.raises(NotFoundError, match="no dataset named 'b'"):
        resources.get("projects/p/datasets/b", "dataset")
    with pytest.raises(FailedPreconditionError, match="still being made"):
        resources.get_ready(made.name, "dataset")


def test_taken_name_is_refused_and_a_failed_one_is_replaced(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    made = resources.create(dataset("a"))
    with pytest.raises(AlreadyExistsError, match="exists"):
        resources.create(dataset("a"))
    resources.save(Resource(**{**made.__dict__, "state": "failed"}))
    again = resources.create(dataset("a"))
    assert resources.get(made.name, "dataset").uid == again.uid != made.uid


def test_delete_takes_what_lies_below_and_nothing_beside(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    for name in ("a", "a_b", "aa", "b"):
        resources.create(Resource(f"projects/p/experiments/{name}", "experiment", "projects/p"))
        parent = f"projects/p/experiments/{name}"
        resources.create(Resource(f"{parent}/projections/u", "projection", parent))
    resources.delete("projects/p/experiments/a")
    left = [found.id for found in resources.page("experiment", "projects/p").resources]
    assert left == ["a_b", "aa", "b"]
    assert [found.name for found in resources.below("projects/p/experiments/a_b")] == [
        "projects/p/experiments/a_b/projections/u"
    ]
    assert not resources.below("projects/p/experiments/a")


def test_users_of_a_resource_are_found(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    made = resources.create(dataset("a"))
    for kind, key in (("encoder", "dataset"), ("experiment", "dataset")):
        resources.create(Resource(f"projects/p/{kind}s/x", kind, "projects/p", spec={key: made.name}))
    assert {user.kind for user in resources.made_from(made.name)} == {"encoder", "experiment"}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 12), page_size=st.integers(1, 5))
def test_pages_together_are_everything_once(catalogue: Catalogue, count: int, page_size: int) -> None:
    resources = Resources(catalogue)
    project = f"projects/p{count}-{page_size}"
    for number in range(count):
        name = f"{project}/datasets/d{number:02d}"
        if number >= len(resources.page("dataset", project).resources):
            resources.create(Resource(name, "dataset", project))
    found, token = [], ""
    while True:
        page = resources.page("dataset", project, page_size=page_size, page_token=token)
        assert len(page.resources) <= page_size
        found += [each.id for each in page.resources]
        token = page.next_page_token
        if not token:
            break
    assert found == [f"d{number:02d}" for number in range(count)]


def test_wrong_page_requests_are_refused(catalogue: Catalogue) -> None:
    resources = Resources(catalogue)
    with pytest.raises(InvalidArgumentError, match="negative"):
        resources.page("dataset", "projects/p", page_size=-1)
    with pytest.raises(InvalidArgumentError, match="page token"):
        resources.page("dataset", "projects/p", page_token="%%%")


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


def test_unknown_database_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be kept in 'mysql'"):
        Catalogue("mysql://somewhere/lse")
