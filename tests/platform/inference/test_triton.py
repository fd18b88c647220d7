"""What only a Triton server has: its repository, its process, its absence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from tests.platform.inference.conftest import EncoderFile, triton_settings
from tritonclient.grpc import model_config_pb2

from lse.errors import DeadlineExceededError, FailedPreconditionError, NotFoundError, UnavailableError
from lse.platform.inference import InferenceSettings, ModelSignature, ModelVersion, open_engine
from lse.platform.inference.triton import TritonEngine
from lse.platform.inference.triton_repository import ModelRepository, model_config, model_of, triton_name
from lse.platform.inference.triton_server import TritonServer, find_triton

GALAXIES = ModelVersion("projects/p/encoders/galaxies")
IMAGES = np.random.default_rng(1).normal(size=(20, 3, 16, 16)).astype(np.float32)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid: str) -> bool:
    """Whether a process runs; one that has ended may stay as a zombie where no init process collects it."""
    status = Path("/proc", pid, "stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def traces_of(prefix: str) -> list[str]:
    """Processes that hold models, and shared memory, of servers with this prefix."""
    traces = [path.name for path in Path("/dev/shm").iterdir() if path.name.startswith(prefix)]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            traces += [word for word in path.read_text(errors="replace").split("\0") if word.startswith(prefix)]
    return traces


def test_names_there_and_back() -> None:
    for model in (GALAXIES, ModelVersion("a", 12), ModelVersion("a_B-1/v2", 3)):
        assert model_of(triton_name(model)) == model
    assert model_of("somebody-elses-model") is None


@pytest.mark.parametrize("backend", ["python", "onnxruntime"])
@pytest.mark.parametrize("gpu", [False, True])
def test_config_for_both_backends(backend: str, gpu: bool) -> None:
    settings = InferenceSettings(
        kind="triton", repository="models", backend=backend, gpu=gpu, max_batch_size=32, instances=2, threads=3
    )
    text = model_config(GALAXIES, ModelSignature(image_shape=(3, 64, 48), dimension=128), settings)
    config = text_format.Parse(text, model_config_pb2.ModelConfig())
    assert (config.name, config.backend, config.max_batch_size) == (triton_name(GALAXIES), backend, 32)
    assert (config.input[0].name, list(config.input[0].dims)) == ("images", [3, 64, 48])
    assert (config.output[0].name, list(config.output[0].dims)) == ("vectors", [128])
    assert config.HasField("dynamic_batching")
    group = model_config_pb2.ModelInstanceGroup
    assert config.instance_group[0].kind == (group.KIND_GPU if gpu else group.KIND_CPU)
    assert config.instance_group[0].count == 2
    assert config.parameters["intra_op_thread_count"].string_value == "3"
    assert config.parameters["slice_size"].string_value == "32"


@pytest.mark.parametrize(("side", "largest"), [(16, 768), (64, 512), (1024, 8)])
def test_large_images_do_not_fill_the_memory_of_the_server(side: int, largest: int) -> None:
    settings = InferenceSettings(kind="triton", repository="models")
    text = model_config(GALAXIES, ModelSignature(image_shape=(3, side, side), dimension=8), settings)
    assert text_format.Parse(text, model_config_pb2.ModelConfig()).max_batch_size == largest


@pytest.mark.triton
def test_repository_holds_whole_models_only(triton_server: TritonServer, encoder_file: EncoderFile) -> None:
    engine = TritonEngine(triton_settings(triton_server))
    engine.load(GALAXIES, encoder_file())
    folder = triton_server.repository / triton_name(GALAXIES)
    for name in ("config.pbtxt", "1/model.onnx", "1/model.py"):
        assert (folder / name).is_file()
    assert list((triton_server.repository / ".incoming").iterdir()) == []
    engine.unload(GALAXIES)
    assert not folder.exists()
    engine.close()


@pytest.mark.triton
def test_a_model_that_is_unloaded_while_it_is_loaded_can_be_loaded_again(
    triton_server: TritonServer, encoder_file: EncoderFile
) -> None:
    path = encoder_file()
    # The call that loads it is cut off, as by a connection that breaks; the server loads on.
    impatient = TritonEngine(triton_settings(triton_server, instances=4, timeout=0.03))
    engine = TritonEngine(triton_settings(triton_server, instances=4, timeout=30.0))
    for _ in range(2):
        with pytest.raises(DeadlineExceededError):
            impatient.load(GALAXIES, path)
        engine.unload(GALAXIES)
        engine.load(GALAXIES, path)
        assert engine.encode(GALAXIES, IMAGES).shape == (20, 5)
        engine.unload(GALAXIES)
    engine.close()
    impatient.close()


@pytest.mark.triton
def test_several_processes_may_load_the_same(triton_server: TritonServer, encoder_file: EncoderFile) -> None:
    path = encoder_file()
    engines = [TritonEngine(triton_settings(triton_server)) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda engine: engine.load(GALAXIES, path), engines))
        vectors = list(threads.map(lambda engine: engine.encode(GALAXIES, IMAGES), engines))
    for other in vectors[1:]:
        np.testing.assert_allclose(other, vectors[0], rtol=1e-5, atol=1e-6)
    # An engine that loaded nothing may use what others loaded, and sees that it has gone.
    late = TritonEngine(triton_settings(triton_server))
    np.testing.assert_allclose(late.encode(GALAXIES, IMAGES), vectors[0], rtol=1e-5, atol=1e-6)
    engines[0].unload(GALAXIES)
    for engine in (late, engines[1]):
        with pytest.raises(NotFoundError):
            engine.encode(GALAXIES, IMAGES)
    for engine in (late, *engines):
        engine.close()


@pytest.mark.triton
def test_other_settings_reconfigure_a_loaded_model(triton_server: TritonServer, encoder_file: EncoderFile) -> None:
    path = encoder_file()
    config = triton_server.repository / triton_name(GALAXIES) / "config.pbtxt"
    for instances in (1, 2):
        engine = TritonEngine(triton_settings(triton_server, instances=instances))
        engine.load(GALAXIES, path)
        assert f"count: {instances}" in config.read_text()
        assert engine.encode(GALAXIES, IMAGES).shape == (20, 5)
    engine.unload(GALAXIES)
    engine.close()


@pytest.mark.triton
def test_batches_that_are_computed_in_slices(triton_server: TritonServer, encoder_file: EncoderFile) -> None:
    path = encoder_file(shape=(3, 64, 64))
    settings = triton_settings(triton_server, max_batch_size=256, shared_memory=True)
    engine = TritonEngine(settings)
    signature = engine.load(GALAXIES, path)
    assert settings.slice_size(signature) == 16 < settings.request_size(signature, 100) == 100
    images = np.random.default_rng(1).normal(size=(100, 3, 64, 64)).astype(np.float32)
    vectors = onnxruntime.InferenceSession(path).run(["vectors"], {"images": images})[0]
    np.testing.assert_allclose(engine.encode(GALAXIES, images), vectors, rtol=1e-4, atol=1e-5)
    engine.unload(GALAXIES)
    engine.close()


@pytest.mark.triton
def test_model_that_the_server_cannot_load_leaves_nothing(
    triton_server: TritonServer, encoder_file: EncoderFile
) -> None:
    # The server of the wheel has no ONNX Runtime backend of its own.
    engine = TritonEngine(triton_settings(triton_server, backend="onnxruntime"))
    with pytest.raises(FailedPreconditionError) as caught:
        engine.load(GALAXIES, encoder_file())
    assert caught.value.reason == "TRITON_LOAD_FAILED"
    assert engine.loaded() == []
    assert ModelRepository(triton_server.repository).digest(GALAXIES) is None
    engine.close()


def test_server_away(tmp_path: Path, encoder_file: EncoderFile) -> None:
    engine = open_engine(
        InferenceSettings(kind="triton", url="127.0.0.1:9", repository=os.fspath(tmp_path / "models"), timeout=5.0)
    )
    for call in (engine.loaded, lambda: engine.load(GALAXIES, encoder_file())):
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9 cannot be reached"):
            call()


@pytest.mark.triton
@pytest.mark.parametrize("shared_memory", [False, True])
def test_killed_server_and_its_return(
    triton_program: Path, tmp_path: Path, encoder_file: EncoderFile, shared_memory: bool
) -> None:
    with TritonServer(triton_program, tmp_path / "models") as server:
        engine = TritonEngine(triton_settings(server, shared_memory=shared_memory))
        engine.load(GALAXIES, encoder_file())
        before = engine.encode(GALAXIES, IMAGES)

        assert traces_of(server._prefix)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        for call in (lambda: engine.encode(GALAXIES, IMAGES), engine.loaded, lambda: engine.unload(GALAXIES)):
            with pytest.raises(UnavailableError) as caught:
                call()
            assert caught.value.reason == "TRITON_UNAVAILABLE"
        wait_until(lambda: server.pid is None and not traces_of(server._prefix))

        server.start()
        server.wait_until_ready(60)
        # No one loads the model again: the repository says that it shall be there.
        np.testing.assert_allclose(engine.encode(GALAXIES, IMAGES), before, rtol=1e-5, atol=1e-6)
        assert engine.loaded() == [GALAXIES]
        engine.close()


@pytest.mark.triton
def test_shared_memory_leaves_nothing(triton_server: TritonServer, encoder_file: EncoderFile) -> None:
    held = open_memory()
    engine = TritonEngine(triton_settings(triton_server, shared_memory=True))
    engine.load(GALAXIES, encoder_file())
    before = engine.encode(GALAXIES, IMAGES)
    assert open_memory() > held
    engine.close()
    assert open_memory() == held
    # The next client gets memory of its own, though the process has the same numbers for it.
    again = TritonEngine(triton_settings(triton_server, shared_memory=True))
    np.testing.assert_array_equal(again.encode(GALAXIES, IMAGES[::-1]), before[::-1])
    again.unload(GALAXIES)
    again.close()


@pytest.mark.triton
def test_server_that_cannot_read_the_memory(
    triton_server: TritonServer, encoder_file: EncoderFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = TritonEngine(triton_settings(triton_server, shared_memory=True))
    engine.load(GALAXIES, encoder_file())
    with monkeypatch.context() as elsewhere:
        # What a server on another machine or in another container finds under this number: nothing, or another process.
        for process in (2**22, 1, triton_server.pid):
            elsewhere.setattr(os, "getpid", lambda process=process: process)
            with pytest.raises(FailedPreconditionError) as caught:
                engine.encode(GALAXIES, IMAGES)
            assert caught.value.reason == "SHARED_MEMORY_UNREADABLE"
    assert engine.encode(GALAXIES, IMAGES).shape == (20, 5)
    engine.unload(GALAXIES)
    engine.close()


@pytest.mark.triton
def test_small_requests_are_put_together(triton_server: TritonServer, encoder_file: EncoderFile) -> None:
    path = encoder_file()
    engine = TritonEngine(triton_settings(triton_server, shared_memory=True))
    engine.load(GALAXIES, path)
    vectors = onnxruntime.InferenceSession(path).run(["vectors"], {"images": IMAGES})[0]
    with ThreadPoolExecutor(20) as clients:
        found = list(clients.map(lambda i: engine.encode(GALAXIES, IMAGES[i : i + 1 + i % 3]), range(18)))
    for i, part in enumerate(found):
        np.testing.assert_allclose(part, vectors[i : i + 1 + i % 3], rtol=1e-4, atol=1e-5)
    engine.unload(GALAXIES)
    engine.close()


@pytest.mark.triton
def test_server_outlives_the_thread_that_started_it(triton_program: Path, tmp_path: Path) -> None:
    before = traces_of(f"lse_triton_{os.getpid()}_")
    server = TritonServer(triton_program, tmp_path)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    server.wait_until_ready(60)
    assert server.pid is not None
    server.stop()
    assert server.pid is None
    assert traces_of(f"lse_triton_{os.getpid()}_") == before


@pytest.mark.triton
def test_server_ends_with_its_parent(triton_program: Path, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from lse.platform.inference.triton_server import TritonServer\n"
        "server = TritonServer(Path(sys.argv[1]), Path(sys.argv[2])); server.start(); server.wait_until_ready(60)\n"
        "print(server.pid, os.getpid(), flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, os.fspath(triton_program), os.fspath(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    server, owner = done.stdout.split()
    wait_until(lambda: not runs(server) and not traces_of(f"lse_triton_{owner}_"))


@pytest.mark.triton
def test_port_that_is_taken(triton_server: TritonServer, triton_program: Path, tmp_path: Path) -> None:
    second = TritonServer(triton_program, tmp_path, grpc_port=triton_server.grpc_port)
    with pytest.raises(UnavailableError) as caught:
        second.start()
    assert caught.value.reason == "PORT_TAKEN"


@pytest.mark.triton
def test_server_that_does_not_start(triton_program: Path, tmp_path: Path) -> None:
    server = TritonServer(triton_program, tmp_path / "models", log=tmp_path / "server.log")
    server.repository.rmdir()
    server.start()
    with pytest.raises(UnavailableError, match=r"Triton server ended at once .*server\.log") as caught:
        server.wait_until_ready(60)
    assert caught.value.reason == "PROCESS_START_FAILED"


def test_finding_the_installation(tmp_path: Path) -> None:
    with pytest.raises(FailedPreconditionError) as caught:
        find_triton(tmp_path)
    assert caught.value.reason == "TRITON_MISSING"
    (tmp_path / "installed.txt").touch()
    assert find_triton(tmp_path) == tmp_path


def open_memory() -> int:
    """Pieces of shared memory that this process has open."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of this listing is gone again
            count += str(link.readlink()).startswith("/memfd:lse_")
    return count
