"""Where a visitor drops files: the browser sends them one by one, and says how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from lse_dashboard import wording
from lse_dashboard.views.component import Component
from lse_dashboard.views.markup import STYLE

__all__ = ["DropZone"]

_WORDS = wording.Ingest
_TEXTS = {
    "drop": _WORDS.DROP,
    "more": _WORDS.DROP_MORE,
    "files": _WORDS.CHOOSE_FILES,
    "folder": _WORDS.CHOOSE_FOLDER,
    "sending": _WORDS.SENDING,
    "stop": _WORDS.STOP,
    "empty": _WORDS.EMPTY_DROP,
}


class DropZone(Component):
    """Takes files and folders that are dropped or chosen.

    Parameters
    ----------
    arrived
        Called when all are there, with a sentence where they are not.
    stopped
        Called when the visitor gave it up.
    """

    address = param.String("", doc="URL below which files are put.")
    texts = param.Dict(_TEXTS, doc="What it says.")

    _esm = """
    const ABREAST = 4
    const entries = async (entry, below) => {
      if (entry.isFile) {
        const file = await new Promise((found, failed) => entry.file(found, failed))
        return [[below + entry.name, file]]
      }
      const reader = entry.createReader(), all = []
      for (;;) {
        // A reader gives a hundred at a time, and none at the end.
        const some = await new Promise((found, failed) => reader.readEntries(found, failed))
        if (!some.length) { break }
        all.push(...some)
      }
      return (await Promise.all(all.map((one) => entries(one, `${below}${entry.name}/`)))).flat()
    }
    export function render({model}) {
      const root = document.createElement("div"), words = model.texts
      root.className = "lse"
      root.innerHTML = `<div class="drop"><div class="at-rest"><b></b><span class="quiet"></span>
        <div class="acts"><button class="tool tall" data-pick="files"></button>
        <button class="tool tall" data-pick="folder"></button></div></div>
        <div class="at-work" hidden><div class="track"><div class="fill"></div></div>
        <div class="acts"><span class="quiet far" role="status"></span><button class="tool stop"></button></div></div>
        <input type="file" multiple hidden data-of="files"><input type="file" webkitdirectory hidden data-of="folder">
        </div>`
      const at = (selector) => root.querySelector(selector), zone = at(".drop")
      at("b").textContent = words.drop
      at(".at-rest .quiet").textContent = words.more
      at("[data-pick=files]").textContent = words.files
      at("[data-pick=folder]").textContent = words.folder
      at(".stop").textContent = words.stop
      let requests = new Set(), stopped = false
      const working = (yes) => { at(".at-rest").hidden = yes; at(".at-work").hidden = !yes }
      const put = (path, file, moved) => new Promise((done, failed) => {
        const request = new XMLHttpRequest()
        requests.add(request)
        request.open("PUT", `${model.address}?path=${encodeURIComponent(path)}`)
        request.upload.onprogress = (event) => moved(event.loaded)
        request.onloadend = () => {
          requests.delete(request)
          if (request.status === 204) { moved(file.size); done() } else { failed(request.responseText.trim()) }
        }
        request.send(file)
      })
      const send = async (found) => {
        const files = found.filter(([path]) => !path.split("/").some((part) => part.startsWith(".")))
        if (!files.length) { model.send_msg({action: "arrived", value: words.empty}); return }
        const total = files.reduce((sum, [, file]) => sum + file.size, 0) || 1, sent = new Map()
        let done = 0, problem = ""
        stopped = false
        working(true)
        const show = () => {
          const share = Math.floor(100 * [...sent.values()].reduce((sum, one) => sum + one, 0) / total)
          at(".fill").style.width = `${share}%`
          at(".far").textContent = words.sending.replace("{done}", done.toLocaleString("en"))
            .replace("{count}", files.length.toLocaleString("en")).replace("{share}", share)
        }
        show()
        const queue = [...files]
        const worker = async () => {
          while (queue.length && !stopped && !problem) {
            const [path, file] = queue.shift()
            try {
              await put(path, file, (bytes) => { sent.set(path, Math.min(bytes, file.size)); show() })
              done += 1
            } catch (said) { problem ||= said || "?" }
          }
        }
        await Promise.all(Array.from({length: ABREAST}, worker))
        working(false)
        model.send_msg(stopped ? {action: "stopped"} : {action: "arrived", value: problem})
      }
      root.addEventListener("click", (event) => {
        const pick = event.target.closest("[data-pick]")
        if (pick) { at(`[data-of=${pick.dataset.pick}]`).click() }
        if (event.target.closest(".stop")) {
          stopped = true
          requests.forEach((one) => one.abort())
        }
      })
      root.addEventListener("change", (event) => {
        const files = [...event.target.files].map((file) => [file.webkitRelativePath || file.name, file])
        event.target.value = ""
        if (files.length) { send(files) }
      })
      for (const kind of ["dragenter", "dragover"]) {
        zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over") })
      }
      zone.addEventListener("dragleave", () => zone.classList.remove("over"))
      zone.addEventListener("drop", async (event) => {
        event.preventDefault()
        zone.classList.remove("over")
        const found = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean)
        send((await Promise.all(found.map((one) => entries(one, "")))).flat())
      })
      return root
    }
    """

    def __init__(self, arrived: Callable[[str], None], stopped: Callable[[], None], **params: Any) -> None:
        super().__init__(**{"stylesheets": [STYLE], "sizing_mode": "stretch_width", "margin": 0, **params})
        self._arrived = arrived
        self._stopped = stopped

    def _handle_msg(self, msg: Any) -> None:
        action = msg.get("action") if isinstance(msg, dict) else None
        if action == "arrived":
            self._arrived(str(msg.get("value", "")))
        elif action == "stopped":
            self._stopped()
