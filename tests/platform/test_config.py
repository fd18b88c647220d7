"""Configuration: variables over the file, nothing unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from lse.platform.config import load_settings
from lse.platform.errors import InvalidArgumentError

NEEDED = {
    "catalogue_url": "sqlite:///c.db",
    "artifacts_url": "file:///a",
    "vectors_url": "http://localhost:6334",
    "compute_url": "tcp://localhost:8786",
}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("LSE_") and not name.startswith("LSE_TEST_"):
            monkeypatch.delenv(name)


def test_variables_win_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lse.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in NEEDED.items()) + "grpc_port: 4000\n")
    assert load_settings(file).grpc_port == 4000
    monkeypatch.setenv("LSE_CONFIG", str(file))
    monkeypatch.setenv("LSE_GRPC_PORT", "4001")
    assert load_settings().grpc_port == 4001


def test_key_never_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSE_VECTORS_API_KEY", "very-secret")
    settings = load_settings(**NEEDED)
    assert settings.vectors_api_key == "very-secret"
    assert "very-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({**NEEDED, "grpc_prot": 1}, "grpc_prot"),
        ({**NEEDED, "grpc_port": 70000}, "grpc_port"),
        ({**NEEDED, "inference": "magic"}, "inference"),
        ({}, "catalogue_url"),
    ],
)
def test_wrong_setting_is_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidArgumentError, match=named):
        load_settings(**values)


def test_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSE_GRPC_PROT", "1")
    with pytest.raises(InvalidArgumentError, match="LSE_GRPC_PROT is no setting"):
        load_settings(**NEEDED)


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"nowhere\.yaml cannot be read"):
        load_settings(tmp_path / "nowhere.yaml")
