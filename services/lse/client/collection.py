"""What the resources of every kind can: list, get, delete, be made by long work."""

from __future__ import annotations

import builtins
import re
import sys
import uuid
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, get_args

from google.protobuf.field_mask_pb2 import FieldMask

from lse.client.names import pattern_of
from lse.client.operations import Operation
from lse.client.resources import Method, NamedResource
from lse.client.results import Results
from lse.client.streams import pieces
from lse.client.subject import Subject
from lse.names import EXPERIMENT, NamePattern

__all__ = ["Collection", "ExperimentCollection", "MethodsOfKind", "ProjectCollection"]

ResourceT = TypeVar("ResourceT", bound=NamedResource)
View = Literal["basic", "full"]


class Collection(Subject, Generic[ResourceT]):
    """The resources of one kind, whose class a subclass names as its type argument."""

    _resource: type[ResourceT]
    _pattern: NamePattern

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kind = get_args(cls.__orig_bases__[0])[0]  # type: ignore[attr-defined]  # of every class with type arguments
        if not isinstance(kind, TypeVar):
            cls._resource, cls._pattern = kind, pattern_of(kind.message)

    def _full(self, *ids: str) -> str:
        """Full name of one, as by `Names.of`."""
        return self._name(self._pattern, *ids)

    @property
    def _field(self) -> str:
        """Field of requests that holds a resource of the kind, such as ``label_scheme``."""
        return re.sub("(?<=[a-z])(?=[A-Z])", "_", self._resource.message.DESCRIPTOR.name).lower()

    def _message(self, form: str, /, **fields: object) -> Any:
        """Message of the service of the kind, such as ``GetDatasetRequest`` of ``Get{}Request``; None is no value."""
        message = self._resource.message
        return getattr(sys.modules[message.__module__], form.format(message.DESCRIPTOR.name))(**fields)

    def _call(self, method: str, /, **fields: object) -> Any:
        """Answer to a request of a method, such as ``Get{}``."""
        return self._connection.call(self._message(f"{method}Request", **fields))

    def _list(self, parent: str, *, view: View, limit: int | None, **options: str) -> Results[ResourceT]:
        request = self._message("List{}sRequest", parent=parent, view=f"VIEW_{view.upper()}", **options)
        return Results(self._resource.from_pb(message) for message in self._connection.pages(request, limit=limit))

    def _get(self, name: str) -> ResourceT:
        return self._resource.from_pb(self._call("Get{}", name=name))

    def _create(self, name: str, **values: object) -> ResourceT:
        given = self._resource.message(**values)
        return self._resource.from_pb(self._call("Create{}", **self._new(name), **{self._field: given}))

    def _update(self, name: str, *, etag: str, **values: object) -> ResourceT:
        given = {path: value for path, value in values.items() if value is not None}
        message = self._resource.message(name=name, etag=etag, **given)
        changed = self._call("Update{}", **{self._field: message}, update_mask=FieldMask(paths=given))
        return self._resource.from_pb(changed)

    def _delete(self, name: str, **options: object) -> None:
        self._connection.delete(self._message("Delete{}Request", name=name, **options))

    def _new(self, *ids: str) -> dict[str, str]:
        """Fields of requests that make a resource, of its ids."""
        parent, _, short = self._full(*ids).rsplit("/", 2)
        return {"parent": parent, f"{self._field}_id": short}

    def _make(self, method: str, /, *ids: str, request_id: str | None, **fields: object) -> Operation[Any]:
        """Long work that makes a resource with these ids."""
        return self._start(method, request_id=request_id, **self._new(*ids), **fields)

    def _start(self, method: str, /, *, request_id: str | None, **fields: object) -> Operation[Any]:
        """Long work of a method such as ``Train{}``, with a random request id where none is given."""
        return Operation(self._call(method, request_id=request_id or str(uuid.uuid4()), **fields), self._connection)

    def _import(self, name: str, file: Path, *, request_id: str | None, **fields: object) -> Operation[Any]:
        """Long work that makes a resource of a file of this machine, which is sent after its header."""
        header = self._message(
            "Import{}Header", request_id=request_id or str(uuid.uuid4()), **self._new(name), **fields
        )
        answer = self._connection.upload(type(self._message("Import{}Request")), header, pieces(file))
        return Operation(answer, self._connection)


class ProjectCollection(Collection[ResourceT]):
    """The resources of one kind in a project."""

    def list(
        self,
        *,
        filter: str = "",  # noqa: A002  # the word of the API
        order_by: str = "",
        view: View = "basic",
        limit: int | None = None,
    ) -> Results[ResourceT]:
        """All of the project.

        Parameters
        ----------
        filter
            Only those that fulfil a filter such as ``state = ready AND create_time > "2026-11-01"`` (default: all).
        order_by
            Fields to order by, such as ``create_time desc`` (default: by name).
        view
            ``basic`` leaves large fields empty, ``full`` has all.
        limit
            At most so many (default: all).
        """
        return self._list(self._parent, view=view, limit=limit, filter=filter, order_by=order_by)

    def get(self, name: str) -> ResourceT:
        """Find one by its name."""
        return self._get(self._full(name))

    def update(
        self, name: str, *, title: str | None = None, description: str | None = None, etag: str = ""
    ) -> ResourceT:
        """Change the title or the description of one; what is not given stays.

        Parameters
        ----------
        name
            Its name, which stays.
        title, description
            New values.
        etag
            That of the resource as it was read: it is refused if it was changed since (default: whatever it is now).
        """
        return self._update(self._full(name), title=title, description=description, etag=etag)

    def delete(self, name: str) -> None:
        """Delete one with all that lies below it."""
        self._delete(self._full(name))


class ExperimentCollection(Collection[ResourceT]):
    """The resources of one kind below the experiments of a project."""

    def list(
        self,
        experiment: str,
        *,
        filter: str = "",  # noqa: A002  # the word of the API
        order_by: str = "",
        view: View = "basic",
        limit: int | None = None,
    ) -> Results[ResourceT]:
        """All of an experiment.

        Parameters
        ----------
        experiment
            Experiment.
        filter
            Only those that fulfil a filter such as ``method = umap AND image_count > 1000`` (default: all).
        order_by
            Fields to order by, such as ``create_time desc`` (default: by name).
        view
            ``basic`` leaves large fields empty, ``full`` has all.
        limit
            At most so many (default: all).
        """
        parent = self._name(EXPERIMENT, experiment)
        return self._list(parent, view=view, limit=limit, filter=filter, order_by=order_by)

    def get(self, experiment: str, name: str) -> ResourceT:
        """Find one of an experiment by its name."""
        return self._get(self._full(experiment, name))

    def update(
        self,
        experiment: str,
        name: str,
        *,
        title: str | None = None,
        description: str | None = None,
        etag: str = "",
    ) -> ResourceT:
        """Change the title or the description of one; what is not given stays.

        Parameters
        ----------
        experiment, name
            Experiment, and its name, which stay.
        title, description
            New values.
        etag
            That of the resource as it was read: it is refused if it was changed since (default: whatever it is now).
        """
        name = self._full(experiment, name)
        return self._update(name, title=title, description=description, etag=etag)

    def delete(self, experiment: str, name: str) -> None:
        """Delete one of an experiment."""
        self._delete(self._full(experiment, name))


class MethodsOfKind(Collection[ResourceT]):
    """Resources that are made by one of several methods."""

    def methods(self) -> builtins.list[Method]:
        """Methods that can be chosen, with their parameters; simplest first."""
        return [Method.from_pb(message) for message in self._call("ListMethods").methods]
