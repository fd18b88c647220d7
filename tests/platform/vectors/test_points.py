"""Payload keys as filters and indexes name them."""

from __future__ import annotations

import pytest

from lse.errors import InvalidArgumentError
from lse.platform.vectors.points import has_path, key_of_path, path_of_key


@pytest.mark.parametrize("key", ["name", "header.exptime", "a b", "cluster.k", "µ", "-"])
def test_keys_with_a_path(key: str) -> None:
    assert has_path(key)
    assert key_of_path(path_of_key(key)) == key


@pytest.mark.parametrize("key", ["", 'a "b"', "back\\slash"])
def test_keys_without_a_path(key: str) -> None:
    assert not has_path(key)
    with pytest.raises(InvalidArgumentError):
        path_of_key(key)
