"""Each visitor's requests carry the visitor's own credentials, and nobody sees what another may read."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, create_signed_value

from guarded_services import Guarded, guarded_services
from lse.client import Client, connect
from lse.errors import LseError, NotFoundError
from lse.platform.auth import Caller as ServiceCaller
from lse.platform.auth import acting_as
from lse_dashboard.data.access import Caller, caller_of, expiry_of
from lse_dashboard.data.downloads import Offers
from lse_dashboard.data.libraries import Libraries
from lse_dashboard.data.library import Library
from lse_dashboard.data.uploads import Uploads
from lse_dashboard.plots.scatter_2d import drawn, fitted_view, painted
from lse_dashboard.server import handlers
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.theme import DARK
from world import World


@pytest.mark.parametrize(
    ("headers", "login", "token"),
    [
        ({}, None, None),
        ({"Authorization": "Bearer abc"}, None, "abc"),
        ({"authorization": "bearer  abc "}, None, "abc"),
        ({"Authorization": "Basic abc"}, None, None),
        ({"Authorization": "Bearer a b"}, None, None),
        ({"Authorization": "Bearer abc\u00e9"}, None, None),
        ({"X-Forwarded-Access-Token": "xyz", "Authorization": "Bearer abc"}, None, "xyz"),
        ({"X-Forwarded-Access-Token": "xyz"}, "own", "own"),
    ],
)
def test_a_visitor_is_known_by_the_token_of_the_request(
    headers: dict[str, str], login: str | None, token: str | None
) -> None:
    assert caller_of(headers, login) == Caller(token)


def test_no_token_is_shown_or_kept_in_a_key() -> None:
    caller = Caller("secret-token")
    assert "secret-token" not in repr(caller)
    assert "secret-token" not in caller.key
    assert len({Caller().key, Caller("a").key, Caller("b").key}) == 3


class Services(grpc.GenericRpcHandler):
    """Services that answer no call, and note who made it."""

    def __init__(self) -> None:
        self.calls: list[str | None] = []

    def service(self, handler_call_details: Any) -> None:
        metadata = dict(handler_call_details.invocation_metadata)
        self.calls.append(metadata.get("authorization"))


@pytest.fixture
def services() -> Iterator[tuple[Services, str]]:
    heard = Services()
    server = grpc.server(ThreadPoolExecutor(2), handlers=[heard])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield heard, f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_calls_carry_the_token_of_the_visitor(services: tuple[Services, str]) -> None:
    heard, address = services

    def opened(token: str | None) -> Client:
        return connect(address, token=token)

    libraries = Libraries(opened)
    for caller in (Caller("alice"), Caller("bob"), Caller(), Caller("alice")):
        with pytest.raises(LseError):
            libraries.of(caller).projects()
    assert heard.calls == ["Bearer alice", "Bearer bob", None, "Bearer alice"]


def test_files_are_asked_for_with_the_token_of_the_visitor(services: tuple[Services, str]) -> None:
    heard, address = services
    libraries = Libraries(lambda token: connect(address, token=token))

    async def ask(path: str, **headers: str) -> int:
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/{path}", headers=headers, raise_error=False)
        return answer.code

    async def visit() -> list[int]:
        server.add_sockets(sockets)
        signed = create_signed_value("secret", "access_token", "carol").decode()
        return [
            await ask("health"),
            await ask("thumbnails/default/survey/3", Authorization="Bearer alice"),
            await ask("cards/default/encoder", **{"X-Forwarded-Access-Token": "bob"}),
            await ask("cards/default/encoder.json", Cookie=f"access_token={signed}"),
            await ask("cards/default/encoder.json", Cookie="access_token=forged"),
        ]

    server = HTTPServer(Application(handlers(libraries, Offers(), Offers(), Uploads()), cookie_secret="secret"))
    sockets = bind_sockets(0, "127.0.0.1")
    port = sockets[0].getsockname()[1]
    assert asyncio.run(visit()) == [200, 503, 503, 503, 503]
    assert heard.calls == ["Bearer alice", "Bearer bob", "Bearer carol", None]


def unsigned(expiry: int) -> str:
    """Something that looks like a token that expires then."""
    body = base64.urlsafe_b64encode(json.dumps({"exp": expiry}).encode()).decode().rstrip("=")
    return f"e30.{body}.x"


def test_a_login_goes_on_with_the_token_that_expires_last(services: tuple[Services, str]) -> None:
    heard, address = services
    libraries = Libraries(lambda token: connect(address, token=token))
    first, second = unsigned(1000), unsigned(2000)
    kept = libraries.of(caller_of({}, first, "vera"))
    # The page renews it; a picture is then asked for with the cookie of before.
    for token in (second, first):
        assert libraries.of(caller_of({}, token, "vera")) is kept
    assert libraries.of(caller_of({}, first, "bo")) is not kept
    with pytest.raises(LseError):
        kept.projects()
    assert heard.calls == [f"Bearer {second}"]
    assert [expiry_of(token) for token in (first, "opaque", "a.b.c")] == [1000, 0, 0]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_services(tmp_path_factory.mktemp("guarded")) as services:
        random = np.random.default_rng(0)
        with acting_as(ServiceCaller("root")):
            world = World(services.platform)
            dataset = world.dataset("survey", [{"kind": "ab"[row % 2]} for row in range(300)])
            experiment = world.experiment("x", dataset, random.normal(size=(300, 4)).astype(np.float32))
            world.projection("map", experiment, random.normal(size=(300, 2)).astype(np.float32))
            labels = (np.arange(300) % 3).astype(np.int32)
            world.clustering("groups", experiment, labels=labels, memberships=np.ones(300, np.float32))
        yield services


def test_callers_share_what_each_of_them_may_read(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = Libraries(lambda token: connect(guarded.address, token=token, project="p"))

    def known(library: Library) -> tuple[Any, ...]:
        found = library.contents("p", "x")
        assert found.experiment is not None
        return found.experiment, found.dataset, found.projections[0], found.clusterings[0]

    def read(library: Library, experiment: Any, dataset: Any, projection: Any, clustering: Any) -> list[object]:
        cloud = library.cloud("p", experiment, projection)
        scatter = Scatter()
        scatter.enter(cloud, library.clusters("p", experiment, clustering, cloud))
        assert scatter.shown is not None
        points = painted(cloud, scatter.colouring, DARK, shown=scatter.shown)
        frame, _ = drawn(points, fitted_view(cloud.extent, 40, 30))
        column = library.by_column("p", dataset, "kind", cloud)
        codes, images = points.coded.codes, library.images("p", dataset)
        return [cloud, images, scatter.colouring, scatter.shown, codes, frame, column]

    vera, edo, bo = (libraries.of(Caller(guarded.user(name))) for name in ("vera", "edo", "bo"))
    theirs = known(vera)
    one, other = read(vera, *theirs), read(edo, *known(edo))
    assert [mine is yours for mine, yours in zip(one, other, strict=True)] == [True] * 7
    # Who may not read the project gets nothing of it, although it is all here.
    experiment, dataset, projection, clustering = theirs
    cloud = vera.cloud("p", experiment, projection)
    for ask in (
        lambda: bo.cloud("p", experiment, projection),
        lambda: bo.cloud("q", experiment, projection),
        lambda: bo.images("p", dataset),
        lambda: bo.column("p", dataset, "kind"),
        lambda: bo.columns("p", dataset, ["kind"]),
        lambda: bo.by_column("p", dataset, "kind", cloud),
        lambda: bo.clusters("p", experiment, clustering, cloud),
    ):
        with pytest.raises(NotFoundError):
            ask()
    # Nor does who is no longer a member, from the next time that the services are asked.
    monkeypatch.setattr("lse_dashboard.data.library._CHECKED_SECONDS", 0.0)
    fresh = libraries.of(Caller(guarded.user("edo", "anew")))
    assert fresh.cloud("p", experiment, projection) is cloud
    with connect(guarded.address, token=guarded.user("ada"), project="p") as ada:
        ada.access.remove_member("user:edo")
    with pytest.raises(NotFoundError):
        fresh.cloud("p", experiment, projection)


def test_callers_have_clients_of_their_own() -> None:
    libraries = Libraries(lambda token: connect("127.0.0.1:1", token=token))
    alice, bob = libraries.of(Caller("alice")), libraries.of(Caller("bob"))
    assert alice is libraries.of(Caller("alice"))
    assert alice.client() is not bob.client()
