"""Calls by HTTP pass the same checks as calls by gRPC, and are answered with the same errors."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import openapi_spec_validator
import pytest
import security_roles
from google.protobuf import json_format
from google.rpc import error_details_pb2

from every_method import answers_of, declared, filled_request, patterns_of
from guarded_services import Guarded
from lse.status import error_of_call

GET = "latentspace.ingestion.v1.IngestionService/GetDataset"
METHODS = [method for method in security_roles.declared_methods() if not method.startswith("grpc.")]


def post(url: str, body: bytes, token: str | None = None, **headers: str) -> tuple[int, Any]:
    """Status and content of the answer to a request in JSON."""
    given = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, body, given | {key.replace("_", "-"): headers[key] for key in headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def curl(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        ["curl", "--silent", "--max-time", "30", "--write-out", "\n%{http_code}", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


@pytest.mark.parametrize("who", ["nobody", "viewer", "admin of another project", "admin"])
def test_every_method_answers_as_by_grpc(guarded: Guarded, who: str) -> None:
    user = {"viewer": "vera", "admin of another project": "bo", "admin": "ada"}.get(who)
    token, patterns = user and guarded.user(user), patterns_of(METHODS)
    wrong = []
    with grpc.insecure_channel(guarded.address) as channel:
        for method in METHODS:
            if declared(method).client_streaming or declared(method).server_streaming:
                continue
            request = filled_request(method, patterns, {"project": "p"})
            expected = answers_of(channel, method, request, token)
            status, answer = post(f"{guarded.http_url}/{method}", json_format.MessageToJson(request).encode(), token)
            if not isinstance(expected, grpc.RpcError):
                if status != 200:
                    wrong.append((method, status, answer))
                continue
            error = error_of_call(expected)
            detail = answer["details"][0]["debug"]
            found = (answer["code"], answer["message"], detail["reason"], detail["metadata"])
            if found != (error.code.lower(), error.message, error.reason, error.metadata) or status == 200:
                wrong.append((method, found, error))
    assert wrong == []


def test_curl_is_answered_and_an_error_has_its_reason(guarded: Guarded) -> None:
    url, json_type = f"{guarded.http_url}/{GET}", ("-H", "Content-Type: application/json")
    login = ("-H", f"Authorization: Bearer {guarded.user('vera')}")
    status, body = curl(*json_type, *login, "-d", '{"name": "projects/p/datasets/d"}', url)
    assert (status, json.loads(body)["name"]) == (200, "projects/p/datasets/d")
    status, body = curl(*json_type, "-d", '{"name": "projects/p/datasets/d"}', "--include", url)
    assert status == 401
    assert "WWW-Authenticate: Bearer" in body
    assert "X-Content-Type-Options: nosniff" in body
    status, body = curl(*json_type, *login, "-d", '{"name": "projects/p/datasets/none"}', url)
    error = json.loads(body)
    assert (status, error["code"]) == (404, "not_found")
    value = error["details"][0]["value"]
    info = error_details_pb2.ErrorInfo.FromString(base64.b64decode(value + "=" * (-len(value) % 4)))
    assert (info.reason, info.metadata["name"]) == ("DATASET_NOT_FOUND", "projects/p/datasets/none")


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"{", {}, 400, "REQUEST_INVALID"),
        (b'{"nome": "x"}', {}, 400, "REQUEST_INVALID"),
        (b"\xff\xfe", {}, 400, "REQUEST_INVALID"),
        (b'{"name":' + b"[" * 100_000, {}, 400, "REQUEST_INVALID"),
        (b'{"name": "' + b"x" * (25 << 20) + b'"}', {}, 429, "REQUEST_TOO_LARGE"),
        (b"{}", {"Connect-Timeout-Ms": "soon"}, 400, "TIMEOUT_INVALID"),
        (b'{"name": "projects/p/datasets/d"}', {"Connect-Timeout-Ms": "0"}, 504, "DEADLINE_EXCEEDED"),
        (b"{}", {"Content-Encoding": "snappy"}, 501, "ENCODING_UNSUPPORTED"),
        (b"{}", {"Host": "attacker.example.org"}, 403, "HOST_NOT_ALLOWED"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str | dict) else None,
)
def test_what_is_odd_is_refused_in_words(
    guarded: Guarded, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    found, answer = post(f"{guarded.http_url}/{GET}", body, guarded.user("vera"), **headers)
    assert (found, answer["details"][0]["debug"]["reason"]) == (status, reason), answer["message"]


def test_a_call_of_too_little_time_is_answered_all_the_same(guarded: Guarded) -> None:
    def status_of(milliseconds: int) -> int:
        limit = {"Connect-Timeout-Ms": str(milliseconds)}
        return post(f"{guarded.http_url}/{GET}", b'{"name": "projects/p/datasets/d"}', token, **limit)[0]

    token = guarded.user("vera")
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(status_of, [0, 1, 2] * 200)) <= {200, 504}


def test_pages_of_other_sites_can_send_nothing(guarded: Guarded) -> None:
    url = f"{guarded.http_url}/{GET}"
    # What browsers send to other sites without asking first; and their question, to which nothing says yes.
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        status, said = curl("-H", f"Content-Type: {kind}", "-d", "{}", url)
        assert (status, said) == (415, "GetDataset takes Content-Type: application/json\n")
    status, said = curl("--include", "-X", "OPTIONS", "-H", "Origin: https://attacker.example.org", url)
    assert status == 405
    assert "access-control" not in said.lower()


def test_streams_and_methods_that_are_not_there_are_named(guarded: Guarded) -> None:
    stream = "latentspace.annotation.v1.AnnotationService/ReadLabels"
    status, said = curl("-H", "Content-Type: application/json", "-d", "{}", f"{guarded.http_url}/{stream}")
    assert status == 415
    assert "application/connect+json" in said
    status, answer = post(f"{guarded.http_url}/latentspace.nothing.v1.NothingService/Do", b"{}")
    assert (status, answer["code"], answer["details"][0]["debug"]["reason"]) == (404, "unimplemented", "CALL_UNKNOWN")
    assert curl(f"{guarded.http_url}/{GET}")[0] == 405


def test_the_api_describes_itself(guarded: Guarded) -> None:
    status, body = curl("--compressed", f"{guarded.http_url}/openapi.json")
    document = json.loads(body)
    openapi_spec_validator.validate(document)
    assert status == 200
    assert {path.removeprefix("/") for path in document["paths"]} >= {*METHODS}
    undescribed = [path for path, item in document["paths"].items() if not item["post"]["description"]]
    assert undescribed == []
    status, page = curl(guarded.http_url)
    assert status == 200
    assert f"/{GET}" in page
    assert guarded.http_url in page
