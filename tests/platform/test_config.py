"""Configuration: flags over variables over the file, nothing unknown, Kubernetes' own variables aside."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.platform.config import SECRETS, Settings, load_settings

GUIDE = Path(__file__).parents[2] / "docs" / "operators-guide.md"


@contextmanager
def variables(**given_ones: str) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LSE_")}
    with mock.patch.dict(os.environ, {**kept, **given_ones}, clear=True):
        yield


@pytest.fixture(autouse=True)
def no_variables() -> Iterator[None]:
    with variables():
        yield


def values() -> st.SearchStrategy[dict[str, Any]]:
    """Some settings with values as a person writes them."""
    ports = st.integers(0, 65535)
    words = st.from_regex(r"[a-z][a-z0-9.:/-]{0,20}", fullmatch=True)
    return st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("grpc_port", "metrics_port", "dashboard_port", "vectors_port"), ports),
            **dict.fromkeys(("instance", "catalogue_url", "triton_repository", "project", "host"), words),
            "operation_slots": st.integers(1, 99),
            "drain_seconds": st.floats(0, 1e6),
            "triton_shared_memory": st.booleans(),
            "inference": st.sampled_from(["auto", "triton", "onnxruntime"]),
            "dashboard_origins": st.lists(words, min_size=1, max_size=3).map(tuple),
        },
    )


def as_text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


@given(flags=values(), environment=values(), file=values())
def test_flags_win_over_variables_and_variables_over_the_file(
    tmp_path_factory: pytest.TempPathFactory, flags: dict[str, Any], environment: dict[str, Any], file: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("settings") / "lse.yaml"
    path.write_text(yaml.safe_dump({key: list(v) if isinstance(v, tuple) else v for key, v in file.items()}))
    given_ones = {f"LSE_{key.upper()}": as_text(value) for key, value in environment.items()}
    with variables(LSE_CONFIG=str(path), **given_ones):
        settings = load_settings(**{key: as_text(value) for key, value in flags.items()})
    expected = {**file, **environment, **flags}
    assert {key: getattr(settings, key) for key in expected} == expected
    assert settings.model_fields_set == {*expected, "config"}


@given(
    name=st.from_regex(r"(LSE_)([A-Z0-9]{1,8}_){0,3}", fullmatch=True),
    port=st.integers(1, 65535),
    address=st.ip_addresses(),
    protocol=st.sampled_from(["TCP", "UDP", "SCTP"]),
)
def test_what_kubernetes_sets_for_a_service_is_passed_over(name: str, port: int, address: Any, protocol: str) -> None:
    url = f"{protocol.lower()}://{address}:{port}"
    own = {
        "SERVICE_HOST": str(address),
        "SERVICE_PORT": str(port),
        "SERVICE_PORT_GRPC": str(port),
        "PORT": url,
        f"PORT_{port}_{protocol}": url,
        f"PORT_{port}_{protocol}_PROTO": protocol.lower(),
        f"PORT_{port}_{protocol}_PORT": str(port),
        f"PORT_{port}_{protocol}_ADDR": str(address),
    }
    with variables(**{name + key: value for key, value in own.items()}):
        assert load_settings() == load_settings()
        assert load_settings().model_fields_set == set()


def test_service_named_like_a_key_does_not_hide_the_key(tmp_path: Path) -> None:
    with variables(LSE_GRPC_PORT="tcp://10.0.0.1:50051", LSE_GRPC_SERVICE_HOST="10.0.0.1"):
        assert load_settings().grpc_port == 50051
    with variables(LSE_GRPC_PORT="4001"):
        assert load_settings().grpc_port == 4001


def test_empty_variable_counts_as_not_set() -> None:
    with variables(LSE_METRICS_PORT="", LSE_CONFIG=""):
        assert load_settings().model_fields_set == set()


def test_options_of_the_artifacts_are_json() -> None:
    with variables(LSE_ARTIFACTS_OPTIONS='{"endpoint_url": "https://s3"}'):
        assert load_settings().artifacts_options == {"endpoint_url": "https://s3"}
    with (
        variables(LSE_ARTIFACTS_OPTIONS="{"),
        pytest.raises(InvalidArgumentError, match=r"^LSE_ARTIFACTS_OPTIONS cannot be '\{': it must be a mapping"),
    ):
        load_settings()


def test_secrets_never_show() -> None:
    secrets = {"vectors_api_key", "token", "dashboard_client_secret", "dashboard_cookie_secret"}
    with variables(**{f"LSE_{key.upper()}": "very-secret" for key in secrets}):
        settings = load_settings(catalogue_url="postgresql+psycopg://lse:very-secret@host/lse")
    assert secrets == SECRETS
    assert settings.vectors_api_key is not None
    assert settings.vectors_api_key.get_secret_value() == "very-secret"
    assert "very-secret" not in repr(settings)
    assert "very-secret" not in str(settings)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (
            {"grpc_port": "70000"},
            "--grpc-port cannot be '70000': it must be a whole number from 0 to 65535.",
        ),
        ({"inference": "magic"}, "--inference cannot be 'magic': it must be one of auto, triton, onnxruntime."),
        ({"workers": "0"}, "--workers cannot be '0': it must be a whole number at least 1, or null."),
    ],
)
def test_wrong_flag_is_named(flags: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        load_settings(**flags)
    assert caught.value.message == told


def test_wrong_variable_and_wrong_key_are_named(tmp_path: Path) -> None:
    file = tmp_path / "lse.yaml"
    file.write_text("grpc_port: many\n")
    with pytest.raises(
        InvalidArgumentError, match=rf"^grpc_port in {file} cannot be 'many': it must be a whole number"
    ):
        load_settings(config=file)
    with variables(LSE_GRPC_PORT="few"), pytest.raises(InvalidArgumentError, match=r"^LSE_GRPC_PORT cannot be 'few'"):
        load_settings(config=file)
    file.write_text("vectors_api_key: [very, secret]\n")
    with pytest.raises(InvalidArgumentError, match=r"^vectors_api_key in .* cannot be what it is") as caught:
        load_settings(config=file)
    assert "very" not in caught.value.message


def test_unknown_variable_and_unknown_key_are_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with (
        variables(LSE_GRPC_PROT="1"),
        pytest.raises(InvalidArgumentError, match=r"LSE_GRPC_PROT is not a setting: did you mean 'LSE_GRPC_PORT'\?"),
    ):
        load_settings()
    file = tmp_path / "lse.yaml"
    file.write_text("catalog_url: x\n")
    with pytest.raises(InvalidArgumentError, match=r"'catalog_url' in .*lse\.yaml is not a setting: .*catalogue_url"):
        load_settings(config=file)


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "lse.yaml"
    file.write_text("grpc_port: [1]\nhost: {a: 1}\nfoo: 1\n")
    with variables(LSE_WORKERS="many", LSE_METRIC_PORT="1"), pytest.raises(InvalidArgumentError) as caught:
        load_settings(config=file, grpc_port=70000)
    for name in ("LSE_METRIC_PORT", "'foo' in", f"host in {file}", "LSE_WORKERS", "--grpc-port"):
        assert caught.value.message.count(name) == 1, name
    assert caught.value.reason == "SETTING_UNKNOWN"


@pytest.mark.parametrize(
    "content", [None, "a: [", "host: a\nhost: b", "just words", "- a\n- b\n", "7: 8\n", "? [a]\n: 1\n", "\xff\xfe"]
)
def test_unreadable_file_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "lse.yaml"
    if content is not None:
        file.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidArgumentError, match=r"configuration file .*lse\.yaml") as caught:
        load_settings(config=file)
    assert caught.value.reason == "SETTINGS_UNREADABLE"


def test_missing_settings_say_how_to_give_them() -> None:
    with pytest.raises(FailedPreconditionError) as caught:
        load_settings(artifacts_url="file:///a").require("artifacts_url", "catalogue_url", "vectors_url")
    for way in ("LSE_CATALOGUE_URL", "--catalogue-url", "catalogue_url", "sqlite:///", "LSE_VECTORS_URL"):
        assert way in caught.value.message


def test_guide_lists_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", GUIDE.read_text(), re.MULTILINE))
    assert Settings.model_fields.keys() - rows.keys() == set()
    for key, field in Settings.model_fields.items():
        if isinstance(field.default, str | int | float | Path) and field.default != "":
            assert rows[key].strip("`").lower() == f"{field.default}".lower(), key
