"""Parts of the page that are written in JavaScript."""

from __future__ import annotations

from typing import Any, ClassVar

from bokeh.document import Document
from panel.custom import JSComponent

__all__ = ["Component"]


class Component(JSComponent):
    """A component whose ``_esm`` is JavaScript as browsers read it.

    Panel compiles the text of each instance in the browser, because it may be TypeScript or JSX: a third of a second
    for the page. A text that it takes for a bundle is left as it is, and read once for all instances.
    """

    # Panel looks for compiled scripts and styles on disk, for each instance and for each class at each visit: there are
    # none.
    _bundle_path: ClassVar[None] = None
    _bundle_css: ClassVar[tuple[str, ...]] = ()

    def _get_properties(self, doc: Document | None) -> dict[str, Any]:
        return {**super()._get_properties(doc), "bundle": f"{type(self).__module__}.{type(self).__name__}"}
