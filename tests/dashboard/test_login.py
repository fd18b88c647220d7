"""The explorer's own login, in front of services with one: a real issuer, a real process, the cookies of a browser."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cookie_browser import CookieBrowser
from guarded_services import Guarded, guarded_services
from lse.platform.ports import free_port
from oidc_provider import CLIENT_ID, CLIENT_SECRET


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_services(tmp_path_factory.mktemp("guarded")) as guarded:
        yield guarded


@contextmanager
def explorer(guarded: Guarded, **variables: str) -> Iterator[str]:
    """Address of an explorer process."""
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LSE_")}
    usual = {
        "LSE_ADDRESS": guarded.address,
        "LSE_PROJECT": "p",
        "LSE_DASHBOARD_PORT": str(port),
        "LSE_LOGIN_ISSUER": guarded.provider.issuer,
        "LSE_DASHBOARD_CLIENT_ID": CLIENT_ID,
        "LSE_DASHBOARD_CLIENT_SECRET": CLIENT_SECRET,
        "LSE_DASHBOARD_COOKIE_SECRET": "of the cookies",
    }
    program = Path(sys.executable).with_name("lse")
    process = subprocess.Popen([program, "explorer"], env={**kept, **usual, **variables}, stderr=subprocess.PIPE)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 150
        while True:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield address
    finally:
        process.kill()
        process.communicate()


def test_visitors_see_what_is_theirs_as_long_as_they_are_logged_in(guarded: Guarded) -> None:
    provider = guarded.provider
    with explorer(guarded) as first, explorer(guarded) as second:
        nobody, vera, bo = CookieBrowser(), CookieBrowser(), CookieBrowser()
        assert "no token" in nobody.get(f"{first}/cards/p/none.json")[1]
        provider.visitor, provider.seconds = "vera", 12.0
        status, page = vera.get(f"{first}/")
        assert (status, "Latent Space Explorer" in page) == (200, True)
        assert vera.get(f"{first}/cards/p/none.json") == (404, "There is no encoder named 'none' in projects/p.\n")
        # Not every issuer gives a token to renew the login with.
        provider.visitor, provider.renewable = "bo", False
        assert bo.get(f"{first}/")[0] == 200
        assert "no projects/p that you are a member of" in bo.get(f"{first}/cards/p/none.json")[1]
        logins = provider.logins
        assert bo.get(f"{first}/")[0] == 200
        assert provider.logins == logins
        provider.renewable = True
        # Another replica with the same secret goes on with the same cookies.
        elsewhere = CookieBrowser(vera.cookies)
        assert "no encoder" in elsewhere.get(f"{second}/cards/p/none.json")[1]
        # Of the explorer's clock the token is over, while the services forgive 30 seconds: the issuer is asked again.
        provider.visitor, logins = "vera", provider.logins
        time.sleep(12.5)
        assert vera.get(f"{first}/")[0] == 200
        assert provider.logins == logins + 1
        assert "no encoder" in vera.get(f"{first}/cards/p/none.json")[1]
        provider.visitor = "bo"
        vera.get(f"{first}/logout")
        assert "no encoder" not in vera.get(f"{first}/cards/p/none.json")[1]
