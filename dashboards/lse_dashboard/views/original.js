// The pixels of an image as its file has them: stretched, coloured, zoomed and measured in the browser.
const CURVES = {
  linear: (t) => t,
  sqrt: Math.sqrt,
  log: (t) => Math.log1p(1000 * t) / Math.log1p(1000),
  asinh: (t) => Math.asinh(10 * t) / Math.asinh(10),
  square: (t) => t * t,
}
const MISSING = [214, 120, 40]
const ROUND = [1, 2, 5, 10, 15, 30]

export function render({model}) {
  const root = document.createElement("div")
  root.className = "lse"
  let facts, words, values, view, chosen, waiting = null, asked = null

  // Every digit of a value that tells it from its neighbours, and no other.
  const digits = (value) => {
    if (facts.dtype === "float64") { return String(value) }
    for (let count = 6; count < 9; count += 1) {
      const text = value.toPrecision(count)
      if (Math.fround(Number(text)) === value) { return String(Number(text)) }
    }
    return String(Number(value.toPrecision(9)))
  }
  const size = () => facts.height * facts.width
  const at = (selector) => root.querySelector(selector)
  const value = (channel, row, column) => values[channel * size() + row * facts.width + column]

  const option = (key, text = key) => `<option value="${key}">${text}</option>`
  const field = (name, title, inside) => `<label><span class="quiet">${title}</span>${inside}</label>`
  const select = (name, title, options) => field(name, title, `<select name="${name}">${options.join("")}</select>`)

  const build = () => {
    const channels = facts.channels.map((name, at) => option(at))
    const bands = facts.channels.length > 1 ? [option("composite", words.composite), ...channels] : channels
    root.innerHTML = `<div class="viewer"><div class="stage"><canvas class="drawn" tabindex="0" role="img"></canvas>
      <canvas class="marks"></canvas></div><div class="controls">
      ${select("band", words.band, bands)}
      ${words.channels.map((title, at) => select(`of${at}`, title, channels)).join("")}
      ${select("stretch", words.stretch, facts.stretches.map((one) => option(one)))}
      ${select("limits", words.limits, Object.entries(words.ways).map(([key, text]) => option(key, text)))}
      ${field("low", words.low, '<input name="low">')}${field("high", words.high, '<input name="high">')}
      ${select("map", words.map, Object.keys(facts.maps).map((one) => option(one)))}
      <label><span class="quiet">${words.invert}</span><input type="checkbox" name="invert"></label>
      <div class="acts"><button class="tool" data-fit>${words.fit}</button><button class="tool" data-one>1:1</button></div>
      <figure class="prepared"><img alt="${words.prepared}"><figcaption class="quiet">${words.prepared}</figcaption></figure>
      </div></div><div class="readout" role="status"><span class="place"></span><span class="value"></span>
      <span class="sky"></span></div>`
    // Names of channels come from files: they are set as text.
    for (const one of root.querySelectorAll("select[name=band] option, select[name^=of] option")) {
      if (/^\d+$/.test(one.value)) { one.textContent = facts.channels[Number(one.value)] }
    }
    at(".drawn").setAttribute("aria-label", words.picture)
    at(".prepared img").src = facts.prepared
    at(".place").textContent = words.point
    const count = facts.channels.length
    // As the thumbnails are drawn: two channels are red and blue, of more the first three are red, green and blue.
    chosen = {band: count > 1 ? "composite" : "0", of: count === 2 ? [0, -1, 1] : [0, 1, 2].map((one) => Math.min(one, count - 1)),
      stretch: facts.fits ? "asinh" : "linear", limits: facts.fits ? "99.5" : "minmax", map: "grey", invert: false, ends: {}}
    if (count === 2) { for (const one of [at("[name=of1]")]) { one.insertAdjacentHTML("afterbegin", option(-1, "½ + ½")) } }
    listen()
    controls()
    fit()
  }

  const shown = () => chosen.band === "composite" ? chosen.of : [Number(chosen.band)]
  const ends = (channel) => {
    if (chosen.limits !== "own") { return facts.limits[chosen.limits][Math.max(channel, 0)] }
    return chosen.ends[channel] ?? facts.limits.minmax[Math.max(channel, 0)]
  }
  const controls = () => {
    for (const name of ["band", "stretch", "limits", "map"]) { at(`[name=${name}]`).value = chosen[name] }
    at("[name=invert]").checked = chosen.invert
    const composite = chosen.band === "composite"
    chosen.of.forEach((one, index) => {
      at(`[name=of${index}]`).value = one
      at(`[name=of${index}]`).closest("label").hidden = !composite
    })
    at("[name=map]").closest("label").hidden = composite
    for (const [index, name] of ["low", "high"].entries()) {
      at(`[name=${name}]`).closest("label").hidden = composite
      if (!composite) { at(`[name=${name}]`).value = digits(Math.fround(ends(Number(chosen.band))[index])) }
    }
  }

  const draw = () => {
    const canvas = at(".drawn"), width = canvas.width, height = canvas.height
    if (!width || !height || !values) { return }
    const picture = new ImageData(width, height), out = picture.data, curve = CURVES[chosen.stretch]
    const composite = chosen.band === "composite"
    const table = facts.maps[chosen.map].map((one) => [1, 3, 5].map((from) => parseInt(one.slice(from, from + 2), 16)))
    const scaled = (channel) => {
      const [low, high] = ends(channel)
      return (one) => curve(Math.min(1, Math.max(0, (one - low) / (high - low))))
    }
    const channels = composite ? facts.channels.map((_, index) => index) : shown()
    const curves = new Map(channels.map((one) => [one, scaled(one)]))
    const step = Math.max(1, Math.floor(1 / view.zoom))
    // Of a picture that is made smaller, each pixel of the screen is the mean of those that it stands for.
    const mean = (channel, row, column) => {
      if (step === 1) { return value(channel, row, column) }
      let sum = 0, count = 0
      for (let r = row; r < Math.min(row + step, facts.height); r += 1) {
        for (let c = column; c < Math.min(column + step, facts.width); c += 1) {
          const one = value(channel, r, c)
          if (one === one) { sum += one; count += 1 }
        }
      }
      return count ? sum / count : NaN
    }
    const flip = (one) => chosen.invert ? 1 - one : one
    for (let y = 0; y < height; y += 1) {
      const row = Math.floor(view.top + y / view.zoom)
      if (row < 0 || row >= facts.height) { continue }
      for (let x = 0; x < width; x += 1) {
        const column = Math.floor(view.left + x / view.zoom)
        if (column < 0 || column >= facts.width) { continue }
        const to = 4 * (y * width + x)
        let colour
        if (composite) {
          const levels = new Map(chosen.of.filter((one) => one >= 0).map((one) => [one, curves.get(one)(mean(one, row, column))]))
          const both = [...levels.values()].reduce((sum, one) => sum + one, 0) / levels.size
          colour = chosen.of.map((one) => 255 * flip(one < 0 ? both : levels.get(one)))
          if (colour.some((one) => one !== one)) { colour = MISSING }
        } else {
          const level = curves.get(channels[0])(mean(channels[0], row, column))
          colour = level === level ? table[Math.round(255 * flip(level))] : MISSING
        }
        out[to] = colour[0]; out[to + 1] = colour[1]; out[to + 2] = colour[2]; out[to + 3] = 255
      }
    }
    canvas.getContext("2d").putImageData(picture, 0, 0)
    marks()
  }

  const marks = () => {
    const canvas = at(".marks"), context = canvas.getContext("2d")
    context.clearRect(0, 0, canvas.width, canvas.height)
    context.font = "12px Roboto, Arial, sans-serif"
    context.lineWidth = 1.5
    const ink = (paint) => {
      // Dark below, light above: seen on any picture.
      for (const [colour, width] of [["#000c", 3.5], ["#fff", 1.5]]) {
        context.strokeStyle = colour
        context.lineWidth = width
        paint()
      }
    }
    const text = (said, x, y) => {
      context.lineWidth = 3
      context.strokeStyle = "#000c"
      context.strokeText(said, x, y)
      context.fillStyle = "#fff"
      context.fillText(said, x, y)
    }
    if (facts.used) {
      const [left, top, width, height] = facts.used
      if (width < facts.width || height < facts.height) {
        context.setLineDash([5, 4])
        ink(() => context.strokeRect((left - view.left) * view.zoom, (top - view.top) * view.zoom, width * view.zoom, height * view.zoom))
        context.setLineDash([])
        text(words.used, (left - view.left) * view.zoom + 4, (top - view.top) * view.zoom - 5)
      }
    }
    const right = canvas.width - 52, foot = canvas.height - 46
    for (const [direction, name] of [[facts.north, words.north], [facts.east, words.east]]) {
      if (!direction) { continue }
      const x = right + 26 * direction[0], y = foot + 26 * direction[1]
      ink(() => { context.beginPath(); context.moveTo(right, foot); context.lineTo(x, y); context.stroke() })
      text(name, right + 36 * direction[0] - 4, foot + 36 * direction[1] + 4)
    }
    if (facts.arcsec) {
      const wide = canvas.width / 4 / view.zoom * facts.arcsec
      const [unit, sign] = wide >= 3600 ? [3600, "°"] : wide >= 60 ? [60, "′"] : [1, "″"]
      let length = 10 ** Math.floor(Math.log10(wide / unit))
      for (const one of ROUND) { if (one * (wide / unit < 1 ? length : 1) <= wide / unit) { length = one * (wide / unit < 1 ? length : 1) } }
      const pixels = length * unit / facts.arcsec * view.zoom, y = canvas.height - 18
      ink(() => {
        context.beginPath()
        context.moveTo(16, y - 5); context.lineTo(16, y); context.lineTo(16 + pixels, y); context.lineTo(16 + pixels, y - 5)
        context.stroke()
      })
      text(`${Number(length.toPrecision(3))}${sign}`, 20, y - 6)
    }
  }

  const fit = () => {
    const canvas = at(".drawn")
    const zoom = Math.min(canvas.width / facts.width, canvas.height / facts.height)
    look(zoom, facts.width / 2, facts.height / 2)
  }
  // A place of the image in the middle of the stage.
  const look = (zoom, x, y) => {
    const canvas = at(".drawn"), kept = Math.min(64, Math.max(0.02, zoom))
    view = {zoom: kept, left: x - canvas.width / 2 / kept, top: y - canvas.height / 2 / kept}
    later()
  }
  const middle = () => {
    const canvas = at(".drawn")
    return [view.left + canvas.width / 2 / view.zoom, view.top + canvas.height / 2 / view.zoom]
  }
  const later = () => { waiting ??= requestAnimationFrame(() => { waiting = null; draw() }) }
  const place = (event) => {
    const box = at(".drawn").getBoundingClientRect(), ratio = at(".drawn").width / box.width
    return [view.left + (event.clientX - box.left) * ratio / view.zoom, view.top + (event.clientY - box.top) * ratio / view.zoom]
  }

  const say = (x, y) => {
    const column = Math.floor(x), row = Math.floor(y)
    if (column < 0 || row < 0 || column >= facts.width || row >= facts.height) { return }
    const named = facts.fits ? [words.fits_place, column + 1, facts.height - row] : [words.place, column, row]
    at(".place").textContent = named[0].replace("{x}", named[1]).replace("{y}", named[2])
    at(".value").textContent = facts.channels.map((name, index) => {
      const one = value(index, row, column)
      return `${facts.channels.length > 1 ? `${name} ` : ""}${one === one ? digits(one) : words.missing}`
    }).join(" · ") + (facts.unit ? ` ${facts.unit}` : "")
    if (!facts.on_sky) { return }
    // The middle of pixel (0, 0) is (0.5, 0.5) here.
    const wanted = {row: y - 0.5, column: x - 0.5}
    if (asked) { asked = wanted; return }
    asked = wanted
    model.send_msg(wanted)
    setTimeout(() => {
      const newest = asked
      asked = null
      if (newest !== wanted) { model.send_msg(newest) }
    }, 60)
  }

  const listen = () => {
    const canvas = at(".drawn")
    let held = null
    canvas.addEventListener("pointerdown", (event) => { held = [event.clientX, event.clientY, {...view}]; canvas.setPointerCapture(event.pointerId) })
    canvas.addEventListener("pointerup", () => { held = null })
    canvas.addEventListener("pointermove", (event) => {
      if (held) {
        const ratio = canvas.width / canvas.getBoundingClientRect().width
        view.left = held[2].left - (event.clientX - held[0]) * ratio / view.zoom
        view.top = held[2].top - (event.clientY - held[1]) * ratio / view.zoom
        later()
      }
      say(...place(event))
    })
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault()
      const [x, y] = place(event), [mx, my] = middle(), by = Math.exp(-event.deltaY / 400)
      // What is under the pointer stays there.
      look(view.zoom * by, x + (mx - x) / by, y + (my - y) / by)
    }, {passive: false})
    canvas.addEventListener("dblclick", fit)
    canvas.addEventListener("keydown", (event) => {
      const [x, y] = middle(), step = 40 / view.zoom
      const to = {ArrowLeft: [1, -step, 0], ArrowRight: [1, step, 0], ArrowUp: [1, 0, -step], ArrowDown: [1, 0, step],
                  "+": [1.4, 0, 0], "=": [1.4, 0, 0], "-": [1 / 1.4, 0, 0]}[event.key]
      if (event.key === "0") { fit() }
      if (!to && event.key !== "0") { return }
      event.preventDefault()
      event.stopPropagation()
      if (to) { look(view.zoom * to[0], x + to[1], y + to[2]); say(x + to[1], y + to[2]) }
    })
    root.onclick = (event) => {
      if (event.target.closest("[data-fit]")) { fit() }
      if (event.target.closest("[data-one]")) { look(1, ...middle()) }
    }
    root.onchange = (event) => {
      const {name} = event.target
      if (name === "invert") { chosen.invert = event.target.checked }
      else if (name.startsWith("of")) { chosen.of[Number(name.slice(2))] = Number(event.target.value) }
      else if (name === "low" || name === "high") {
        const given = Number(event.target.value), channel = Number(chosen.band)
        const now = [...ends(channel)]
        now[name === "low" ? 0 : 1] = given
        if (event.target.value.trim() && Number.isFinite(given) && now[0] < now[1]) {
          chosen.ends = {...chosen.ends, [channel]: now}
          chosen.limits = "own"
        }
      } else { chosen[name] = event.target.value }
      controls()
      later()
    }
  }

  const show = () => {
    facts = model.facts
    const bytes = model.pixels
    if (!facts.width || !bytes?.byteLength) { values = null; root.innerHTML = ""; return }
    words = facts.words
    // A copy: numbers of eight bytes have to begin at a multiple of eight.
    const own = bytes instanceof ArrayBuffer ? bytes.slice(0) : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
    values = facts.dtype === "float64" ? new Float64Array(own) : new Float32Array(own)
    if (values.length !== size() * facts.channels.length) { return }
    build()
  }
  new ResizeObserver(() => {
    const stage = at(".stage")
    if (!stage || !stage.clientWidth) { return }
    const sized = view && at(".drawn").width > 1, [x, y] = sized ? middle() : [0, 0]
    for (const canvas of root.querySelectorAll("canvas")) {
      canvas.width = stage.clientWidth
      canvas.height = stage.clientHeight
    }
    if (sized && at(".drawn").dataset.seen) { look(view.zoom, x, y) } else { at(".drawn").dataset.seen = "yes"; fit() }
  }).observe(root)
  model.on("msg:custom", ({sky}) => { if (at(".sky")) { at(".sky").textContent = sky } })
  model.on("facts", show)
  model.on("pixels", show)
  show()
  return root
}
