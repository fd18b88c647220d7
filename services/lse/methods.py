"""Methods and their registries: one way to declare, find and describe whatever a person can choose by name.

A projection method, a clusterer, a training method, a backbone, a predictor or a file format is one `Method`: how it is
shown, its parameters, the function or class that does the work, and typed facts about it.  Those of a kind are in one
`Registry`, which finds them in three places:

- the modules of a package of ours that define ``METHOD``: a new method is one new file there;
- the entry points of installed distributions, such as those in the group ``lse.reducers``, each naming a `Method`;
- the import path ``package.module:Name`` of any importable object; a service admits those only where its settings say.
"""

from __future__ import annotations

import logging
import pkgutil
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic_core import core_schema

from lse.errors import FailedPreconditionError, InvalidArgumentError, PermissionDeniedError
from lse.parameters import Parameters, parse_parameters
from lse.validation import unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
    from pydantic_core import CoreSchema

__all__ = ["Method", "NoFacts", "Registry", "import_object"]

_RunT = TypeVar("_RunT")
_FactsT = TypeVar("_FactsT")


@dataclass(frozen=True, kw_only=True)
class Method(Generic[_RunT, _FactsT]):
    """Something that can be chosen by name.

    Attributes
    ----------
    id
        Name in requests, in kebab-case, such as ``gaussian-mixture``.
    title
        Name on a screen.
    summary
        What it does and when it suits, in one or two sentences.
    parameters
        Model of its parameters.
    run
        Function or class that does the work, as the registry's kind calls it.
    facts
        What the kind must know about it before it runs.
    aliases
        Earlier ids that are still accepted.
    order
        Place in lists: lower comes first, equals by title.
    """

    id: str
    title: str
    summary: str
    parameters: type[Parameters]
    run: _RunT
    facts: _FactsT
    aliases: tuple[str, ...] = ()
    order: int = 100


