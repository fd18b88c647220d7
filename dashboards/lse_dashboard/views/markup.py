"""HTML that answers clicks: the one way in which the explorer shows lists, cards and tables."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import param
from markupsafe import Markup as Html

from lse_dashboard.views.component import Component

__all__ = [
    "STYLE",
    "HoverCard",
    "Html",
    "Markup",
    "button",
    "folded",
    "header_button",
    "html",
    "join",
    "jpeg_url",
    "notes",
    "nothing",
    "pairs",
    "picture",
    "png_url",
    "problem",
    "progress",
    "section",
    "waiting",
]

STYLE = (Path(__file__).parent / "explorer.css").read_text()

Act = Callable[[str], None]


def html(template: str, /, **values: object) -> Html:
    """Fill a template; every value is escaped except what is `Html` already."""
    return Html(template).format(**values)  # noqa: S704 (templates are written here, only values come from outside)


def join(parts: Iterable[Html]) -> Html:
    """Parts one after the other."""
    return Html("").join(parts)


def button(label: str, action: str, value: object = "", *, css: str = "link", help: str = "") -> Html:  # noqa: A002
    """A button that acts on a value."""
    return html(
        '<button class="{css}" data-action="{action}" data-value="{value}" title="{help}">{label}</button>',
        css=css,
        action=action,
        value=value,
        help=help,
        label=label,
    )


def section(title: str, body: Html, *, css: str = "", more: str = "") -> Html:
    """A part with a heading, and something quieter at the end of its line."""
    end = html(' <span class="more">{more}</span>', more=more) if more else ""
    template = '<section class="{css}"><h2>{title}{end}</h2>{body}</section>'
    return html(template, css=css, title=title, end=end, body=body)


def pairs(rows: Iterable[tuple[str, object]], *, css: str = "") -> Html:
    """Names and values."""
    lines = join(html('<dt title="{key}">{key}</dt><dd>{value}</dd>', key=key, value=value) for key, value in rows)
    return html('<dl class="{css}">{lines}</dl>', css=css, lines=lines)


def folded(key: str, title: str, body: Html) -> Html:
    """A part that opens on a click; the key remembers whether it is open."""
    template = '<details data-key="{key}"><summary class="quiet">{title}</summary>{body}</details>'
    return html(template, key=key, title=title, body=body)


def notes(items: Iterable[str]) -> Html:
    """Sentences as a list."""
    return html('<ul class="notes">{items}</ul>', items=join(html("<li>{item}</li>", item=item) for item in items))


def picture(png: bytes, *, css: str, alt: str) -> Html:
    """A PNG."""
    return html('<img class="{css}" src="{url}" alt="{alt}">', css=css, url=png_url(png), alt=alt)


def jpeg_url(jpeg: bytes) -> str:
    """URL that holds a JPEG."""
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def png_url(png: bytes) -> str:
    """URL that holds a PNG."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def problem(text: str) -> Html:
    """A sentence about what is wrong."""
    return html('<div class="lse"><div class="problem">{text}</div></div>', text=text)


def nothing(title: str, text: str) -> Html:
    """What to do where there is nothing yet."""
    return html('<div class="lse empty"><b>{title}</b>{text}</div>', title=title, text=text)


def progress(share: float | None) -> Html:
    """A bar; it moves to and fro while the share is not known."""
    width = Html("") if share is None else html('style="width:{percent}%"', percent=f"{100 * min(1.0, share):.1f}")
    template = '<div class="track"><div class="fill {unknown}" {width}></div></div>'
    return html(template, unknown="unknown" if share is None else "", width=width)


def waiting(text: str) -> Html:
    """What a window shows until there is an answer."""
    return html('<div class="lse quiet waiting">{bar}{text}</div>', bar=progress(None), text=text)


