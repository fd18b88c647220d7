"""How a part of the page finds the 3-D scene that it belongs to: there may be two maps side by side."""

from __future__ import annotations

__all__ = ["SCENES"]

SCENES = """
const scenes = (root) => [...root.querySelectorAll("*")].flatMap((one) => [
  ...(one.classList.contains("js-plotly-plot") ? [one] : []),
  ...(one.shadowRoot ? scenes(one.shadowRoot) : []),
])
// The scene in the smallest part of the page that has one and the element.
const sceneBeside = (element) => {
  for (let node = element; node; node = node.parentNode ?? node.host) {
    const found = scenes(node)
    if (found.length) { return found.at(-1) }
  }
}
"""
"""Functions of JavaScript: ``scenes(root)`` are all scenes below a node, ``sceneBeside(element)`` is its own."""
