"""As much of a browser as a login needs."""

from __future__ import annotations

import http.cookiejar
import urllib.error
import urllib.request
from urllib.parse import urlencode

__all__ = ["CookieBrowser"]


class CookieBrowser:
    """Follows redirections and keeps cookies."""

    def __init__(self, cookies: http.cookiejar.CookieJar | None = None) -> None:
        self.cookies = cookies if cookies is not None else http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, url: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and text of a page, to which a form was sent where one is given."""
        try:
            with self._opener.open(url, urlencode(form).encode() if form else None, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
