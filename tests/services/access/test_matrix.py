"""Every method, called in every role: only what the table in the documentation allows passes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import security_roles

from every_method import answers_of, filled_request, patterns_of
from guarded_services import Guarded
from lse.platform.auth import Caller, Role
from lse.platform.rpc.requirements import need_of
from lse.status import error_of_call

REFUSED = {"TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_TOO_OLD", "PROJECT_NOT_FOUND", "ROLE_NOT_ALLOWED"}
# What each caller is in the table, for requests about the project p.
COLUMN_OF = {
    **dict.fromkeys(("no token", "expired", "wrong audience", "wrong signature", "revoked token"), "nobody"),
    **dict.fromkeys(("not a member", "admin of another project", "token for another project"), "any login"),
    **dict.fromkeys(("viewer", "viewer by a group", "admin's token to view"), "viewer"),
    **dict.fromkeys(("editor", "service account"), "editor"),
    **dict.fromkeys(("admin", "admin's token"), "admin"),
    "operator": "operator",
}


def test_the_page_has_the_table_that_the_api_declares() -> None:
    page = security_roles.PAGE.read_text()
    assert page == security_roles.page_with_table(page), "run python docs/security_roles.py"


def test_every_method_declares_what_it_needs() -> None:
    methods = list(security_roles.declared_methods())
    assert len(methods) > 90
    assert [method for method in methods if need_of(method) is None] == []


def table() -> dict[str, dict[str, bool]]:
    """Whether a method is allowed, by method and column, as the page says."""
    rows = re.findall(r"^\| `(\S+/\w+)` \| (.+) \|$", security_roles.PAGE.read_text(), re.MULTILINE)
    return {
        method: dict(zip(security_roles.COLUMNS, (cell == "yes" for cell in cells.split(" | ")), strict=True))
        for method, cells in rows
    }


def tokens(guarded: Guarded) -> Iterator[tuple[str, str | None]]:
    provider, platform = guarded.provider, guarded.platform

    def own(user: str, principal: str, **limits: Any) -> tuple[str, str]:
        made, text = platform.access.tokens.create(
            Caller(user, principals=frozenset({f"user:{user}"})), principal, **limits
        )
        return made.name, text

    yield "no token", None
    yield "expired", provider.token("ada", seconds=-3600)
    yield "wrong audience", provider.token("ada", aud="another")
    yield "wrong signature", provider.token("ada")[:-8] + "AAAAAAAA"
    name, text = own("ada", "user:ada")
    platform.access.tokens.delete(name)
    yield "revoked token", text
    yield "not a member", provider.token("nemo")
    yield "admin of another project", provider.token("bo")
    yield "token for another project", own("ada", "user:ada", projects=["projects/q"])[1]
    yield "viewer", provider.token("vera")
    yield "viewer by a group", provider.token("rita", "readers")
    yield "admin's token to view", own("ada", "user:ada", role=Role.VIEWER)[1]
    yield "editor", provider.token("edo")
    yield "service account", own("ada", "service:p/nightly")[1]
    yield "admin", provider.token("ada")
    yield "admin's token", own("ada", "user:ada", projects=["projects/p"])[1]
    yield "operator", provider.token("root")


def outcome(channel: grpc.Channel, method: str, token: str | None, project: str) -> tuple[str, str]:
    """Code and reason of the answer to a request about what is not there in a project."""
    need, patterns = need_of(method), patterns_of(security_roles.declared_methods())
    assert need is not None
    # What asks for a login alone is asked for nothing of a project.
    patterns = {} if need.level in ("login", "anyone") else patterns
    answer = answers_of(channel, method, filled_request(method, patterns, {"project": project}), token)
    if not isinstance(answer, grpc.RpcError):
        return "OK", ""
    found = error_of_call(answer)
    return found.code, found.reason


@pytest.mark.parametrize("who", COLUMN_OF)
def test_only_what_the_table_allows_passes(guarded: Guarded, who: str) -> None:
    token, allowed = dict(tokens(guarded))[who], table()
    assert set(allowed) == set(security_roles.declared_methods())
    wrong = []
    with grpc.insecure_channel(guarded.address) as channel:
        for method, columns in allowed.items():
            code, reason = outcome(channel, method, token, "p")
            if (reason not in REFUSED) != columns[COLUMN_OF[who]]:
                wrong.append((method, code, reason))
    assert wrong == []


def test_who_is_no_member_cannot_tell_what_exists(guarded: Guarded) -> None:
    bo = guarded.user("bo")
    with grpc.insecure_channel(guarded.address) as channel:
        for method in security_roles.declared_methods():
            need = need_of(method)
            assert need is not None
            if need.level in ("viewer", "editor", "admin"):
                found = [outcome(channel, method, bo, project) for project in ("p", "nothing-of-the-kind")]
                assert found == [("NOT_FOUND", "PROJECT_NOT_FOUND")] * 2, method