@dataclass(frozen=True)
class NoFacts:
    """Facts of a kind of which nothing needs to be known before a method runs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Registry(Generic[_RunT, _FactsT]):
    """The methods of a kind.

    Attributes
    ----------
    kind
        What one of them is called in a sentence, such as ``projection method``.
    package
        Package whose modules declare ours; those whose name begins with an underscore are not looked at.
    group
        Group of entry points of those that others add.
    parameters
        Root of the parameter models of the kind.
    facts
        Class of the facts; its defaults hold for what is named by its import path.
    """

    kind: str
    package: str
    group: str
    parameters: type[Parameters]
    facts: type[_FactsT]

    def __iter__(self) -> Iterator[Method[_RunT, _FactsT]]:
        """All methods in the order in which they are offered; an entry point that cannot be loaded is logged."""
        found = dict(self._own)
        for name in self._entry_points:
            try:
                found.setdefault(name, self._load(name))
            except FailedPreconditionError as error:
                logging.getLogger(__name__).warning(error.message)
        yield from sorted(found.values(), key=lambda method: (method.order, method.title))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all methods: ours in the order in which they are offered, then those of entry points."""
        own = sorted(self._own.values(), key=lambda method: (method.order, method.title))
        return (*(method.id for method in own), *sorted(self._entry_points))

    def __getitem__(self, name: str) -> Method[_RunT, _FactsT]:
        """Method of an id, an earlier id, or an import path ``package.module:Name``.

        Raises
        ------
        InvalidArgumentError
            ``METHOD_UNKNOWN``, with the nearest id and all allowed ones.
        FailedPreconditionError
            ``METHOD_LOAD_FAILED``: the package that it is from cannot be imported, or holds something else.
        """
        own = self._own.get(name) or self._earlier.get(name)
        if own is not None:
            return own
        if name in self._entry_points:
            return self._load(name)
        if ":" in name:
            return self._adopt(name, import_object(name))
        names = {**{each: each for each in self.ids}, **{alias: own.id for alias, own in self._earlier.items()}}
        raise InvalidArgumentError(unknown_name(self.kind, name, self.ids, names), reason="METHOD_UNKNOWN", method=name)

    def parse(
        self, name: str, values: Mapping[str, object] | Parameters | None = None, *, import_paths: bool = True
    ) -> Any:
        """Parameters of a method, of values, texts or the method's own model; what is not given takes its default.

        Parameters
        ----------
        name
            As in ``registry[name]``.
        values
            As in `lse.parameters.parse_parameters`.
        import_paths
            Whether method and parameters may name code by its import path: yes for code of this process, and for a
            request only where the settings say so.

        Raises
        ------
        InvalidArgumentError
            The method or a parameter is unknown, or a value is wrong.
        PermissionDeniedError
            ``IMPORT_PATHS_NOT_ALLOWED``.
        """
        if not import_paths:
            self._refuse_import_path(name)
        method = self[name]
        if isinstance(values, method.parameters):
            return values
        if isinstance(values, Parameters):
            raise InvalidArgumentError(
                f"{type(values).__name__} are not the parameters of {method.id}.", reason="PARAMETER_INVALID"
            )
        return parse_parameters(method.parameters, values or {}, import_paths=import_paths)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate a parameter of type ``Annotated[str, registry]``, which names a method of the registry."""
        return core_schema.with_info_after_validator_function(self._check_choice, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Offer the ids as choices."""
        return {**handler(schema), "enum": list(self.ids)}

    def _check_choice(self, name: str, info: ValidationInfo) -> str:
        # Without a context the model is made by code of this process, which may import what it likes.
        allowed = info.context is None or bool(info.context.get("import_paths"))
        if not allowed:
            self._refuse_import_path(name)
        # What is named by its import path is not imported yet: the process that checks is often not the one that works.
        return name if ":" in name else self[name].id

    def _refuse_import_path(self, name: str) -> None:
        if ":" in name and name not in self._entry_points:
            raise PermissionDeniedError(
                f"'{name}' is an import path, and this installation runs only the {self.kind}s installed with it: ask "
                "its operator to set allow_import_paths.",
                reason="IMPORT_PATHS_NOT_ALLOWED",
                path=name,
            )

    @cached_property
    def _own(self) -> dict[str, Method[_RunT, _FactsT]]:
        package = import_module(self.package)
        names = [each.name for each in pkgutil.iter_modules(package.__path__) if not each.name.startswith("_")]
        modules = [import_module(f"{self.package}.{name}") for name in names]
        return {module.METHOD.id: module.METHOD for module in modules if hasattr(module, "METHOD")}

    @cached_property
    def _earlier(self) -> dict[str, Method[_RunT, _FactsT]]:
        return {alias: method for method in self._own.values() for alias in method.aliases}

    @cached_property
    def _entry_points(self) -> dict[str, EntryPoint]:
        return {each.name: each for each in entry_points(group=self.group) if each.name not in self._own}

    def _load(self, name: str) -> Method[_RunT, _FactsT]:
        entry = self._entry_points[name]
        try:
            loaded = entry.load()
        except Exception as error:  # whatever the code of others raises while it is imported
            package = entry.dist.name if entry.dist else entry.value
            raise FailedPreconditionError(
                f"The {self.kind} '{name}' of the package '{package}' cannot be loaded "
                f"({type(error).__name__}: {error}): repair or uninstall the package.",
                reason="METHOD_LOAD_FAILED",
                method=name,
            ) from error
        return self._adopt(name, loaded)

    def _adopt(self, name: str, found: Any) -> Method[_RunT, _FactsT]:
        """Method of what others declare: a `Method`, or a function or class, to which the kind's defaults apply."""
        method: Any = found
        if not isinstance(found, Method) and callable(found):
            # What a torch module calls `parameters` is something else.
            parameters, facts = getattr(found, "parameters", None), getattr(found, "facts", None)
            method = Method(
                id=name,
                title=getattr(found, "__name__", name),
                summary=(found.__doc__ or "").strip().partition("\n")[0],
                parameters=parameters if isinstance(parameters, type) else self.parameters,
                run=found,
                facts=facts if isinstance(facts, self.facts) else self.facts(),
            )
        fits = isinstance(method, Method) and isinstance(method.facts, self.facts)
        if not (fits and issubclass(method.parameters, self.parameters)):
            raise FailedPreconditionError(
                f"'{name}' is not a {self.kind}: it must be a Method with {self.facts.__name__} and parameters that "
                f"extend {self.parameters.__name__}.",
                reason="METHOD_LOAD_FAILED",
                method=name,
            )
        return method  # type: ignore[no-any-return]  # checked as far as it can be


def import_object(path: str) -> Any:
    """Object of an import path ``package.module:Name``.

    Raises
    ------
    InvalidArgumentError
        ``IMPORT_PATH_INVALID``: there is no such module or name, or importing it fails.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except Exception as error:  # whatever the code of others raises while it is imported
        raise InvalidArgumentError(
            f"'{path}' cannot be imported ({type(error).__name__}: {error}): write package.module:Name and install the "
            "package where the work runs.",
            reason="IMPORT_PATH_INVALID",
            path=path,
        ) from error
