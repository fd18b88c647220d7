"""The explorer's own login, in front of services with one: a real issuer, a real process, the cookies of a browser."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from cookie_browser import CookieBrowser
from explorer_process import explorer_behind_login
from guarded_services import Guarded, guarded_services


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_services(tmp_path_factory.mktemp("guarded")) as guarded:
        yield guarded


def test_visitors_see_what_is_theirs_as_long_as_they_are_logged_in(guarded: Guarded) -> None:
    provider = guarded.provider
    with explorer_behind_login(guarded) as first, explorer_behind_login(guarded) as second:
        nobody, vera, bo = CookieBrowser(), CookieBrowser(), CookieBrowser()
        assert "no token" in nobody.get(f"{first}/cards/p/none.json")[1]
        provider.visitor, provider.seconds = "vera", 12.0
        status, page = vera.get(f"{first}/")
        over = time.monotonic() + provider.seconds + 0.5
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
        time.sleep(max(over - time.monotonic(), 0))
        assert vera.get(f"{first}/")[0] == 200
        assert provider.logins == logins + 1
        assert "no encoder" in vera.get(f"{first}/cards/p/none.json")[1]
        provider.visitor = "bo"
        vera.get(f"{first}/logout")
        assert "no encoder" not in vera.get(f"{first}/cards/p/none.json")[1]
