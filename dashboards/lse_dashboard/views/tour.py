"""A walk through the page: offered once to each browser, and open to everyone from the header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from lse_dashboard import wording
from lse_dashboard.views.appearance import out_of_flow
from lse_dashboard.views.component import Component
from lse_dashboard.views.markup import STYLE, Markup, header_button

__all__ = ["Tour", "TourOffer", "tour_button"]

_WORDS = wording.Tour
_SEEN = "lse-tour"


class TourOffer(Component):
    """Offers the tour as long as this browser has not seen or refused it.

    Parameters
    ----------
    start
        Starts it.
    """

    words = param.Dict({"offer": _WORDS.OFFER, "no": _WORDS.NO, "seen": _SEEN}, doc="What it says.")

    _esm = """
    export function render({model}) {
      const root = document.createElement("div")
      root.className = "lse"
      if (localStorage.getItem(model.words.seen)) { return root }
      const buttons = '<button class="link lse-take-tour"></button><button class="no"></button>'
      root.innerHTML = `<div class="offer">${buttons}</div>`
      const [take, no] = root.querySelectorAll("button")
      take.textContent = model.words.offer
      no.textContent = model.words.no
      const seen = () => { localStorage.setItem(model.words.seen, "seen"); root.replaceChildren() }
      take.addEventListener("click", () => { seen(); model.send_msg({start: true}) })
      no.addEventListener("click", seen)
      return root
    }
    """

    def __init__(self, start: Callable[[], None], **params: Any) -> None:
        super().__init__(**{"stylesheets": [STYLE], "sizing_mode": "stretch_width", "margin": 0, **params})
        self._start = start

    def _handle_msg(self, msg: Any) -> None:
        del msg
        self._start()


class Tour(Component):
    """Points at one part of the page after the other."""

    steps = param.List(
        [{"at": at, "title": title, "text": text} for at, title, text in _WORDS.STEPS], doc="Where it points, and why."
    )
    words = param.Dict(
        {
            "next": _WORDS.NEXT,
            "back": _WORDS.BACK,
            "end": _WORDS.END,
            "done": _WORDS.DONE,
            "count": _WORDS.COUNT,
            "title": _WORDS.OPEN_HELP,
        },
        doc="What its buttons say.",
    )

    _esm = """
    const find = (root, selector) => {
      const here = root.querySelector(selector)
      if (here) { return here }
      for (const one of root.querySelectorAll("*")) {
        const found = one.shadowRoot && find(one.shadowRoot, selector)
        if (found) { return found }
      }
      return null
    }
    export function render({model}) {
      const root = document.createElement("div"), words = model.words
      root.className = "lse"
      let steps = [], at = 0, before = null
      const end = () => {
        root.replaceChildren()
        before?.focus?.()
      }
      const shown = (step) => {
        const box = find(document, step.at)?.getBoundingClientRect()
        return box && box.width && box.height ? box : null
      }
      const show = () => {
        const step = steps[at], last = at === steps.length - 1
        find(document, step.at)?.scrollIntoView?.({block: "nearest"})
        const box = shown(step)
        if (!box) { end(); return }
        root.innerHTML = `<div class="spot"></div><div class="guide" role="dialog" tabindex="-1"><h2></h2><p></p>
          <div class="acts"><span class="quiet"></span><button class="tool end"></button>
          <button class="tool back"></button><button class="tool tall next"></button></div></div>`
        const [spot, guide] = root.children, part = (selector) => guide.querySelector(selector)
        guide.setAttribute("aria-label", words.title)
        part("h2").textContent = step.title
        part("p").textContent = step.text
        part("span").textContent = words.count.replace("{at}", at + 1).replace("{count}", steps.length)
        part(".end").textContent = words.end
        part(".end").hidden = last
        part(".back").textContent = words.back
        part(".back").disabled = at === 0
        part(".next").textContent = last ? words.done : words.next
        const edge = 4, left = Math.max(box.left - edge, 2), top = Math.max(box.top - edge, 2)
        Object.assign(spot.style, {left: `${left}px`, top: `${top}px`,
          width: `${Math.min(box.right + edge, innerWidth - 2) - left}px`,
          height: `${Math.min(box.bottom + edge, innerHeight - 2) - top}px`})
        // Beside what it points at, where there is most room; over it where it fills the page.
        const {width, height} = guide.getBoundingClientRect(), gap = 14
        const right = innerWidth - box.right, below = innerHeight - box.bottom
        let x = box.left, y = box.bottom + gap
        if (right > width + 2 * gap) { x = box.right + gap; y = box.top }
        else if (box.left > width + 2 * gap) { x = box.left - width - gap; y = box.top }
        else if (below < height + 2 * gap) { y = box.top - height - gap }
        if (box.width > innerWidth / 2 && box.height > innerHeight / 2) {
          x = box.left + (box.width - width) / 2
          y = box.top + (box.height - height) / 2
        }
        const within = (value, size, most) => `${Math.min(Math.max(value, gap), most - size - gap)}px`
        Object.assign(guide.style, {left: within(x, width, innerWidth), top: within(y, height, innerHeight)})
        guide.focus()
      }
      const go = (by) => {
        at += by
        if (at >= steps.length) { end() } else { show() }
      }
      root.addEventListener("click", ({target}) => {
        if (target.closest(".end")) { end() }
        if (target.closest(".next")) { go(1) }
        if (target.closest(".back")) { go(-1) }
      })
      root.addEventListener("keydown", (event) => {
        const by = {ArrowRight: 1, ArrowLeft: -1}[event.key]
        if (event.key === "Escape") { end() } else if (by && at + by >= 0) { go(by) } else { return }
        event.preventDefault()
        event.stopPropagation()
      })
      const resized = () => { if (root.children.length) { show() } }
      addEventListener("resize", resized)
      model.on("remove", () => removeEventListener("resize", resized))
      model.on("msg:custom", () => {
        before = document.activeElement
        steps = model.steps.filter(shown)
        at = 0
        if (steps.length) { show() }
      })
      return root
    }
    """

    def __init__(self, **params: Any) -> None:
        super().__init__(**{"stylesheets": [STYLE], **out_of_flow(), **params})

    def start(self) -> None:
        """Begin with the first step."""
        self._send_msg({"start": True})


def tour_button(tour: Tour) -> Markup:
    """The button of the header that starts the tour."""
    return header_button(_WORDS.OPEN, tour.start, css="lse-tour", help=_WORDS.OPEN_HELP)
