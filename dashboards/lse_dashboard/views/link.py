"""The address of the view, and what the page does when its connection ends."""

from __future__ import annotations

from typing import Any

import param

from lse_dashboard import wording
from lse_dashboard.state.view import KeptView
from lse_dashboard.views.appearance import out_of_flow
from lse_dashboard.views.component import Component
from lse_dashboard.views.markup import Markup, header_button

__all__ = ["AddressBar", "Header", "LinkButton"]


class AddressBar(Component):
    """Keeps the view in the address of the page, so that loading it again opens the same view."""

    query = param.String("", doc="Query of the address.")

    _esm = """
    export function render({model}) {
      let timer = null
      const write = () => {
        clearTimeout(timer)
        if (model.query) { history.replaceState(null, "", `${location.pathname}?${model.query}`) }
      }
      model.on("query", () => {
        clearTimeout(timer)
        timer = setTimeout(write, 200)
      })
      model.on("msg:custom", () => {
        write()
        const old = () => {
          const text = document.createElement("textarea")
          text.value = location.href
          document.body.append(text)
          text.select()
          document.execCommand("copy")
          text.remove()
        }
        if (navigator.clipboard) { navigator.clipboard.writeText(location.href).catch(old) } else { old() }
      })
      write()
      return document.createElement("span")
    }
    """

    def copy(self) -> None:
        """Put the address into the visitor's clipboard."""
        self._send_msg({"copy": True})


class LinkButton:
    """The button that copies a link to the view.

    Parameters
    ----------
    kept
        The view.
    """

    def __init__(self, kept: KeptView) -> None:
        self._kept = kept
        self.bar = AddressBar(query=kept.query, **out_of_flow())
        self.button = header_button(wording.Link.LABEL, self._copy, css="lse-link", help=wording.Link.HELP)
        kept.param.watch(self._write, "query")

    def _write(self, event: Any) -> None:
        self.bar.query = event.new

    def _copy(self) -> None:
        self._kept.complete(self.bar.copy)


class Header(Markup):
    """The bar at the top, whose light is the page's own connection: without one it says so and loads the page again."""

    lost = param.String(wording.Link.LOST, doc="What is said without a connection.")

    _esm = """
    export function render({model}) {
      const root = document.createElement("div")
      root.style.height = "100%"
      let lost = false
      const show = () => {
        root.innerHTML = model.html
        if (lost) {
          root.querySelector(".state").className = "state away lse-away"
          root.querySelector(".text").textContent = model.lost
        }
      }
      const again = async () => {
        try {
          const answer = await fetch("health", {cache: "no-store"})
          if (answer.ok) {
            location.reload()
            return
          }
        } catch { /* not there yet */ }
        setTimeout(again, 500)
      }
      const cut = () => {
        if (lost) { return }
        lost = true
        show()
        setTimeout(again, 300)
      }
      for (const one of window.Bokeh.documents) { one.on_event("connection_lost", cut) }
      model.on("html", show)
      show()
      return root
    }
    """
