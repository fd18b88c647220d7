"""Training runs: exact, resumable, cancellable."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

# Tests are imported by path, so the module beside this one is found by path too.
import training_setup as setup
from lse.errors import CancelledError, DataLossError, FailedPreconditionError, InvalidArgumentError
from lse.progress import Progress
from lse.representation.evaluation.geometry import collapse
from lse.representation.training import callback
from lse.representation.training.run import train, untrained
from lse.representation.training.trained import TrainedEncoder, load_trained

METHODS = list(setup.PARAMETERS)
KILLED_AT = {"simclr": 6, "autoencoder": 12}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainedEncoder]:
    return {method: setup.run(method, tmp_path_factory.mktemp(method)) for method in METHODS}


def _assert_same_weights(first: TrainedEncoder, second: TrainedEncoder) -> None:
    for one, other in ((first.encoder, second.encoder), (first.decoder, second.decoder)):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            state = other.state_dict()
            assert one.state_dict().keys() == state.keys()
            for name, value in one.state_dict().items():
                assert torch.equal(value, state[name]), name


@pytest.mark.parametrize("method", METHODS)
def test_a_run_gives_an_encoder(method: str, undisturbed: dict[str, TrainedEncoder]) -> None:
    trained = undisturbed[method]
    vectors = trained.encode(setup.images())
    assert vectors.shape == (60, 6)
    assert vectors.dtype == np.float32
    assert not collapse(vectors).collapsed
    assert len(trained.history) == 4
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]
    assert trained.images_per_second > 0
    assert (trained.decoder is not None) == (method == "autoencoder")
    np.testing.assert_allclose(trained.encode(setup.images(), batch_size=7), vectors, rtol=1e-4, atol=1e-5)
    rows = np.array([5, 50, 2])
    np.testing.assert_allclose(trained.encode(setup.images(), rows), vectors[rows], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_decides_all(method: str, undisturbed: dict[str, TrainedEncoder], tmp_path: Path) -> None:
    torch.manual_seed(123)  # the state of the process does not matter
    _assert_same_weights(setup.run(method, tmp_path), undisturbed[method])


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of runs that were killed, by method."""
    folders = {method: tmp_path_factory.mktemp(f"killed-{method}") for method in KILLED_AT}
    command = [sys.executable, "-W", "error", setup.__file__]
    for method, step in KILLED_AT.items():
        command += [method, str(folders[method]), str(step)]
    # One thread, so that the process can be copied.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.split() == [str(-signal.SIGKILL)] * len(KILLED_AT)
    return folders


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_run_goes_on_to_the_same_weights(
    method: str, killed: dict[str, Path], undisturbed: dict[str, TrainedEncoder]
) -> None:
    starts: list[int] = []

    def report(progress: Progress) -> None:
        if progress.stage == "training":
            starts.append(progress.done)

    parameters = setup.PARAMETERS[method]
    resumed = train(
        setup.images(),
        method=method,
        parameters={**parameters, "seed": 11},
        workdir=killed[method],
        threads=1,
        on_progress=report,
    )
    assert starts[0] == KILLED_AT[method]
    _assert_same_weights(resumed, undisturbed[method])
    assert resumed.history == undisturbed[method].history


def test_a_run_that_was_lost_after_its_last_step_gives_the_same_again(tmp_path: Path) -> None:
    # Vectors are whitened after the last step: what that sees must not depend on how the weights lie in memory.
    images = np.random.default_rng(0).normal(size=(24, 1, 16, 16)).astype(np.float32)
    parameters = {"epochs": 2, "width": 4, "latent_dim": 8, "batch_size": 12, "seed": 7}
    first, again = (
        train(images, method="simclr", parameters=parameters, workdir=tmp_path, threads=1) for _ in range(2)
    )
    _assert_same_weights(again, first)
    np.testing.assert_array_equal(again.encode(images), first.encode(images))


