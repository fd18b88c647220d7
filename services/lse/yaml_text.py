"""YAML that people write: settings, recipes, pipelines."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

__all__ = ["StrictLoader", "fault_of_yaml", "load_yaml"]

_MERGE = "tag:yaml.org,2002:merge"


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Mapping of a node."""
        lines: dict[Hashable, int] = {}
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            key = None if key_node.tag == _MERGE else self.construct_object(key_node, deep=True)
            if key is None or not isinstance(key, Hashable):
                continue
            line = key_node.start_mark.line + 1
            if key in lines:
                problem = f"the key '{key}' is given twice, first in line {lines[key]}"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key_node.start_mark)
            lines[key] = line
        return super().construct_mapping(node, deep=deep)


def load_yaml(text: str, loader: type[StrictLoader] = StrictLoader) -> Any:
    """What a YAML text holds.

    Raises
    ------
    yaml.YAMLError
        If it is none, is nested too deeply, or a mapping has a key twice.
    """
    try:
        return yaml.load(text, loader)  # noqa: S506  # a safe one
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error


def fault_of_yaml(error: yaml.YAMLError | OSError | UnicodeDecodeError) -> str:
    """What is wrong with a text or the file that holds it, and in which line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}: {problem}"
