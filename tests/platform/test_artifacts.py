"""Artifacts, the same on a local disk and in S3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from buckets import Bucket
from lse.errors import DataLossError, InvalidArgumentError, UnavailableError
from lse.platform.artifacts import Artifacts


@pytest.fixture(params=["file", "s3"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    if request.param == "file":
        return Artifacts(f"file://{tmp_path}")
    bucket: Bucket = request.getfixturevalue("bucket")
    return Artifacts(f"{bucket.url}/root", bucket.options)


def test_what_cannot_be_used_is_said(artifacts: Artifacts, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    artifacts.check()
    if artifacts.url.startswith("s3"):
        gone = Artifacts("s3://there-is-no-such-bucket/root", artifacts.options)
    else:
        (tmp_path / "file").write_text("no folder")
        gone = Artifacts(f"file://{tmp_path}/file")
    with pytest.raises(UnavailableError, match="cannot be used") as caught:
        gone.check()
    assert caught.value.reason == "ARTIFACTS_UNAVAILABLE"


def test_arrays_come_back(artifacts: Artifacts) -> None:
    uri = f"{artifacts.folder('dataset', 'u1', 'projects/p/operations/o')}/images.zarr"
    values = np.random.default_rng(0).normal(size=(300, 2, 8, 8)).astype(np.float32)
    artifacts.write_array(uri, values, chunk_rows=64)
    np.testing.assert_array_equal(artifacts.read_array(uri), values)
    np.testing.assert_array_equal(artifacts.open_array(uri)[60:70], values[60:70])
    artifacts.open_array(uri, writable=True)[0:64] = values[64:128]
    np.testing.assert_array_equal(artifacts.open_array(uri)[:64], values[64:128])
    with pytest.raises(DataLossError, match="missing"):
        artifacts.open_array(uri + "x")


def test_tables_come_back_whole_or_by_columns_and_groups(artifacts: Artifacts) -> None:
    uri = f"{artifacts.url}/tables/t.parquet"
    table = pa.table({"row": range(1000), "name": [f"n{i}" for i in range(1000)]})
    artifacts.write_table(uri, table, rows_per_group=256)
    assert artifacts.read_table(uri).equals(table)
    assert artifacts.read_table(uri, ["name"]).column_names == ["name"]
    assert artifacts.read_row_group(uri, 1)["row"].to_pylist() == list(range(256, 512))
    with pytest.raises(DataLossError, match="restore it"):
        artifacts.read_table(uri + "x")


def test_interrupted_write_leaves_nothing(artifacts: Artifacts) -> None:
    uri = f"{artifacts.url}/files/f.bin"
    artifacts.write_bytes(uri, b"old")

    class InterruptedWriteError(Exception):
        pass

    def write_half() -> None:
        with artifacts.writing(uri) as file:
            file.write(b"half of the ne")
            raise InterruptedWriteError

    with pytest.raises(InterruptedWriteError):
        write_half()
    assert artifacts.read_bytes(uri) == b"old"
    assert [path.rsplit("/", 1)[-1] for path in artifacts._filesystem.ls(f"{artifacts.url}/files", detail=False)] == [
        "f.bin"
    ]


def test_removing_is_complete_and_may_be_repeated(artifacts: Artifacts) -> None:
    folder = artifacts.folder("dataset", "u2")
    artifacts.write_bytes(f"{folder}/op/a.bin", b"a")
    artifacts.write_bytes(f"{folder}/op/deep/b.bin", b"b")
    assert artifacts.resource_folders().keys() == {"u2"}
    artifacts.remove(folder)
    artifacts.remove(folder)
    assert not artifacts.exists(f"{folder}/op/a.bin")


def test_working_folder_keeps_files_over_processes(artifacts: Artifacts) -> None:
    uri = f"{artifacts.folder('encoder', 'u3')}/training"
    with artifacts.working_folder(uri) as (path, keep):
        (path / "checkpoint.pt").write_bytes(b"one")
        keep()
        (path / "checkpoint.pt").write_bytes(b"two!")
        keep()
    with artifacts.working_folder(uri) as (path, _):
        assert (path / "checkpoint.pt").read_bytes() == b"two!"
    with artifacts.local_file(f"{uri}/checkpoint.pt") as file:
        assert file.read_bytes() == b"two!"


def test_unknown_place_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="file:// or s3://"):
        Artifacts("ftp://somewhere")
