"""Tokens made beside the services, by whoever may write to the catalogue."""

from __future__ import annotations

import time
from contextlib import closing

from lse.platform.access.tokens import Tokens
from lse.platform.auth import Caller
from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.config import Settings

__all__ = ["issue_token"]


def issue_token(settings: Settings, user: str, *, days: float) -> str:
    """Text of a new token of a user.

    Raises
    ------
    InvalidArgumentError
        If the name cannot be one, or the token would live for more than 366 days.
    FailedPreconditionError
        If no catalogue is set, or its schema is older than this software.
    """
    settings.require("catalogue_url")
    with closing(Catalogue(settings.catalogue_url)) as catalogue:
        catalogue.require_schema()
        owner = Caller("lse issue-token", principals=frozenset({f"user:{user}"}))
        until = time.time() + days * 86_400.0
        _, text = Tokens(catalogue).create(owner, f"user:{user}", title="issued at the catalogue", expire_time=until)
    return text
