// Charts of the points: a drag over the bars of numbers, or a click on a group, shows only these points on the map.
const WIDTH = 300, HEIGHT = 46

export function render({model}) {
  const root = document.createElement("div")
  root.className = "lse"
  const made = (tag, css = "", text = "") => {
    const one = document.createElement(tag)
    one.className = css
    one.textContent = text
    return one
  }
  const svg = (tag, attributes) => {
    const one = document.createElementNS("http://www.w3.org/2000/svg", tag)
    for (const [name, value] of Object.entries(attributes)) { one.setAttribute(name, value) }
    return one
  }
  const say = (key, action, value) => model.send_msg({key, action, value})

  const bars = (chart) => {
    const count = chart.every.length, step = WIDTH / count, top = Math.max(1, ...chart.every)
    const drawn = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "bars", role: "img"})
    drawn.setAttribute("aria-label", chart.said)
    const heights = (values, css) => values.forEach((value, i) => {
      const height = value ? Math.max(1, HEIGHT * value / top) : 0
      drawn.append(svg("rect", {x: i * step, y: HEIGHT - height, width: step - 0.5, height, class: css(i)}))
    })
    const inside = (i) => chart.first <= i && i <= chart.last
    heights(chart.every, () => "every")
    heights(chart.passing, (i) => inside(i) ? "passing" : "cut")
    const brush = svg("rect", {y: 0, height: HEIGHT, class: "brush", visibility: "hidden"})
    drawn.append(brush)
    let from = null
    const at = (event) => {
      const box = drawn.getBoundingClientRect()
      return Math.min(count - 1, Math.max(0, Math.floor(count * (event.clientX - box.left) / box.width)))
    }
    const ends = (event) => [from, at(event)].sort((a, b) => a - b)
    drawn.addEventListener("pointerdown", (event) => {
      from = at(event)
      drawn.setPointerCapture(event.pointerId)
      event.preventDefault()
    })
    drawn.addEventListener("pointermove", (event) => {
      const [low, high] = from === null ? [at(event), at(event)] : ends(event)
      drawn.parentNode.querySelector(".range").textContent = `${chart.texts[low]} – ${chart.texts[high + 1]}`
      if (from !== null) {
        brush.setAttribute("visibility", "visible")
        brush.setAttribute("x", low * step)
        brush.setAttribute("width", (high - low + 1) * step)
      }
    })
    drawn.addEventListener("pointerleave", () => { if (from === null) { drawn.parentNode.querySelector(".range").textContent = chart.range } })
    drawn.addEventListener("pointerup", (event) => {
      if (from === null) { return }
      const [low, high] = ends(event)
      from = null
      say(chart.key, "drag", [low, high])
    })
    return drawn
  }

  const numbers = (chart) => {
    const part = made("div", "numbers"), ends = made("div", "ends")
    part.append(bars(chart), ends)
    for (const [name, value] of [["low", chart.low], ["high", chart.high]]) {
      const field = made("input", name)
      Object.assign(field, {value, placeholder: chart.texts.at(name === "low" ? 0 : -1), name: `${chart.key} ${name}`})
      field.hidden = !chart.typed
      field.setAttribute("aria-label", `${chart.title}: ${model.words[name]}`)
      field.addEventListener("change", () => {
        say(chart.key, "type", ["low", "high"].map((one) => part.querySelector(`.${one}`).value))
      })
      ends.append(field)
      if (name === "low") { ends.append(made("span", "quiet range", chart.range)) }
    }
    return part
  }

  const groups = (chart) => {
    const list = made("div", "groups"), top = Math.max(1, ...chart.every)
    chart.labels.forEach((label, i) => {
      if (!chart.every[i]) { return }
      const one = made("button", `group ${chart.kept[i] ? "" : "hidden"}`), track = made("span", "track")
      one.setAttribute("aria-pressed", chart.kept[i])
      one.name = `${chart.key} ${i}`
      for (const [css, value] of [["every", chart.every[i]], ["passing", chart.passing[i]]]) {
        const bar = made("i", css)
        bar.style.width = `${100 * value / top}%`
        track.append(bar)
      }
      one.append(made("span", "label", label), track, made("span", "count", chart.passing[i].toLocaleString("en")))
      one.addEventListener("click", () => say(chart.key, "group", label))
      list.append(one)
    })
    return list
  }

  const show = () => {
    const active = root.getRootNode().activeElement?.name, far = new Map()
    root.querySelectorAll(".groups").forEach((one) => { far.set(one.dataset.key, one.scrollTop) })
    root.replaceChildren(...model.charts.map((chart) => {
      const part = made("section", "filter"), head = made("h2", "", chart.title)
      part.dataset.key = chart.key
      const acts = made("span", "more")
      for (const [action, text] of [["all", model.words.all], ["remove", "×"]]) {
        if (action === "all" && !chart.limited) { continue }
        const one = made("button", "link", text)
        Object.assign(one, {name: `${chart.key} ${action}`, title: model.words[action]})
        one.setAttribute("aria-label", `${chart.title}: ${model.words[action]}`)
        one.addEventListener("click", () => say(chart.key, action, ""))
        acts.append(one)
      }
      head.append(acts)
      const body = chart.labels.length ? groups(chart) : numbers(chart)
      body.dataset.key = chart.key
      part.append(head, body)
      if (chart.missing) { part.append(made("div", "quiet", chart.missing)) }
      return part
    }))
    root.querySelectorAll(".groups").forEach((one) => { one.scrollTop = far.get(one.dataset.key) ?? 0 })
    if (active) { [...root.querySelectorAll("[name]")].find((one) => one.name === active)?.focus({preventScroll: true}) }
  }
  model.on("charts", show)
  show()
  return root
}