class Markup(Component):
    """HTML whose elements with ``data-action`` act when they are clicked, and whose forms act when they are sent.

    Parameters
    ----------
    actions
        What to do for each ``data-action``, given the element's ``data-value``; of a form, its fields as JSON.
    """

    html = param.String("", doc="What is shown; made with `html` so that foreign text is escaped.")

    _esm = """
    export function render({model}) {
      const root = document.createElement("div")
      root.style.height = "100%"
      root.style.outline = "none"
      root.tabIndex = -1
      // A field with data-filter leaves only what has its text in data-name; it keeps it when all is shown anew.
      let filtered = ""
      const narrow = () => {
        root.querySelectorAll("[data-name]").forEach((one) => {
          one.hidden = !one.dataset.name.toLowerCase().includes(filtered.toLowerCase())
        })
      }
      root.addEventListener("input", (event) => {
        if (event.target.matches("[data-filter]")) {
          filtered = event.target.value
          narrow()
        }
      })
      const show = () => {
        const open = new Set([...root.querySelectorAll("details[open]")].map((one) => one.dataset.key))
        const lists = new Map()
        root.querySelectorAll("[data-scroll]").forEach((one) => { lists.set(one.dataset.scroll, one.scrollTop) })
        const active = root.getRootNode().activeElement, focused = active?.dataset
        const typing = active?.matches("[data-filter]")
        // What was typed into a form and is not sent yet stays, as long as the form is about the same.
        const fields = () => [...root.querySelectorAll("form[data-key] :is(input, select)")]
        const place = (field) => `${field.form.getAttribute("data-key")} ${field.name}`
        const state = (field) => field.type === "checkbox" ? "checked" : "value"
        const first = (field) => field.type === "checkbox" ? field.defaultChecked
          : [...field.options ?? []].find((one) => one.defaultSelected)?.value ?? field.defaultValue
        const touched = (field) => field[state(field)] !== first(field)
        const typed = new Map(fields().filter(touched).map((one) => [place(one), one[state(one)]]))
        const writing = active?.form?.hasAttribute("data-key") ? place(active) : null
        const within = active && root.contains(active)
        root.innerHTML = model.html
        root.querySelectorAll("details").forEach((one) => { one.open = open.has(one.dataset.key) })
        root.querySelectorAll("[data-scroll]").forEach((one) => { one.scrollTop = lists.get(one.dataset.scroll) ?? 0 })
        const filter = root.querySelector("[data-filter]")
        if (filter) {
          filter.value = filtered
          narrow()
          if (typing) { filter.focus() }
        }
        for (const field of fields()) {
          if (typed.has(place(field))) {
            field[state(field)] = typed.get(place(field))
          }
          if (place(field) === writing) { field.focus({preventScroll: true}) }
        }
        // What had the focus has it again, so that the keyboard goes on where it was.
        if (focused?.action) {
          const same = `[data-action="${CSS.escape(focused.action)}"][data-value="${CSS.escape(focused.value ?? "")}"]`
          root.querySelector(same)?.focus({preventScroll: true})
        }
        // Where it is gone the keyboard stays here, so that Escape still closes the window around it.
        if (within && !root.contains(root.getRootNode().activeElement)) { root.focus({preventScroll: true}) }
      }
      root.addEventListener("click", (event) => {
        const hit = event.target.closest("[data-action]")
        if (hit && !hit.disabled && hit.tagName !== "FORM") {
          model.send_msg({action: hit.dataset.action, value: hit.dataset.value ?? ""})
        }
      })
      root.addEventListener("submit", (event) => {
        event.preventDefault()
        const form = event.target
        const value = JSON.stringify(Object.fromEntries(new FormData(form)))
        // A form whose field is called "dataset" has no other `dataset`.
        model.send_msg({action: form.getAttribute("data-action"), value})
        form.querySelectorAll("[data-once]").forEach((one) => { one.value = "" })
      })
      root.addEventListener("change", ({target}) => {
        if (target.form?.matches("[data-live]")) { target.form.requestSubmit() }
      })
      // Arrow keys walk over the tiles of a grid, and what they reach is acted on.
      let walking = null
      root.addEventListener("keydown", (event) => {
        const grid = event.target.closest("[data-grid]")
        if (!grid) { return }
        const tiles = [...grid.querySelectorAll("button[data-action]")]
        const at = tiles.indexOf(event.target)
        const across = tiles.filter((tile) => tile.offsetTop === tiles[0]?.offsetTop).length
        const to = {ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - across, ArrowDown: at + across,
                    Home: 0, End: tiles.length - 1}[event.key]
        if (at < 0 || to === undefined) { return }
        event.preventDefault()
        event.stopPropagation()
        const tile = tiles[to]
        if (!tile) { return }
        tile.focus()
        tile.scrollIntoView({block: "nearest"})
        clearTimeout(walking)
        walking = setTimeout(() => tile.click(), 150)
      })
      model.on("msg:custom", ({copy}) => {
        // Without HTTPS browsers have no clipboard but this one.
        const old = () => {
          const text = document.createElement("textarea")
          text.value = copy
          document.body.append(text)
          text.select()
          document.execCommand("copy")
          text.remove()
        }
        if (navigator.clipboard) { navigator.clipboard.writeText(copy).catch(old) } else { old() }
      })
      model.on("html", show)
      show()
      return root
    }
    """

    def __init__(self, actions: dict[str, Act] | None = None, **params: Any) -> None:
        super().__init__(**{"stylesheets": [STYLE], "sizing_mode": "stretch_width", "margin": 0, **params})
        self._actions = actions or {}

    def copy(self, text: str) -> None:
        """Put a text into the visitor's clipboard."""
        self._send_msg({"copy": text})

    def _handle_msg(self, msg: Any) -> None:
        act = self._actions.get(str(msg.get("action"))) if isinstance(msg, dict) else None
        if act is not None:
            act(str(msg.get("value", "")))


def header_button(label: str, act: Callable[[], None], *, css: str, help: str) -> Markup:  # noqa: A002
    """A button of the bar at the top."""
    return Markup(
        {"act": lambda _: act()},
        html=html('<div class="lse">{button}</div>', button=button(label, "act", css=f"tool tall {css}", help=help)),
        sizing_mode=None,
        height=28,
        align="center",
    )


class HoverCard(Component):
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
        super().__init__(stylesheets=[STYLE], **params)
