"""`lse encoder new-method`: a file to begin a training method of one's own with."""

from __future__ import annotations

import re
from pathlib import Path

from lse.errors import InvalidArgumentError

__all__ = ["write_method"]

_TEMPLATE = Path(__file__).parents[1] / "representation" / "methods" / "_own_method.py"


def write_method(path: Path) -> str:
    """Write the template of a training method under the name of the file; the import path of the method.

    Raises
    ------
    InvalidArgumentError
        ``OUTPUT_INVALID``: the file is not called like a Python module, or is there already.
    """
    name = path.stem
    if path.suffix != ".py" or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InvalidArgumentError(
            f"'{path.name}' cannot be imported: name the file like a Python module, such as my_method.py.",
            reason="OUTPUT_INVALID",
        )
    if path.exists():
        raise InvalidArgumentError(f"The file {path} is there already: choose another name.", reason="OUTPUT_INVALID")
    text = _TEMPLATE.read_text(encoding="utf-8")
    words = name.split("_")
    for before, after in (
        ("OwnMethod", "".join(word.capitalize() for word in words)),
        ("own_method", name),
        ("own-method", "-".join(filter(None, words))),
        ("FOLDER", str(path.expanduser().absolute().parent)),
    ):
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")
    return f"{name}:METHOD"
