"""What keys do anywhere in the page, but where one writes."""

from __future__ import annotations

from typing import Any

import param

from lse_dashboard.data.remarks import INTERESTS
from lse_dashboard.state.selection import Combine
from lse_dashboard.state.session import Session
from lse_dashboard.views.appearance import out_of_flow
from lse_dashboard.views.component import Component

__all__ = ["Keys"]

# Shift and Alt, as they are held when the pointer goes down on the map.
_HELD: dict[str, Combine | None] = {"": None, "Shift": "add", "Alt": "subtract", "Shift+Alt": "intersect"}


class Keys(Component):
    """Passes keys on to the session.

    Parameters
    ----------
    session
        What acts on them.
    """

    _esm = """
    const writes = (event) => {
      const one = event.composedPath()[0]
      return one.isContentEditable || ["TEXTAREA", "SELECT"].includes(one.tagName)
        || (one.tagName === "INPUT" && !["button", "checkbox", "radio", "range"].includes(one.type))
    }
    // What has keys of its own: menus and windows. A select that is closed, as after a choice, has Enter alone.
    const own = ["dialog", "listbox", "menu", "combobox", "slider", "spinbutton"]
    const closed = (one) => one.getAttribute("role") === "combobox" && one.getAttribute("aria-expanded") === "false"
    const elsewhere = (event) => event.composedPath().some((one) =>
      own.includes(one.getAttribute?.("role")) && (event.key === "Enter" || !closed(one)))
    export function render({model}) {
      let held = ""
      const key = (event) => {
        if (writes(event) || event.metaKey || elsewhere(event)) { return }
        const name = (event.ctrlKey ? "Ctrl+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key)
        if (!model.known.includes(name) || event.altKey) { return }
        // A button that has the focus is what Enter presses.
        if (name === "Enter" && ["BUTTON", "A", "SUMMARY"].includes(event.composedPath()[0].tagName)) { return }
        event.preventDefault()
        model.send_msg({key: name})
      }
      const down = (event) => {
        const now = [event.shiftKey ? "Shift" : "", event.altKey ? "Alt" : ""].filter(Boolean).join("+")
        if (now !== held) {
          held = now
          model.send_msg({held})
        }
      }
      document.addEventListener("keydown", key)
      document.addEventListener("pointerdown", down, {capture: true})
      model.on("remove", () => {
        document.removeEventListener("keydown", key)
        document.removeEventListener("pointerdown", down, {capture: true})
      })
      return document.createElement("span")
    }
    """

    known = param.List(["Ctrl+z", "Ctrl+y", "Escape", *"ius", *"0123456789", "Enter"], doc="Keys that do something.")

    def __init__(self, session: Session) -> None:
        super().__init__(**out_of_flow())
        self._session = session

    def _handle_msg(self, msg: Any) -> None:
        if not isinstance(msg, dict):
            return
        if "held" in msg:
            self._session.selection.held = _HELD.get(str(msg["held"]))
        elif "key" in msg:
            self._press(str(msg["key"]))

    def _press(self, key: str) -> None:
        session, selection = self._session, self._session.selection
        acts = {
            "Ctrl+z": selection.undo,
            "Ctrl+y": selection.redo,
            "Escape": selection.clear,
            "i": session.selecting.invert,
            "u": session.labelling.undo,
        }
        if session.aside == "review":
            acts |= {"Enter": session.review.accept, "s": session.review.skip}
        if key in acts:
            acts[key]()
        elif key.isdigit() and session.aside == "review" and session.review.judging:
            if int(key) in INTERESTS:
                session.review.judge(int(key))
        elif key.isdigit():
            self._label(int(key))

    def _label(self, number: int) -> None:
        scheme = self._session.labelling.scheme
        if scheme is not None and number <= len(scheme.classes):
            self._session.label(scheme.classes[number - 1] if number else "")
