"""A server process as an operator meets it: health, reflection, errors, metrics, drain."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status import rpc_status

from latentspace.ingestion.v1 import ingestion_pb2 as pb
from latentspace.ingestion.v1.ingestion_pb2_grpc import IngestionServiceStub
from latentspace.projection.v1 import projection_pb2
from latentspace.projection.v1.projection_pb2_grpc import ProjectionServiceStub
from lse.platform.ports import free_port
from lse.server import SERVICES

LSE = Path(sys.executable).with_name("lse")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables that configure a server process."""
    home = tmp_path_factory.mktemp("server")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LSE_")},
        "LSE_GRPC_PORT": str(free_port()),
        "LSE_METRICS_PORT": str(free_port()),
        "LSE_CATALOGUE_URL": f"sqlite:///{home / 'catalogue.db'}",
        "LSE_ARTIFACTS_URL": f"file://{home / 'artifacts'}",
        "LSE_VECTORS_URL": "http://127.0.0.1:1",
        "LSE_COMPUTE_URL": "tcp://127.0.0.1:1",
    }


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves all services."""
    refused = subprocess.run([LSE, "serve"], env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "run `lse migrate`" in refused.stderr
    subprocess.run([LSE, "migrate"], env=environment, check=True, timeout=90)
    process = subprocess.Popen([LSE, "serve"], env=environment, stderr=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def channel(environment: dict[str, str], server: subprocess.Popen[bytes]) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{environment['LSE_GRPC_PORT']}") as channel:
        grpc.channel_ready_future(channel).result(timeout=90)
        yield channel


def reflected(channel: grpc.Channel, version: str, request: reflection_pb2.ServerReflectionRequest) -> Any:
    ask = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return next(ask(iter([request])))


def services_of(channel: grpc.Channel, version: str = "v1alpha") -> set[str]:
    answer = reflected(channel, version, reflection_pb2.ServerReflectionRequest(list_services=""))
    return {service.name for service in answer.list_services_response.service}


def test_reflection_of_both_versions_describes_every_service_and_itself(channel: grpc.Channel) -> None:
    services = services_of(channel, "v1")
    assert services == services_of(channel)
    for service in services:
        request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)
        files = [
            descriptor_pb2.FileDescriptorProto.FromString(file)
            for file in reflected(channel, "v1", request).file_descriptor_response.file_descriptor_proto
        ]
        assert service in {f"{file.package}.{each.name}" for file in files for each in file.service}


def test_every_service_of_the_api_is_served_and_healthy(channel: grpc.Channel) -> None:
    expected = {f"latentspace.{name}.v1.{name.capitalize()}Service" for name in SERVICES}
    assert expected | {"google.longrunning.Operations"} <= services_of(channel)
    health = health_pb2_grpc.HealthStub(channel)
    for name in ["", *expected]:
        assert health.Check(health_pb2.HealthCheckRequest(service=name)).status == 1
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="nothing"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_errors_carry_code_sentence_and_reason(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        IngestionServiceStub(channel).GetDataset(pb.GetDatasetRequest(name="projects/p/datasets/none"))
    status = rpc_status.from_call(caught.value)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert (info.reason, info.domain) == ("DATASET_NOT_FOUND", "latentspace")
    assert info.metadata["name"] == "projects/p/datasets/none"
    with pytest.raises(grpc.RpcError) as caught:
        IngestionServiceStub(channel).GetDataset(pb.GetDatasetRequest(name="datasets/none"))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "projects/{project}/datasets/{dataset}" in caught.value.details()


def test_an_empty_request_says_what_a_name_looks_like(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        ProjectionServiceStub(channel).TransformProjection(projection_pb2.TransformProjectionRequest())
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "projections/{projection}" in caught.value.details()


def test_metrics_count_calls(channel: grpc.Channel, environment: dict[str, str]) -> None:
    IngestionServiceStub(channel).ListProjects(pb.ListProjectsRequest())
    with urllib.request.urlopen(f"http://127.0.0.1:{environment['LSE_METRICS_PORT']}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    pattern = r'lse_rpc_calls_total\{code="OK",method="/latentspace\.ingestion\.v1\.IngestionService/ListProjects"\} '
    assert re.search(pattern + r"[1-9]", text)


def probe(environment: dict[str, str], path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{environment['LSE_METRICS_PORT']}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_readiness_is_that_of_the_data_and_liveness_that_of_the_process(
    channel: grpc.Channel, environment: dict[str, str]
) -> None:
    health = health_pb2_grpc.HealthStub(channel)

    def served(wanted: int) -> bool:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if health.Check(health_pb2.HealthCheckRequest(service="")).status == wanted:
                return True
            time.sleep(0.1)
        return False

    assert (probe(environment, "/livez"), probe(environment, "/readyz")) == ((200, "ok\n"), (200, "ok\n"))
    artifacts = Path(environment["LSE_ARTIFACTS_URL"].removeprefix("file://"))
    away = artifacts.with_name("away")
    artifacts.rename(away)
    artifacts.write_text("what a volume leaves that is not mounted")
    assert served(health_pb2.HealthCheckResponse.NOT_SERVING)
    status, why = probe(environment, "/readyz")
    assert status == 503
    assert why.startswith("artifacts: The artifacts at file://")
    assert probe(environment, "/livez") == (200, "ok\n")
    assert 'lse_dependency_up{dependency="artifacts"} 0.0' in probe(environment, "/metrics")[1]
    artifacts.unlink()
    away.rename(artifacts)
    assert served(health_pb2.HealthCheckResponse.SERVING)
    assert probe(environment, "/readyz") == (200, "ok\n")
    assert "lse_operations_pending 0.0" in probe(environment, "/metrics")[1]


def test_second_server_on_the_port_is_refused(channel: grpc.Channel, environment: dict[str, str]) -> None:
    second = subprocess.run(
        [LSE, "serve", "search"],
        env={**environment, "LSE_METRICS_PORT": str(free_port())},
        capture_output=True,
        check=False,
        text=True,
        timeout=90,
    )
    assert second.returncode == 1
    assert (
        second.stderr.strip().splitlines()[-1].startswith(f"Port {environment['LSE_GRPC_PORT']} of 127.0.0.1 is taken")
    )


def test_waiting_call_is_answered_while_the_server_drains(
    channel: grpc.Channel, server: subprocess.Popen[bytes], environment: dict[str, str]
) -> None:
    from google.longrunning import operations_pb2, operations_pb2_grpc
    from google.protobuf.duration_pb2 import Duration

    # An operation that nobody works on: its kind is served nowhere.
    from lse.platform.catalogue import Catalogue
    from lse.platform.operations import OperationStore

    catalogue = Catalogue(environment["LSE_CATALOGUE_URL"])
    operation = OperationStore(catalogue).create("Nothing", "projects/p/datasets/d")
    catalogue.close()
    waiting = operations_pb2_grpc.OperationsStub(channel).WaitOperation.future(
        operations_pb2.WaitOperationRequest(name=operation.name, timeout=Duration(seconds=3)), timeout=30
    )
    time.sleep(0.5)
    server.send_signal(signal.SIGTERM)
    assert waiting.result().name == operation.name
    assert server.wait(60) == 0
