"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are noisy, so no example has a deadline; and in the integration the examples are the same in every run: what
# fails there must fail again where it is looked into.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real images, or a skip where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LSE_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}: set LSE_TEST_DATA to their folder")
    return folder
