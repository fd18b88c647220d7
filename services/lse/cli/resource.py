"""The commands that every kind of resource has, made from its columns: list, show, update, delete, methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any

import typer

from lse.cli.failures import group
from lse.cli.records import as_text
from lse.cli.session import ExperimentName, NoWait, Session, option, own_options, service_command, wait_for
from lse.errors import InvalidArgumentError
from lse.names import NamePattern

__all__ = [
    "MADE",
    "METHOD",
    "NAMED",
    "Column",
    "Description",
    "Etag",
    "Filter",
    "Limit",
    "OrderBy",
    "ResourceCommands",
    "Title",
    "parameters_text",
    "short",
]

Command = Callable[..., Any]

Filter = Annotated[
    str, typer.Option("--filter", metavar="EXPRESSION", help="Only those that fulfil it, such as 'state = ready'.")
]
OrderBy = Annotated[
    str, typer.Option("--order-by", metavar="FIELDS", help="Order, such as 'create_time desc' (default: by name).")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most this many (default: all).")]
Title = Annotated[str | None, typer.Option("--title", help="What people call it.")]
Description = Annotated[str | None, typer.Option("--description", help="What people say about it.")]
Etag = Annotated[
    str, typer.Option("--etag", help="Refuse if it was changed since it had this tag (default: change it anyway).")
]


@dataclass(frozen=True)
class Column:
    """A fact of a resource as a person reads it.

    Attributes
    ----------
    heading
        What it is.
    value
        Reads it: an attribute (default: the one with the name of the heading), or a function of the resource.
    listed
        Whether lists show it too.
    """

    heading: str
    value: str | Callable[[Any], object] = ""
    listed: bool = False

    def of(self, resource: object) -> object:
        """The fact."""
        value = self.value or self.heading
        return attrgetter(value)(resource) if isinstance(value, str) else value(resource)


def short(attribute: str, *, empty: str = "") -> Callable[[Any], str]:
    """Last part of the resource name in an attribute."""
    return lambda resource: getattr(resource, attribute).rsplit("/", 1)[-1] or empty


def parameters_text(resource: Any) -> dict[str, object]:
    """Parameters as a person reads them: beside ``auto`` what was chosen from the data, where that is known."""
    used = getattr(resource, "used_parameters", {})
    return {
        key: value if value is not None else f"auto ({as_text(used[key])})" if used.get(key) is not None else "auto"
        for key, value in resource.parameters.items()
    }


# What every kind ends with, what all that long work makes ends with, and what all that a method makes is made by.
NAMED = (
    *(Column("title"), Column("description"), Column("creator")),
    *(Column("created", "create_time", listed=True), Column("etag")),
)
MADE = (Column("notes"), *NAMED, Column("operation"))
METHOD = (Column("seed"), Column("parameters", parameters_text), Column("figures"))


class ResourceCommands:
    """The group of commands of a kind of resource.

    Parameters
    ----------
    pattern
        How the names of its resources are made.
    title
        What the group is about.
    columns
        What is shown of a resource.
    changes
        What `update` can change beside title and description, as options.
    deletes
        What `delete` deletes beside the resource, for its help.
    forced
        What ``delete --force`` deletes too; no such option when empty.
    details
        Shows more of a resource after its columns.
    standard
        The standard commands that it has.
    """

    def __init__(
        self,
        pattern: NamePattern,
        title: str,
        *,
        columns: Sequence[Column],
        changes: Mapping[str, Any] | None = None,
        deletes: str = "",
        forced: str = "",
        details: Callable[[Any], None] | None = None,
        standard: Sequence[str] = ("list", "show", "update", "delete"),
    ) -> None:
        self.app = group(title)
        self._pattern, self._columns, self._details = pattern, columns, details
        noun = f"{pattern.article} {pattern.kind}"
        name = option("name", Annotated[str, typer.Argument(metavar="NAME", help=f"Name of the {pattern.kind}.")])
        self._below = [option("experiment", ExperimentName)] if "experiments" in pattern.collections[1:-1] else []
        force = option("force", Annotated[bool, typer.Option("--force", help=f"Delete {forced} too.")], default=False)
        where = "an experiment" if self._below else "the project"
        listed = [option("filter", Filter, ""), option("order_by", OrderBy, ""), option("limit", Limit, None)]
        own = changes or {}
        changed = [option("title", Title, None), option("description", Description, None), option("etag", Etag, "")]
        changed += [option(key, annotation, None) for key, annotation in own.items()]
        commands: dict[str, tuple[Command, list[Any], str]] = {
            "list": (self._list, [*self._below, *listed], f"List the {pattern.kind}s of {where}."),
            "show": (self._get, [name, *self._below], f"Show {noun}."),
            "update": (
                self._update,
                [name, *self._below, *changed],
                f"Change {noun}; what is not given stays."
                if own
                else f"Change the title or the description of {noun}.",
            ),
            "delete": (
                self._delete,
                [name, *self._below, *([force] if forced else [])],
                f"Delete {noun}{f' with {deletes}' if deletes else ''}.",
            ),
            "methods": (self._methods, [], "List the methods and their parameters."),
        }
        for key in standard:
            function, options, text = commands[key]
            service_command(self.app, key, options=options, text=text)(function)

    def command(self, name: str) -> Callable[[Command], Command]:
        """Decorator that makes a function a command of the group."""
        return service_command(self.app, name)

    def work(self, name: str, show: Callable[[Session, Any], None] | None = None) -> Callable[[Command], Command]:
        """Decorator that makes a function that starts long work a command, which waits for its end.

        Parameters
        ----------
        name
            Name of the command.
        show
            Shows what was made (default: as a resource of this kind).
        """

        def register(function: Command) -> Command:
            def run(session: Session, *, no_wait: bool, **values: Any) -> None:
                operation = function(session, **values)
                if no_wait:
                    session.say({"operation": operation.name}, operation.name)
                else:
                    (show or self.show)(session, wait_for(operation))

            options = [*own_options(function), option("no_wait", NoWait, default=False)]
            service_command(self.app, name, options=options, text=function.__doc__)(run)
            return function

        return register

    def show(self, session: Session, resource: Any) -> None:
        """Show a resource."""
        rows = {self._pattern.kind: resource.id, **{column.heading: column.of(resource) for column in self._columns}}
        session.record(resource, rows)
        if self._details is not None and not session.as_json:
            self._details(resource)

    def table(self, session: Session, resources: Sequence[Any]) -> None:
        """Show the columns of several resources that lists show."""
        columns = [Column("name", "id"), *(column for column in self._columns if column.listed)]
        rows = ([column.of(resource) for column in columns] for resource in resources)
        session.table(resources, [column.heading for column in columns], rows)

    def _collection(self, session: Session) -> Any:
        return getattr(session.client, f"{self._pattern.kind.replace(' ', '_')}s")

    def _list(
        self,
        session: Session,
        *,
        filter: str,  # noqa: A002  # the word of the API
        order_by: str,
        limit: int | None,
        **above: str,
    ) -> None:
        found = self._collection(session).list(*above.values(), filter=filter, order_by=order_by, limit=limit)
        self.table(session, found)

    def _get(self, session: Session, *, name: str, **above: str) -> None:
        self.show(session, self._collection(session).get(*above.values(), name))

    def _update(self, session: Session, *, name: str, etag: str, **given: Any) -> None:
        above = [given.pop(each.name) for each in self._below]
        values = {key: value for key, value in given.items() if value is not None and value != []}
        if not values:
            usual = len(given) == 2
            message = (
                "Give --title, --description or both." if usual else "Give what is to change: the option -h lists it."
            )
            raise InvalidArgumentError(message, reason="UPDATE_EMPTY")
        self.show(session, self._collection(session).update(*above, name, etag=etag, **values))

    def _delete(self, session: Session, *, name: str, force: bool | None = None, **above: str) -> None:
        options: Mapping[str, bool] = {} if force is None else {"force": force}
        self._collection(session).delete(*above.values(), name, **options)
        session.say({"deleted": name}, f"{self._pattern.kind.capitalize()} {name} is deleted.")

    def _methods(self, session: Session) -> None:
        methods = self._collection(session).methods()
        rows = []
        for method in methods:
            rows.append((method.id, "", "", "", "", method.summary))
            rows += [
                ("", item.key, item.kind, item.default or "auto", _allowed(item), item.help)
                for item in method.parameters
            ]
        session.table(methods, ("method", "parameter", "kind", "default", "allowed", "help"), rows)


def _allowed(parameter: Any) -> str:
    if parameter.choices:
        return ", ".join(parameter.choices)
    low, high = parameter.minimum, parameter.maximum
    if low is None and high is None:
        return ""
    if high is None:
        return f"from {low:g}"
    return f"to {high:g}" if low is None else f"{low:g} to {high:g}"
