"""Names for screen readers, which some widgets of the toolkit lack."""

from __future__ import annotations

import param

from lse_dashboard import wording
from lse_dashboard.views.component import Component

__all__ = ["WidgetNames"]


class WidgetNames(Component):
    """Names the buttons of number fields, and lets the signs of help be read.

    Widgets come and go, in shadow trees that no observer of the page sees: they are looked through every second.
    """

    more = param.String(wording.Parameters.LARGER, doc="Name of the button that makes a number larger.")
    fewer = param.String(wording.Parameters.SMALLER, doc="Name of the button that makes it smaller.")

    _esm = """
    const every = (root, selector) => [
      ...root.querySelectorAll(selector),
      ...[...root.querySelectorAll("*")].flatMap((one) => one.shadowRoot ? every(one.shadowRoot, selector) : []),
    ]
    export function render({model}) {
      const name = () => {
        for (const one of every(document, ".MuiInputAdornment-root > button:not([aria-label])")) {
          const start = one.parentElement.classList.contains("MuiInputAdornment-positionStart")
          one.setAttribute("aria-label", start ? model.fewer : model.more)
        }
        // A name without a role is read by nobody.
        for (const one of every(document, "span[aria-label]:not([role])")) { one.setAttribute("role", "img") }
      }
      const timer = setInterval(name, 1000)
      model.on("remove", () => clearInterval(timer))
      name()
      return document.createElement("span")
    }
    """
