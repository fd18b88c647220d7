"""Changes of a page reach its browser in the order in which they were made, and all of them do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from panel.io import document as panel_document

__all__ = ["keep_order"]


def keep_order() -> None:
    """Send what changes while a message is on its way after that message.

    Panel tries every 10 ms whether the way is free; a change could then be overtaken by the next one, or wait until
    something else changes.
    """
    panel_document.schedule_write_events = _Turns()  # type: ignore[assignment]


class _Turns:
    """Stands in for `panel.io.document.schedule_write_events`.

    Bokeh's own lock of a web socket is first come, first served.
    """

    def __init__(self) -> None:
        self._waiting: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, document: Any, connections: Iterable[Any], events: list[Any]) -> None:
        # Encoded now: it says what changed now.
        messages = [(connection, connection.protocol.create("PATCH-DOC", events)) for connection in connections]
        task = asyncio.ensure_future(self._send(document, messages))
        # While one waits, Panel must not write past it.
        panel_document._WRITE_BLOCK[document] = True  # noqa: SLF001
        self._waiting[document] = self._waiting.get(document, 0) + 1
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, document: Any, messages: list[tuple[Any, Any]]) -> None:
        try:
            for connection, message in messages:
                await connection._socket.send_message(message)  # noqa: SLF001
        finally:
            self._waiting[document] -= 1
            if not self._waiting[document]:
                panel_document._WRITE_BLOCK.pop(document, None)  # noqa: SLF001
