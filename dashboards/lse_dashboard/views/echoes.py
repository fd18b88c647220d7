"""Old values that widgets send back by mistake are kept from the page and the server."""

from __future__ import annotations

from lse_dashboard.views.component import Component

__all__ = ["StaleEchoes"]


class StaleEchoes(Component):
    """Drops what a widget of React says of itself after the server has said something newer.

    A widget writes each value that it has drawn back to its model, later. Where the server changes a value twice while
    the page is busy, the first is written back over the second, and sent to the server as the visitor's own choice: a
    list stays without its newest entry, another map opens (seen in Panel 1.9.4 and 1.10.0, ``react_component.ts``).
    """

    _esm = """
    // For so long, or until the widget wrote the newer value, it does not bring a replaced one back.
    const MILLISECONDS = 2000
    const owned = new WeakMap(), replaced = new WeakMap()
    const isOfWidget = (model) => {
      if (!owned.has(model)) {
        const widgets = model.document?._all_models.values() ?? []
        owned.set(model, [...widgets].some((one) => one.type?.endsWith("ReactComponent") && one.data === model))
      }
      return owned.get(model)
    }
    const listen = () => {
      const prototype = Bokeh.require("core/has_props").HasProps.prototype
      if (prototype.setv.drops_echoes) { return }
      const setv = prototype.setv
      prototype.setv = function (changed, options) {
        if (this.document == null || !isOfWidget(this)) { return setv.call(this, changed, options) }
        if (!replaced.has(this)) { replaced.set(this, new Map()) }
        const past = replaced.get(this), now = performance.now(), taken = {}
        for (const [name, value] of Object.entries(changed)) {
          const before = (past.get(name) ?? []).filter((one) => now - one.at < MILLISECONDS)
          if (options?.sync === false) {
            past.set(name, [...before, {value: this.attributes[name], at: now}])
          } else if (value === this.attributes[name]) {
            past.delete(name)
          } else if (before.some((one) => one.value === value)) {
            continue
          }
          taken[name] = value
        }
        return setv.call(this, taken, options)
      }
      prototype.setv.drops_echoes = true
    }
    export function render() {
      listen()
      return document.createElement("span")
    }
    """