@pytest.mark.parametrize("stop_at", [0, 1, 7, 15])
def test_a_cancelled_run_leaves_a_clean_state_and_can_go_on(
    stop_at: int, undisturbed: dict[str, TrainedEncoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback, "REPORT_SECONDS", 0.0)
    done = -1

    def report(progress: Progress) -> None:
        nonlocal done
        done = progress.done if progress.stage == "training" else done

    with pytest.raises(CancelledError):
        train(
            setup.images(),
            method="simclr",
            parameters={**setup.PARAMETERS["simclr"], "seed": 11},
            workdir=tmp_path,
            threads=1,
            on_progress=report,
            should_stop=lambda: done >= stop_at,
        )
    assert {path.name for path in tmp_path.iterdir()} <= {"checkpoint.pt", "best.pt"}
    _assert_same_weights(setup.run("simclr", tmp_path), undisturbed["simclr"])


def test_a_finished_run_is_not_trained_again(undisturbed: dict[str, TrainedEncoder], tmp_path: Path) -> None:
    setup.run("simclr", tmp_path)
    again = setup.run("simclr", tmp_path)
    assert again.images_per_second == 0
    _assert_same_weights(again, undisturbed["simclr"])


def test_a_checkpoint_of_other_inputs_is_not_taken_up(tmp_path: Path) -> None:
    setup.run("simclr", tmp_path)
    changed = setup.images()
    changed[0, 0, 0, 0] += 0.5
    fresh = train(
        changed, method="simclr", parameters={**setup.PARAMETERS["simclr"], "seed": 11}, workdir=tmp_path, threads=1
    )
    assert fresh.images_per_second > 0


def test_a_damaged_checkpoint_is_not_taken_up(undisturbed: dict[str, TrainedEncoder], tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    _assert_same_weights(setup.run("simclr", tmp_path), undisturbed["simclr"])


def test_training_works_in_a_thread_and_from_zarr_rows(tmp_path: Path) -> None:
    stored = zarr.create_array(tmp_path / "images.zarr", shape=(60, 2, 16, 16), dtype="f4", chunks=(16, 2, 16, 16))
    stored[:] = setup.images()
    results: list[TrainedEncoder] = []
    reports: list[Progress] = []
    rows = np.arange(0, 60, 2)

    def work() -> None:
        results.append(
            train(
                stored,
                method="simclr",
                parameters={**setup.PARAMETERS["simclr"], "seed": 1},
                workdir=tmp_path / "deep" / "run",
                rows=rows,
                threads=1,
                on_progress=reports.append,
            )
        )

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    (trained,) = results
    assert trained.images == 30
    from_memory = train(
        setup.images()[rows],
        method="simclr",
        parameters={**setup.PARAMETERS["simclr"], "seed": 1},
        workdir=tmp_path / "memory",
        threads=1,
    )
    _assert_same_weights(trained, from_memory)
    training = [report for report in reports if report.stage == "training"]
    assert reports[0].stage == "reading images"
    assert training[-1].done == training[-1].total == 8
    assert {"loss", "images_per_second", "epoch"} <= training[-1].metrics.keys()


@pytest.mark.parametrize("size", [16, 33, 50, 64])
@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("method", METHODS)
def test_any_channels_and_size_from_16(method: str, channels: int, size: int, tmp_path: Path) -> None:
    pixels = setup.images(5, channels=channels, size=size)
    parameters = {"epochs": 1, "batch_size": 2, "width": 4}
    trained = train(pixels, method=method, parameters=parameters, workdir=tmp_path, threads=1)
    vectors = trained.encode(pixels)
    assert vectors.shape == (5, 64)
    if trained.decoder is not None:
        with torch.no_grad():
            assert trained.decoder(torch.from_numpy(vectors)).shape == pixels.shape


def test_a_diverging_training_says_so_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    # The decay multiplies the weights by -99 at every step.
    parameters = {**setup.PARAMETERS["autoencoder"], "learning_rate": "10", "weight_decay": "10", "epochs": "60"}
    with pytest.raises(FailedPreconditionError, match=r"not finite at step .*learning_rate"):
        train(setup.images(), method="autoencoder", parameters=parameters, workdir=tmp_path, threads=1)
    assert {path.name for path in tmp_path.iterdir()} <= {"checkpoint.pt", "best.pt"}


def test_images_of_a_wrong_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="square"):
        train(np.zeros((9, 1, 32, 16)), method="simclr", parameters={}, workdir=tmp_path)


def test_saved_and_loaded_is_the_same(undisturbed: dict[str, TrainedEncoder], tmp_path: Path) -> None:
    for method, trained in undisturbed.items():
        trained.save(tmp_path / method)
        loaded = load_trained(tmp_path / method)
        _assert_same_weights(loaded, trained)
        assert loaded.parameters == trained.parameters
        assert loaded.statistics == trained.statistics
        assert loaded.history == trained.history
        np.testing.assert_array_equal(loaded.encode(setup.images()), trained.encode(setup.images()))


def test_a_damaged_file_is_refused(undisturbed: dict[str, TrainedEncoder], tmp_path: Path) -> None:
    path = tmp_path / "trained.pt"
    undisturbed["simclr"].save(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(DataLossError, match="train it again"):
        load_trained(path)


def test_the_untrained_encoder_depends_on_the_seed_alone() -> None:
    parameters = setup.PARAMETERS["simclr"]
    first, again, other = (
        untrained(setup.images(), method="simclr", parameters={**parameters, "seed": seed}).encode(setup.images())
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
