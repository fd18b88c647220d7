"""HTML that answers clicks: the one way in which the explorer shows lists, cards and tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import param
from markupsafe import Markup as Html
from panel.custom import JSComponent

__all__ = ["EXPLORER_CSS", "HoverCard", "Html", "Markup", "html", "waiting"]

EXPLORER_CSS = (Path(__file__).parent / "explorer.css").read_text()

Act = Callable[[str], None]


def html(template: str, /, **values: object) -> Html:
    """Fill a template; every value is escaped except what is `Html` already."""
    return Html(template).format(**values)  # noqa: S704 (templates are written here, only values come from outside)


def waiting(text: str) -> Html:
    """What a window shows until there is an answer."""
    return html(
        '<div class="lse quiet waiting"><div class="track"><div class="fill unknown"></div></div>{text}</div>',
        text=text,
    )


class Markup(JSComponent):
    """HTML whose elements with ``data-action`` tell the session that they were clicked.

    Parameters
    ----------
    actions
        What to do for each ``data-action``, given the element's ``data-value``.
    """

    html = param.String("", doc="What is shown; made with `html` so that foreign text is escaped.")

    _esm = """
    export function render({model}) {
      const root = document.createElement("div")
      root.style.height = "100%"
      const show = () => {
        const open = new Set([...root.querySelectorAll("details[open]")].map((one) => one.dataset.key))
        const lists = new Map()
        root.querySelectorAll("[data-scroll]").forEach((one) => { lists.set(one.dataset.scroll, one.scrollTop) })
        root.innerHTML = model.html
        root.querySelectorAll("details").forEach((one) => { one.open = open.has(one.dataset.key) })
        root.querySelectorAll("[data-scroll]").forEach((one) => { one.scrollTop = lists.get(one.dataset.scroll) ?? 0 })
      }
      root.addEventListener("click", (event) => {
        const hit = event.target.closest("[data-action]")
        if (hit && !hit.disabled) {
          model.send_msg({action: hit.dataset.action, value: hit.dataset.value ?? ""})
        }
      })
      model.on("html", show)
      show()
      return root
    }
    """

    def __init__(self, actions: dict[str, Act] | None = None, **params: Any) -> None:
        params.setdefault("stylesheets", [EXPLORER_CSS])
        super().__init__(**params)
        self._actions = actions or {}

    def _handle_msg(self, msg: Any) -> None:
        act = self._actions.get(str(msg.get("action"))) if isinstance(msg, dict) else None
        if act is not None:
            act(str(msg.get("value", "")))


class HoverCard(JSComponent):
    """A card that stays beside the pointer while it has something to show."""

    html = param.String("", doc="What is shown; nothing where it is empty.")

    _esm = """
    export function render({model}) {
      const card = document.createElement("div")
      Object.assign(card.style, {position: "fixed", zIndex: 1200, pointerEvents: "none", display: "none"})
      card.className = "lse-hover-card"
      let x = 0, y = 0
      const place = () => {
        const {width, height} = card.getBoundingClientRect()
        card.style.left = `${x + 18 + width > window.innerWidth ? x - 18 - width : x + 18}px`
        card.style.top = `${Math.max(6, Math.min(y - height / 2, window.innerHeight - height - 6))}px`
      }
      const move = (event) => {
        x = event.clientX
        y = event.clientY
        if (card.style.display !== "none") { place() }
      }
      const show = () => {
        card.innerHTML = model.html
        card.style.display = model.html ? "block" : "none"
        if (model.html) { place() }
      }
      document.addEventListener("pointermove", move, {capture: true, passive: true})
      model.on("remove", () => document.removeEventListener("pointermove", move, {capture: true}))
      model.on("html", show)
      show()
      return card
    }
    """

    def __init__(self, **params: Any) -> None:
        params.setdefault("stylesheets", [EXPLORER_CSS])
        super().__init__(**params)
