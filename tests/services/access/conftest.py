"""All services behind a login, once for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from guarded_services import Guarded, guarded_services


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_services(tmp_path_factory.mktemp("guarded")) as guarded:
        yield guarded
