"""`lse admin`: projects, members, tokens, quotas, garbage, the audit log."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lse.cli.failures import group
from lse.cli.resource import Description, Filter, Title
from lse.cli.session import Session, choice, service_command

__all__ = ["app"]

app = group("Projects and their members, tokens, quotas, garbage, the audit log.")
projects = group("Projects: create and delete are for operators.")
members = group("Members of the project: users, groups and service accounts with a role.")
tokens = group("Tokens for pipelines, of yours or of service accounts of the project.")
quotas = group("What the project uses and may use.")
for _name, _group in (("project", projects), ("member", members), ("token", tokens), ("quota", quotas)):
    app.add_typer(_group, name=_name)

_ROLES = ("viewer", "editor", "admin")
_QUOTAS = {
    "images": "image_count",
    "vectors": "vector_count",
    "bytes": "byte_count",
    "operations": "operation_count",
    "upload bytes": "upload_byte_count",
}

Principal = Annotated[
    str, typer.Argument(metavar="WHO", help="user:NAME, group:NAME or service:PROJECT/NAME.", show_default=False)
]
Role = Annotated[str, typer.Option("--role", metavar="|".join(_ROLES), help="What they may do.")]
Amount = Annotated[str | None, typer.Option(metavar="N|default", help="Limit, or that of the installation.")]


@service_command(projects, "list")
def list_projects(session: Session) -> None:
    """List the projects that you are a member of; all for operators."""
    found = session.client.access.projects()
    session.table(
        found, ("name", "title", "creator", "created"), [(p.id, p.title, p.creator, p.create_time) for p in found]
    )


@service_command(projects, "create")
def create_project(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the project.")],
    *,
    title: Title = None,
    description: Description = None,
) -> None:
    """Create a project, whose admin you become."""
    made = session.client.access.create_project(name, title=title or "", description=description or "")
    session.say(made, f"Project {made.id} is there: add members with `lse admin member add --project {made.id}`.")


@service_command(projects, "update")
def update_project(session: Session, *, title: Title = None, description: Description = None) -> None:
    """Change the title or the description of the project."""
    changed = session.client.access.update_project(title=title, description=description)
    session.say(changed, f"Project {changed.id} is changed.")


@service_command(projects, "delete")
def delete_project(
    session: Session, name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the project.")]
) -> None:
    """Delete a project that has no resources left."""
    session.client.access.delete_project(name)
    session.say({"deleted": name}, f"Project {name} is deleted.")


@service_command(members, "list")
def list_members(session: Session) -> None:
    """List the members of the project."""
    _show_members(session, session.client.access.members())


@service_command(members, "add")
def add_member(session: Session, who: Principal, *, role: Role = "viewer") -> None:
    """Make somebody a member of the project."""
    _show_members(session, [session.client.access.add_member(who, _role(role))])


@service_command(members, "set")
def set_role(session: Session, who: Principal, *, role: Role) -> None:
    """Give a member of the project another role."""
    _show_members(session, [session.client.access.set_role(who, _role(role))])


@service_command(members, "remove")
def remove_member(session: Session, who: Principal) -> None:
    """Remove a member from the project."""
    session.client.access.remove_member(who)
    session.say({"removed": who}, f"{who} is no longer a member of {session.client.project}.")


def _show_members(session: Session, found: list[Any]) -> None:
    rows = [(member.principal, member.role, member.creator, member.create_time) for member in found]
    session.table(found, ("who", "role", "added by", "since"), rows)


@service_command(tokens, "list")
def list_tokens(
    session: Session,
    *,
    service_accounts: Annotated[
        bool, typer.Option("--service-accounts", help="Those of the service accounts of the project.")
    ] = False,
    of: Annotated[str, typer.Option("--of", metavar="WHO", help="Those of somebody else; for operators.")] = "",
) -> None:
    """List your tokens."""
    found = session.client.access.tokens(service_accounts=service_accounts, principal=of)
    rows = [
        (each.id, each.principal, each.title, each.role, ", ".join(each.projects), each.expire_time, each.last_use_time)
        for each in found
    ]
    session.table(found, ("token", "for", "title", "role", "projects", "expires", "used last"), rows)


@service_command(tokens, "create")
def create_token(
    session: Session,
    *,
    service_account: Annotated[
        str | None,
        typer.Option("--service-account", metavar="NAME", help="For one of the project (default: you)."),
    ] = None,
    title: Title = None,
    role: Annotated[str, typer.Option("--role", metavar="|".join(_ROLES), help="Most that it may do.")] = "admin",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PROJECT", help="Good for this project only (repeatable).")
    ] = None,
    days: Annotated[float | None, typer.Option("--days", min=0, help="Days until it expires (default: 90).")] = None,
) -> None:
    """Create a token and print it: it cannot be read again."""
    made, text = session.client.access.create_token(
        service_account=service_account, title=title or "", role=_role(role), projects=only or (), days=days
    )
    session.say({"token": made, "secret": text}, text)


@service_command(tokens, "revoke")
def revoke_token(
    session: Session, token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its name, as in the list.")]
) -> None:
    """Revoke a token: it is refused from now on."""
    session.client.access.revoke_token(token)
    session.say({"revoked": token}, f"Token {token} is revoked.")


@service_command(quotas, "show")
def show_quota(session: Session) -> None:
    """Show what the project uses and may use."""
    _show_quota(session, session.client.access.quota())


@service_command(quotas, "list")
def list_quotas(session: Session) -> None:
    """List what each project uses and may use; all projects for operators."""
    found = session.client.access.quotas()
    columns = [key for key in _QUOTAS.values() if key != "upload_byte_count"]
    rows = [
        (each.id, *(_of_limit(getattr(each, name), getattr(each.limits, name)) for name in columns)) for each in found
    ]
    session.table(found, ("project", "images", "vectors", "bytes", "operations"), rows)


@service_command(quotas, "set")
def set_quota(
    session: Session,
    *,
    images: Amount = None,
    vectors: Amount = None,
    bytes: Amount = None,  # noqa: A002  # what is counted
    operations: Amount = None,
    upload_bytes: Amount = None,
) -> None:
    """Set limits of the project; for operators."""
    given = {
        "image_count": images,
        "vector_count": vectors,
        "byte_count": bytes,
        "operation_count": operations,
        "upload_byte_count": upload_bytes,
    }
    limits = {name: _amount(value) for name, value in given.items() if value is not None}
    _show_quota(session, session.client.access.set_quota(**limits))


def _show_quota(session: Session, quota: Any) -> None:
    rows = [(what, getattr(quota, name, ""), getattr(quota.limits, name)) for what, name in _QUOTAS.items()]
    if session.as_json:
        session.record(quota, {})
    else:
        shown = [(what, used, "no limit" if limit is None else limit) for what, used, limit in rows]
        session.table([], ("of", "used", "limit"), shown)


def _of_limit(used: int, limit: int | None) -> str:
    return f"{used:,}" if limit is None else f"{used:,} of {limit:,}"


@service_command(app, "garbage")
def garbage(
    session: Session,
    *,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In the whole installation; for operators.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove all of it.")] = False,
) -> None:
    """List what takes a name or room in the project and is of no use: failed resources, bulk data without a name."""
    found = session.client.access.garbage(everywhere=everywhere)
    if remove:
        found = session.client.access.remove_garbage([each.what for each in found], everywhere=everywhere)
    rows = [(each.what, each.kind.replace("_", " "), each.byte_count, each.update_time) for each in found]
    session.table(found, ("removed" if remove else "name", "what", "bytes", "changed"), rows)


@service_command(app, "audit")
def audit(
    session: Session,
    *,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In all projects; for operators.")] = False,
    filter: Filter = "",  # noqa: A002  # the word of the API
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most this many.")] = 100,
) -> None:
    """List who did what in the project, newest first."""
    found = list(session.client.access.audit(filter=filter, everywhere=everywhere, limit=limit))
    rows = [(e.time, e.caller, e.method.rsplit("/", 1)[-1], e.code, ", ".join(e.resources), e.peer) for e in found]
    session.table(found, ("time", "who", "what", "ended", "resources", "from"), rows)


def _role(role: str) -> Any:
    return choice(role, _ROLES, "--role")


def _amount(value: str) -> int | None:
    from lse.errors import InvalidArgumentError

    if value == "default":
        return None
    if not value.isdecimal():
        raise InvalidArgumentError(f"'{value}' is not a limit: give a number, or default.", reason="COUNT_INVALID")
    return int(value)
