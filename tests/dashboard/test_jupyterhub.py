"""A real JupyterHub: its users in the explorer that it starts, and its tokens in notebooks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cookie_browser import CookieBrowser
from guarded_services import Guarded, guarded_services
from hub import SERVICE, Hub, running_hub
from lse.client import connect
from lse.errors import NotFoundError, UnauthenticatedError, UnavailableError
from lse.platform.ports import free_port

PROXY = Path(__file__).resolve().parents[2] / "scripts" / "hub_proxy.sh"


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    pytest.importorskip("jupyterhub", reason="JupyterHub is not installed")
    if subprocess.run([PROXY, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("JupyterHub's proxy is not there: scripts/hub_proxy.sh installs it by npm")
    return free_port(), free_port()


@pytest.fixture(scope="module")
def guarded(ports: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    api = f"http://127.0.0.1:{ports[1]}/hub/api"
    with guarded_services(tmp_path_factory.mktemp("guarded"), login="jupyterhub", login_hub_api=api) as guarded:
        yield guarded


@pytest.fixture(scope="module")
def hub(guarded: Guarded, ports: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub") / "hub"
    with running_hub(folder, ports, {"LSE_ADDRESS": guarded.address, "LSE_PROJECT": "p"}) as hub:
        yield hub


def visitor(hub: Hub, name: str) -> CookieBrowser:
    """Browser of somebody who opened the explorer and then logged in at the hub."""
    browser = CookieBrowser()
    status, page = browser.get(f"{hub.url}/services/{SERVICE}/")
    assert status == 200
    action = re.search(r'action="([^"]*login[^"]*)"', page)
    token = re.search(r'name="_xsrf" value="([^"]+)"', page)
    assert action, page
    assert token, page
    form = {"username": name, "password": "any", "_xsrf": token[1]}
    status, page = browser.get(hub.url + action[1].replace("&amp;", "&"), form)
    assert (status, "Latent Space Explorer" in page) == (200, True)
    return browser


def test_visitors_log_in_at_the_hub_and_see_what_is_theirs(hub: Hub) -> None:
    card = f"{hub.url}/services/{SERVICE}/cards/p/none.json"
    assert "no token" in CookieBrowser().get(card)[1]
    vera, bo = visitor(hub, "vera"), visitor(hub, "bo")
    assert vera.get(card) == (404, "There is no encoder named 'none' in projects/p.\n")
    assert "no projects/p that you are a member of" in bo.get(card)[1]
    # Servers of other users at the same host are sent none of the explorer's cookies.
    assert {cookie.path for cookie in vera.cookies if cookie.name in {"user", "access_token", "id_token"}} == {
        f"/services/{SERVICE}/"
    }
    vera.get(f"{hub.url}/services/{SERVICE}/logout")
    assert "no token" in vera.get(card)[1]


def test_notebooks_reach_the_services_with_the_token_of_their_server(
    hub: Hub, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSE_TOKEN_VARIABLE", "JUPYTERHUB_API_TOKEN")
    for user in ("vera", "bo", "rita"):
        if user not in {each["name"] for each in hub.ask("GET", "users")}:
            hub.ask("POST", f"users/{user}")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("vera"))
    with connect(guarded.address, project="p") as client:
        assert [dataset.id for dataset in client.datasets.list()] == ["d"]
    # A group of the hub is a member, too.
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("rita"))
    with connect(guarded.address, project="p") as client:
        assert [dataset.id for dataset in client.datasets.list()] == ["d"]
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.token("bo"))
    with connect(guarded.address, project="p") as client, pytest.raises(NotFoundError):
        client.datasets.list()


def test_tokens_for_other_purposes_are_refused(hub: Hub, guarded: Guarded) -> None:
    if "vera" not in {each["name"] for each in hub.ask("GET", "users")}:
        hub.ask("POST", "users/vera")
    limited = hub.token("vera", "read:users:activity!user=vera")
    for token, words in ((limited, "lacks the scope"), ("0" * 32, "does not know the token")):
        with (
            connect(guarded.address, token=token, project="p") as client,
            pytest.raises(UnauthenticatedError, match=words),
        ):
            client.datasets.list()


def test_a_hub_that_is_away_is_named(tmp_path: Path) -> None:
    api = f"http://127.0.0.1:{free_port()}/hub/api"
    with guarded_services(tmp_path, login="jupyterhub", login_hub_api=api) as guarded:
        client = connect(guarded.address, token="0" * 32, project="p")
        with client, pytest.raises(UnavailableError, match="hub"):
            client.datasets.list()
