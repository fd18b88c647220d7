// A cloud of points in three dimensions, drawn by WebGL. The server chooses which points a camera needs; what is here
// already is not sent again, and other colours are sent without places. While the camera moves fewer points are drawn,
// so that it moves smoothly; at rest all that are here are.
const CAPACITY = 1_700_000, FIRST = 65_536, BATCH = 131_072, HIDDEN = 65535, HEADER = 32
const REST_MS = 150, SLOW_MS = 45, QUICK_MS = 25, FEWEST = 50_000, REACH = 9, STILL = 4, FIELD = Math.PI / 4, FIRST_EYE = [1, 1, 0.65]
const FOG = 0.4, DIM = 0.8

const POINTS = `#version 300 es
layout(location = 0) in vec3 place;
layout(location = 1) in uint code;
uniform mat4 camera;
uniform highp sampler2D palette;
uniform vec3 ground;
uniform vec2 fog;
uniform float size;
uniform int colours, pass;
flat out vec3 colour;
void main() {
  int own = int(code);
  bool chosen = own >= colours;
  gl_PointSize = size;
  if (own == ${HIDDEN} || (pass == 1 && chosen) || (pass == 2 && !chosen)) { gl_Position = vec4(2, 2, 2, 1); return; }
  int at = chosen ? own - colours : own;
  gl_Position = camera * vec4(place, 1);
  float faded = ${FOG} * clamp((gl_Position.w - fog.x) / (fog.y - fog.x), 0.0, 1.0);
  if (pass == 1) { faded = 1.0 - (1.0 - faded) * ${1 - DIM}; }
  colour = mix(texelFetch(palette, ivec2(at % 256, at / 256), 0).rgb, ground, faded);
}`
const INK = `#version 300 es
precision highp float;
flat in vec3 colour;
uniform float size;
out vec4 ink;
void main() {
#ifdef ROUND
  float apart = length(gl_PointCoord - 0.5) * size, cover = clamp(size * 0.5 + 0.5 - apart, 0.0, 1.0);
  if (cover < 0.3) { discard; }
  ink = vec4(colour, cover);
#else
  ink = vec4(colour, 1);
#endif
}`
const LINES = `#version 300 es
layout(location = 0) in vec3 place;
uniform mat4 camera;
void main() { gl_Position = camera * vec4(place, 1); }`
const LINE_INK = `#version 300 es
precision mediump float;
uniform vec3 ground;
out vec4 ink;
void main() { ink = vec4(ground, 1); }`

const rgb = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16) / 255)
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
const add = (a, b, by = 1) => a.map((one, at) => one + by * b[at])
const unit = (a) => a.map((one) => one / Math.hypot(...a))
// Matrices are lists of rows.
const times = (a, b) => a.map((row) => [0, 1, 2, 3].map((at) => row.reduce((sum, one, k) => sum + one * b[k][at], 0)))
const seen = (m, [x, y, z]) => m.map((row) => row[0] * x + row[1] * y + row[2] * z + row[3])

// A camera turns around a target; both in units of the longest side of the cloud, from its middle.
class Camera {
  constructor(values, fit) {
    this.turned = values !== null
    this.target = values?.length === 6 ? values.slice(3) : [0, 0, 0]
    const [x, y, z] = values ?? FIRST_EYE
    this.distance = Math.max(Math.hypot(x, y, z), 1e-6)
    this.azimuth = Math.atan2(y, x)
    this.elevation = Math.max(-1.55, Math.min(1.55, Math.asin(z / this.distance)))
    if (!this.turned) { fit(this) }
  }
  get outwards() {
    const [c, s] = [Math.cos(this.elevation), Math.sin(this.elevation)]
    return [c * Math.cos(this.azimuth), c * Math.sin(this.azimuth), s]
  }
  get values() { return [...this.outwards.map((one) => one * this.distance), ...this.target] }
  get axes() {
    const outwards = this.outwards, right = unit(cross([0, 0, 1], outwards))
    return [right, cross(outwards, right), outwards]
  }
  matrix(aspect) {
    const eye = add(this.target, this.outwards, this.distance), focal = 1 / Math.tan(FIELD / 2)
    const view = [...this.axes.map((axis) => [...axis, -dot(axis, eye)]), [0, 0, 0, 1]]
    const near = this.distance * 0.01, far = this.distance + Math.hypot(...this.target) + 4
    return times([
      [focal / aspect, 0, 0, 0], [0, focal, 0, 0],
      [0, 0, (far + near) / (near - far), 2 * far * near / (near - far)], [0, 0, -1, 0],
    ], view)
  }
  rotate(across, down) {
    this.turned = true
    this.azimuth -= across
    this.elevation = Math.max(-1.55, Math.min(1.55, this.elevation + down))
  }
  // Shares of the height of the view.
  pan(across, up) {
    const [right, upwards] = this.axes, size = 2 * Math.tan(FIELD / 2) * this.distance
    this.turned = true
    this.target = add(add(this.target, right, -across * size), upwards, -up * size)
  }
  // What lies at the place of the pointer stays there.
  zoom(factor, across, up) {
    const before = this.distance
    this.distance = Math.max(1e-5, Math.min(20, before * factor))
    const moved = 1 - this.distance / before
    const [right, upwards] = this.axes, size = 2 * Math.tan(FIELD / 2) * before
    this.turned = true
    this.target = add(add(this.target, right, across * size * moved), upwards, up * size * moved)
  }
}

// The points that are here: in pieces of tiles, side by side in one buffer, and on the graphics card.
class Pool {
  constructor() {
    this.places = new Float32Array(3 * CAPACITY)
    this.codes = new Uint16Array(CAPACITY)
    this.clear()
  }
  clear() {
    this.tiles = new Map()
    this.top = 0
  }
  // What is missing of the first points of tiles, as pairs of first and count.
  missing(wanted) {
    const spans = []
    for (const [first, {count}] of wanted) {
      const held = this.tiles.get(first)?.held ?? 0
      if (held < count) { spans.push([first, held, count - held]) }
    }
    return spans
  }
  // Keep what is wanted alone, side by side.
  compact(wanted) {
    const pieces = []
    for (const [first, tile] of this.tiles) {
      const count = wanted.get(first)?.count ?? 0
      for (const piece of tile.pieces) {
        piece.count = Math.max(0, Math.min(piece.count, count - piece.from))
        if (piece.count) { pieces.push(piece) }
      }
      tile.pieces = tile.pieces.filter((piece) => piece.count)
      tile.held = Math.min(tile.held, count)
      if (!tile.held) { this.tiles.delete(first) }
    }
    this.top = 0
    for (const piece of pieces.sort((a, b) => a.at - b.at)) {
      this.places.copyWithin(3 * this.top, 3 * piece.at, 3 * (piece.at + piece.count))
      this.codes.copyWithin(this.top, piece.at, piece.at + piece.count)
      piece.at = this.top
      this.top += piece.count
    }
  }
  // Steps of 21 bits an axis, from the low to the high corner of the tile.
  take([first, from, count], box, words, begin, middle, scale) {
    const tile = this.tiles.get(first) ?? {first, held: 0, pieces: [], box}
    this.tiles.set(first, tile)
    const low = [0, 1, 2].map((at) => (box[at] - middle[at]) / scale)
    const step = [0, 1, 2].map((at) => (box[at + 3] - box[at]) / scale / 2097151)
    for (let i = 0, to = 3 * this.top; i < count; i += 1, to += 3) {
      const a = words[2 * (begin + i)], b = words[2 * (begin + i) + 1]
      this.places[to] = low[0] + step[0] * (a & 2097151)
      this.places[to + 1] = low[1] + step[1] * ((a >>> 21) | ((b & 1023) << 11))
      this.places[to + 2] = low[2] + step[2] * (b >>> 10)
    }
    const piece = {from, count, at: this.top}
    tile.pieces.push(piece)
    tile.held += count
    this.top += count
    return piece
  }
}

class Painter {
  constructor(canvas, pool) {
    this.gl = canvas.getContext("webgl2", {antialias: false, alpha: false, powerPreference: "high-performance"})
    this.pool = pool
    if (this.gl) { this.begin() }
  }
  begin() {
    const gl = this.gl
    const program = (points, ink) => {
      const made = gl.createProgram()
      for (const [kind, text] of [[gl.VERTEX_SHADER, points], [gl.FRAGMENT_SHADER, ink]]) {
        const shader = gl.createShader(kind)
        gl.shaderSource(shader, text)
        gl.compileShader(shader)
        gl.attachShader(made, shader)
      }
      gl.linkProgram(made)
      if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) {
        throw new Error(gl.getProgramInfoLog(made))
      }
      return {made, at: (name) => gl.getUniformLocation(made, name)}
    }
    this.square = program(POINTS, INK)
    this.round = program(POINTS, INK.replace("#version 300 es", "#version 300 es\n#define ROUND"))
    this.line = program(LINES, LINE_INK)
    this.multi = gl.getExtension("WEBGL_multi_draw")
    const buffer = (array, attribute, read) => {
      const made = gl.createBuffer()
      gl.bindBuffer(gl.ARRAY_BUFFER, made)
      gl.bufferData(gl.ARRAY_BUFFER, array, gl.DYNAMIC_DRAW)
      gl.enableVertexAttribArray(attribute)
      read()
      return made
    }
    this.cloud = gl.createVertexArray()
    gl.bindVertexArray(this.cloud)
    this.places = buffer(this.pool.places, 0, () => gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0))
    this.codes = buffer(this.pool.codes, 1, () => gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_SHORT, 0, 0))
    this.box = gl.createVertexArray()
    gl.bindVertexArray(this.box)
    const edges = new Float32Array(72)
    this.edges = buffer(edges, 0, () => gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0))
    this.palette = gl.createTexture()
    gl.enable(gl.DEPTH_TEST)
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA)
  }
  send(begin, end, {places = true} = {}) {
    const gl = this.gl
    if (places) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.places)
      gl.bufferSubData(gl.ARRAY_BUFFER, 12 * begin, this.pool.places, 3 * begin, 3 * (end - begin))
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.codes)
    gl.bufferSubData(gl.ARRAY_BUFFER, 2 * begin, this.pool.codes, begin, end - begin)
  }
  colours(list) {
    const gl = this.gl, rows = Math.max(1, Math.ceil(list.length / 256)), pixels = new Uint8Array(1024 * rows)
    list.forEach((text, at) => pixels.set([...rgb(text).map((one) => 255 * one), 255], 4 * at))
    gl.bindTexture(gl.TEXTURE_2D, this.palette)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels)
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
      gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST)
    }
  }
  frame(half) {
    const edges = []
    for (let axis = 0; axis < 3; axis += 1) {
      for (const [a, b] of [[-1, -1], [-1, 1], [1, -1], [1, 1]]) {
        for (const end of [-1, 1]) {
          const corner = []
          corner[axis] = end * half[axis]
          corner[(axis + 1) % 3] = a * half[(axis + 1) % 3]
          corner[(axis + 2) % 3] = b * half[(axis + 2) % 3]
          edges.push(...corner)
        }
      }
    }
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.edges)
    this.gl.bufferSubData(this.gl.ARRAY_BUFFER, 0, new Float32Array(edges))
  }
  draw(camera, fog, size, scene, spans) {
    const gl = this.gl, ground = rgb(scene.ground), matrix = new Float32Array(16)
    camera.forEach((row, at) => row.forEach((one, column) => { matrix[4 * column + at] = one }))
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight)
    gl.clearColor(...ground, 1)
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT)
    gl.disable(gl.BLEND)
    gl.useProgram(this.line.made)
    gl.uniformMatrix4fv(this.line.at("camera"), false, matrix)
    gl.uniform3fv(this.line.at("ground"), rgb(scene.line))
    gl.bindVertexArray(this.box)
    gl.drawArrays(gl.LINES, 0, 24)
    // A point of a few pixels is a disc; a smaller one needs no edge.
    const round = size >= 2.5, program = round ? this.round : this.square
    if (round) { gl.enable(gl.BLEND) }
    gl.useProgram(program.made)
    gl.uniformMatrix4fv(program.at("camera"), false, matrix)
    gl.uniform3fv(program.at("ground"), ground)
    gl.uniform2fv(program.at("fog"), fog)
    gl.uniform1f(program.at("size"), size)
    gl.uniform1i(program.at("colours"), scene.colours.length)
    gl.bindTexture(gl.TEXTURE_2D, this.palette)
    gl.bindVertexArray(this.cloud)
    for (const pass of scene.selection ? [1, 2] : [0]) {
      gl.uniform1i(program.at("pass"), pass)
      if (pass === 2) { gl.clear(gl.DEPTH_BUFFER_BIT) }  // a selection lies on top of all other points
      if (this.multi && spans.length) {
        this.multi.multiDrawArraysWEBGL(gl.POINTS, spans.firsts, 0, spans.counts, 0, spans.length)
      } else {
        for (let at = 0; at < spans.length; at += 1) { gl.drawArrays(gl.POINTS, spans.firsts[at], spans.counts[at]) }
      }
    }
  }
}

export function render({model}) {
  const root = document.createElement("div"), canvas = document.createElement("canvas")
  const over = document.createElement("canvas"), tools = document.createElement("div"), words = model.words
  Object.assign(root.style, {position: "relative", width: "100%", height: "100%", overflow: "hidden"})
  for (const one of [canvas, over]) {
    Object.assign(one.style, {position: "absolute", inset: "0", width: "100%", height: "100%"})
  }
  Object.assign(canvas.style, {touchAction: "none", cursor: "grab"})
  Object.assign(over.style, {pointerEvents: "none"})
  Object.assign(tools.style, {position: "absolute", top: "12px", left: "12px", display: "flex", gap: "6px"})
  canvas.tabIndex = 0
  canvas.setAttribute("role", "img")
  canvas.setAttribute("aria-label", words.label)
  root.append(canvas, over, tools)

  const pool = new Pool(), painter = new Painter(canvas, pool), context = over.getContext("2d")
  if (!painter.gl) {
    root.textContent = words.no_webgl
    return root
  }
  let scene = null, camera = null, gone = false, middle = [0, 0, 0], scale = 1, half = [0.5, 0.5, 0.5], ratio = 1
  // Of each tile: how many of its first points the camera needs, and its box; and what is drawn until these are here.
  let wanted = new Map(), showing = new Map(), choice = 0, known = {drawn: 0, view: 0}, grown = 0
  // Version of the points that are here, and of the colours that they have; `stale` are pieces with other colours.
  let version = 0, paint = 0, stale = new Set(), fetching = false, fresh = true
  let flight = Promise.resolve()
  let moving = false, rest = null, asked = false, share = 1, last = 0, pace = 0, frames = 0, turning = 0
  let tool = null, line = [], under = null

  const ask = async (question) => {
    const reply = await fetch(model.address, {method: "POST", body: JSON.stringify({cloud: version, ...question})})
    if (!reply.ok) { throw new Error(`${model.address}: ${reply.status}`) }
    const data = await reply.arrayBuffer(), [painted, count, drawn, view, exact] = new Uint32Array(data, 0, 5)
    return {data, painted, count, drawn, view, exact}
  }

  // Points grow as fewer are in view.
  const size = () => Math.max(1, scene.size + grown)
  const fit = (one) => {
    const width = root.clientWidth || 1, height = root.clientHeight || 1, aspect = width / height
    const wide = Math.max(0.5, 1 - 2 * model.free / width)
    const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((at) => half.map((side, axis) => at >> axis & 1 ? side : -side))
    let [near, far] = [0.1, 10]
    for (let step = 0; step < 30; step += 1) {
      one.distance = (near + far) / 2
      const m = one.matrix(aspect), inside = corners.every((corner) => {
        const [x, y, , w] = seen(m, corner)
        return w > 0 && Math.abs(x / w) < wide && Math.abs(y / w) < 0.96
      })
      if (inside) { far = one.distance } else { near = one.distance }
    }
    one.distance = far
  }
  const aspect = () => (root.clientWidth || 1) / (root.clientHeight || 1)
  const matrix = () => camera.matrix(aspect())
  // From data units to the screen, as the server needs it.
  const given = () => times(matrix(), [0, 1, 2, 3].map((row) => [0, 1, 2, 3].map((column) =>
    row === 3 ? Number(column === 3) : row === column ? 1 / scale : column === 3 ? -middle[row] / scale : 0)))
  const onScreen = (m, place) => {
    const [x, y, , w] = seen(m, place)
    return w > 0 ? [(x / w + 1) / 2 * root.clientWidth, (1 - y / w) / 2 * root.clientHeight] : null
  }

  // What to draw of what is here, about a share of it: the first levels whole, since each is a fair sample, and of the
  // next one the first points of each tile. Neighbours in the buffer are drawn in one go: a card is slow at many calls.
  const spansOf = (part) => {
    const levels = [], firsts = [], counts = []
    let all = 0
    for (const {count, level} of showing.values()) {
      levels[level] = (levels[level] ?? 0) + count
      all += count
    }
    let left = part * all
    const shares = Array.from(levels, (count = 0) => {
      const here = Math.min(1, left / Math.max(1, count))
      left = Math.max(0, left - count)
      return here
    })
    const pieces = []
    for (const [first, {count, level}] of showing) {
      const most = Math.ceil(shares[level] * count)
      for (const {from, at, count: held} of most ? pool.tiles.get(first)?.pieces ?? [] : []) {
        if (from < most) { pieces.push([at, Math.min(held, most - from)]) }
      }
    }
    let total = 0, end = -1
    for (const [at, count] of pieces.sort((a, b) => a[0] - b[0])) {
      if (at === end) { counts[counts.length - 1] += count } else {
        firsts.push(at)
        counts.push(count)
      }
      end = at + count
      total += count
    }
    return {firsts: new Int32Array(firsts), counts: new Int32Array(counts), length: firsts.length, total}
  }

  const drawOver = (m) => {
    const width = root.clientWidth, height = root.clientHeight
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, height)
    context.strokeStyle = context.fillStyle = scene.text
    context.lineWidth = 2
    // What is marked is in units of the data.
    const marked = scene.marked && onScreen(m, scene.marked.map((one, axis) => (one - middle[axis]) / scale))
    canvas.dataset.marked = marked ? marked.map(Math.round) : ""
    for (const at of [marked, under && onScreen(m, under.place)]) {
      if (at) {
        context.beginPath()
        context.arc(...at, size() / 2 + 5, 0, 2 * Math.PI)
        context.stroke()
      }
    }
    // Where the axes point.
    const [right, up] = camera.axes, [x, y] = [34, height - 34]
    context.lineWidth = 1
    context.font = "12px sans-serif"
    context.textAlign = "center"
    context.textBaseline = "middle"
    context.strokeStyle = context.fillStyle = scene.quiet
    for (const [axis, name] of ["x", "y", "z"].entries()) {
      context.beginPath()
      context.moveTo(x, y)
      context.lineTo(x + 18 * right[axis], y - 18 * up[axis])
      context.stroke()
      context.fillText(name, x + 26 * right[axis], y - 26 * up[axis])
    }
    if (line.length > 1) {
      context.strokeStyle = scene.text
      context.beginPath()
      outline().forEach((at) => context.lineTo(...at))
      context.closePath()
      context.stroke()
    }
  }

  // Milliseconds between pictures, smoothed, say how many points may be drawn; few are no burden for any machine.
  const adapt = (took) => {
    if (took > 2000) { return }  // the first one
    pace = pace ? 0.7 * pace + 0.3 * took : took
    const least = Math.min(1, FEWEST / Math.max(1, known.drawn))
    if (pace > SLOW_MS) { share = Math.max(least, share * Math.max(0.7, SLOW_MS / pace)) }
    if (pace < QUICK_MS) { share = Math.min(1, share * 1.15) }
  }
  const draw = (now) => {
    asked = false
    if (gone || !scene || painter.gl.isContextLost()) { return }
    if (fresh && frames && !moving) { return }  // what was drawn last stays until there is something else
    if (moving) { adapt(now - last) }
    last = now
    const m = matrix(), centre = seen(m, [0, 0, 0])[3], around = Math.hypot(...half)
    const fog = [Math.max(0, centre - around), centre + around]
    const spans = spansOf(moving ? share : 1)
    painter.draw(m, fog, size() * ratio, {...scene, colours: scene.drawn, selection: scene.chosen}, spans)
    drawOver(m)
    frames += 1
    if (moving) {
      turning = spans.total
      request()
    } else {
      Object.assign(canvas.dataset, {points: spans.total, moving: turning, frames, camera: camera.values.join()})
    }
  }
  const request = () => {
    if (!asked) {
      asked = true
      requestAnimationFrame(draw)
    }
  }

  const receive = async (spans) => {
    const held = version
    const {data, painted} = await ask({points: spans.flatMap(([first, from, count]) => [first + from, count])})
    if (gone || held !== version) { return }
    const total = spans.reduce((sum, [, , count]) => sum + count, 0), words = new Uint32Array(data, HEADER, 2 * total)
    const codes = new Uint16Array(data, HEADER + 8 * total, total)
    if (pool.top + total > CAPACITY) {
      pool.compact(wanted)
      stale = new Set([...stale].filter((piece) => piece.count))
      painter.send(0, pool.top)
    }
    const begun = pool.top
    for (const span of spans) {
      const begin = pool.top - begun, piece = pool.take(span, wanted.get(span[0]).box, words, begin, middle, scale)
      pool.codes.set(codes.subarray(begin, begin + piece.count), piece.at)
      if (painted !== paint) {
        pool.codes.fill(HIDDEN, piece.at, piece.at + piece.count)
        stale.add(piece)
      }
    }
    painter.send(begun, pool.top)
    fresh = false
    request()
    report(false)
  }
  // False where the camera needs something else by now; what is on its way arrives before that is asked for.
  const fetchPoints = async (spans, mine) => {
    for (let at = 0; at < spans.length && !gone && mine === choice;) {
      const batch = []
      for (let count = 0; at < spans.length && count < BATCH; at += 1) {
        batch.push(spans[at])
        count += spans[at][2]
      }
      flight = receive(batch)
      await flight
    }
    return !gone && mine === choice
  }
  const report = (complete) => {
    let here = 0
    for (const [first, {count}] of wanted) { here += Math.min(count, pool.tiles.get(first)?.held ?? 0) }
    canvas.dataset.complete = complete
    model.send_msg({shown: [complete ? known.drawn : Math.min(here, known.drawn), known.view, complete]})
  }

  // Have what the camera needs: a few points first where there are none.
  const refine = async () => {
    const mine = ++choice, held = version
    canvas.dataset.complete = false
    try {
      for (const budget of pool.tiles.size ? [model.budget] : [FIRST, model.budget]) {
        const {data, count, drawn, view, exact} = await ask({tiles: {camera: given().flat(), budget}})
        await flight.catch(() => {})
        if (gone || mine !== choice || held !== version) { return }
        const firsts = new Uint32Array(data, HEADER, count), counts = new Uint32Array(data, HEADER + 4 * count, count)
        const levels = new Uint32Array(data, HEADER + 8 * count, count)
        const boxes = new Float32Array(data, HEADER + 12 * count, 6 * count)
        wanted = new Map(Array.from(firsts, (first, at) =>
          [first, {count: counts[at], level: levels[at], box: boxes.subarray(6 * at, 6 * at + 6)}]))
        for (const [first, tile] of wanted) {
          if (!(showing.get(first)?.count > tile.count)) { showing.set(first, tile) }
        }
        known = {drawn, view}
        if (!await fetchPoints(pool.missing(wanted), mine)) { return }
        showing = new Map(wanted)
        grown = Math.max(0, Math.min(4, Math.floor(Math.log10((scene.total + 1) / (view + 1)) * 2)))
        fresh = false
        if (exact) { break }
      }
      request()
      report(true)
      await recolour()
    } catch (error) {
      console.warn(error)  // such as of a line that broke: what is there stays
      if (!gone && mine === choice) { setTimeout(() => mine === choice && refine(), 3000) }
    }
  }
  // Have the colours that the server has now, of what is drawn; the old ones stay until all are here.
  const recolour = async () => {
    if (fetching || (paint === scene.paint && !stale.size)) { return }
    fetching = true
    const next = scene.paint
    let ahead = false
    try {
      const held = version, pieces = []
      pool.compact(wanted)
      stale = new Set([...stale].filter((piece) => piece.count))
      painter.send(0, pool.top)
      for (const tile of pool.tiles.values()) {
        for (const piece of tile.pieces) {
          if (paint !== next || stale.has(piece)) { pieces.push([piece, tile.first + piece.from, piece.count]) }
        }
      }
      const spans = pieces.flatMap(([, first, count]) => [first, count])
      const {data, painted} = await ask({codes: spans})
      if (gone || held !== version) { return }
      ahead = painted !== next  // what it has by now is on its way
      if (painted === scene.paint) {
        const codes = new Uint16Array(data, HEADER)
        let begin = 0
        for (const [piece, , count] of pieces) {
          // A piece may have been moved and cut short meanwhile.
          pool.codes.set(codes.subarray(begin, begin + piece.count), piece.at)
          begin += count
          stale.delete(piece)
        }
        painter.send(0, pool.top, {places: false})
        dress()
      }
    } catch (error) {
      console.warn(error)
      setTimeout(() => !gone && recolour(), 3000)
      return
    } finally {
      fetching = false
    }
    if (scene.paint !== next || (stale.size && !ahead)) { await recolour() }
  }
  const dress = () => {
    paint = scene.paint
    scene.drawn = scene.colours
    scene.chosen = scene.selection
    painter.colours(scene.colours)
    canvas.dataset.paint = paint
    request()
  }

  const settle = () => {
    moving = false
    last = 0
    request()
    if (!root.clientWidth) { return }
    model.send_msg({camera: camera.turned ? camera.values : null, matrix: given().flat(),
      size: [root.clientWidth, root.clientHeight]})
    refine()
  }
  const move = () => {
    if (!moving) {
      moving = true
      if (!pace) { share = Math.min(1, 150_000 / Math.max(1, known.drawn)) }
      last = 0
    }
    hover(null)
    clearTimeout(rest)
    rest = setTimeout(settle, REST_MS)
    request()
  }
  const look = (values) => {
    camera = new Camera(values, fit)
    move()
  }

  const show = () => {
    const before = scene
    scene = {...model.scene, drawn: before?.drawn ?? model.scene.colours, chosen: before?.chosen ?? model.scene.selection}
    if (scene.cloud !== version) {
      version = scene.cloud
      fresh = true
      const low = scene.extent.slice(0, 3), high = scene.extent.slice(3)
      middle = low.map((one, at) => (one + high[at]) / 2)
      scale = Math.max(...low.map((one, at) => high[at] - one)) || 1
      half = low.map((one, at) => (high[at] - one) / scale / 2)
      painter.frame(half)
      pool.clear()
      stale = new Set()
      wanted = new Map()
      showing = new Map()
      under = null
      dress()
      if (!camera) { camera = new Camera(scene.eye, fit) }
      settle()
    } else {
      recolour()
      request()
    }
  }

  // The point that the pointer means: the nearest to the eye of those that it touches, else the nearest on the screen.
  const pick = (x, y) => {
    const m = matrix(), [w2, h2] = [root.clientWidth / 2, root.clientHeight / 2], focal = h2 / Math.tan(FIELD / 2)
    const touch = Math.max(1.5, size() / 2 + 0.5)
    let found = null, best = Infinity
    for (const [first, {count}] of showing) {
      const tile = pool.tiles.get(first)
      if (!tile) { continue }
      const box = Array.from(tile.box, (one, at) => (one - middle[at % 3]) / scale)
      const centre = seen(m, [0, 1, 2].map((at) => (box[at] + box[at + 3]) / 2))
      const around = Math.hypot(box[3] - box[0], box[4] - box[1], box[5] - box[2]) / 2
      if (centre[3] < -around) { continue }
      if (centre[3] > around) {
        const apart = Math.hypot((centre[0] / centre[3] + 1) * w2 - x, (1 - centre[1] / centre[3]) * h2 - y)
        if (apart > REACH + around * focal / (centre[3] - around)) { continue }
      }
      for (const piece of tile.pieces) {
        for (let i = 0; i < Math.min(piece.count, count - piece.from); i += 1) {
          const at = piece.at + i, code = pool.codes[at]
          if (code === HIDDEN) { continue }
          const a = pool.places[3 * at], b = pool.places[3 * at + 1], c = pool.places[3 * at + 2]
          const w = m[3][0] * a + m[3][1] * b + m[3][2] * c + m[3][3]
          if (w <= 0) { continue }
          const px = ((m[0][0] * a + m[0][1] * b + m[0][2] * c + m[0][3]) / w + 1) * w2
          const py = (1 - (m[1][0] * a + m[1][1] * b + m[1][2] * c + m[1][3]) / w) * h2
          const apart = Math.hypot(px - x, py - y)
          if (apart > REACH) { continue }
          const behind = scene.chosen && code < scene.drawn.length ? 1e6 : 0
          const score = apart <= touch ? w + behind - 1e9 : apart
          if (score < best) {
            best = score
            found = {point: first + piece.from + i, place: [a, b, c]}
          }
        }
      }
    }
    return found
  }

  // The line that is drawn, as a lasso or the corners of a box, in pixels.
  const outline = () => {
    const [x0, y0] = line[0], [x1, y1] = line.at(-1)
    return tool === "box" ? [[x0, y0], [x1, y0], [x1, y1], [x0, y1]] : line
  }
  const buttons = new Map()
  const arm = (name) => {
    tool = name
    line = []
    canvas.style.cursor = tool ? "crosshair" : "grab"
    for (const [one, button] of buttons) {
      if (one === "whole") { continue }
      button.setAttribute("aria-pressed", String(one === tool))
      button.style.borderColor = one === tool ? "var(--accent)" : "var(--line)"
    }
    if (scene) { request() }
  }
  for (const [name, [label, help]] of Object.entries(words.tools)) {
    const button = document.createElement("button")
    Object.assign(button, {textContent: label, title: help})
    Object.assign(button.style, {
      font: "inherit", color: "var(--text)", cursor: "pointer", padding: "4px 10px", borderRadius: "5px",
      border: "1px solid var(--line)", background: "var(--raised)",
    })
    button.addEventListener("click", () => name === "whole" ? look(null) : arm(tool === name ? null : name))
    buttons.set(name, button)
    tools.append(button)
  }
  arm(null)

  const pointers = new Map()
  let travelled = 0, waiting = null
  const place = (event) => {
    const box = canvas.getBoundingClientRect()
    return [event.clientX - box.left, event.clientY - box.top]
  }
  const hover = (found) => {
    if (found?.point === under?.point) { return }
    under = found
    model.send_msg({hover: found ? found.point : null})
    if (scene) { drawOver(matrix()) }
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (!scene) { return }
    canvas.setPointerCapture(event.pointerId)
    pointers.set(event.pointerId, place(event))
    travelled = 0
    hover(null)
    if (tool) { line = [place(event)] }
  })
  canvas.addEventListener("pointermove", (event) => {
    if (!scene) { return }
    const at = place(event), from = pointers.get(event.pointerId)
    if (!from) {
      if (moving) { return }
      if (!waiting) {
        requestAnimationFrame(() => {
          if (waiting && !moving && !gone) { hover(pick(...waiting)) }
          waiting = null
        })
      }
      waiting = at
      return
    }
    const [dx, dy] = [at[0] - from[0], at[1] - from[1]], height = root.clientHeight
    travelled += Math.hypot(dx, dy)
    if (tool) {
      line.push(at)
      drawOver(matrix())
    } else if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1]
      const apart = (one) => Math.hypot(one[0] - other[0], one[1] - other[1])
      camera.pan(dx / 2 / height, -dy / 2 / height)
      camera.zoom(apart(from) / Math.max(1, apart(at)), 0, 0)
      move()
    } else if (travelled >= STILL) {
      if (event.buttons & 6 || event.shiftKey || event.ctrlKey) {
        camera.pan(dx / height, -dy / height)
      } else {
        camera.rotate(dx / height * Math.PI, dy / height * Math.PI)
      }
      move()
    }
    pointers.set(event.pointerId, at)
  })
  const up = (event) => {
    if (!pointers.delete(event.pointerId) || event.type === "pointercancel") { return }
    if (tool) {
      const width = root.clientWidth, height = root.clientHeight, kind = tool
      const corners = line.length < 2 ? [] : outline().map(([x, y]) => [2 * x / width - 1, 1 - 2 * y / height])
      arm(null)
      if (corners.length > 2) { model.send_msg({outline: corners.flat(), kind, matrix: given().flat()}) }
    } else if (travelled < STILL && event.button === 0) {
      const found = pick(...place(event))
      if (found) { model.send_msg({click: found.point}) }
    }
  }
  canvas.addEventListener("pointerup", up)
  canvas.addEventListener("pointercancel", up)
  canvas.addEventListener("pointerleave", () => {
    waiting = null
    hover(null)
  })
  canvas.addEventListener("contextmenu", (event) => event.preventDefault())
  // The point becomes what the camera turns around.
  canvas.addEventListener("dblclick", (event) => {
    const found = scene && pick(...place(event))
    if (found) {
      camera.target = found.place
      camera.distance *= 0.5
      camera.turned = true
      move()
    }
  })
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault()
    if (!scene) { return }
    const [x, y] = place(event), height = root.clientHeight, by = event.deltaY * (event.deltaMode === 1 ? 20 : 1)
    camera.zoom(Math.exp(Math.max(-300, Math.min(300, by)) * 0.0015), (x - root.clientWidth / 2) / height, 0.5 - y / height)
    move()
  }, {passive: false})
  root.addEventListener("keydown", (event) => {
    const arrow = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key]
    if (!scene || event.ctrlKey || event.metaKey || event.altKey) { return }
    if (event.key === "Escape" && tool) {
      arm(null)
    } else if (event.target !== canvas) {
      return
    } else if (arrow) {
      if (event.shiftKey) { camera.pan(-arrow[0] * 0.05, arrow[1] * 0.05) } else { camera.rotate(arrow[0] * 0.08, arrow[1] * 0.08) }
      move()
    } else if ("+=-".includes(event.key)) {
      camera.zoom(event.key === "-" ? 1.2 : 1 / 1.2, 0, 0)
      move()
    } else if (event.key === "Home") {
      look(null)
    } else {
      return
    }
    event.preventDefault()
    event.stopPropagation()
  })
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault())
  canvas.addEventListener("webglcontextrestored", () => {
    painter.begin()
    painter.frame(half)
    if (scene) { painter.colours(scene.drawn) }
    request()
  })

  const sized = new ResizeObserver(() => {
    const width = root.clientWidth, height = root.clientHeight
    if (!width || !height) { return }
    ratio = Math.min(2, window.devicePixelRatio || 1)
    // Beside another map there is less room than the tools and what lies at the right need in one line.
    tools.style.top = width < 480 ? "48px" : "12px"
    for (const one of [canvas, over]) {
      one.width = Math.round(width * ratio)
      one.height = Math.round(height * ratio)
    }
    if (!scene) { return }
    if (!camera.turned) { fit(camera) }
    move()
  })
  sized.observe(root)
  model.on("scene", show)
  model.on("msg:custom", ({eye}) => camera && look(eye))
  if (model.scene.cloud) { show() }
  model.on("remove", () => {
    gone = true
    clearTimeout(rest)
    sized.disconnect()
    painter.gl.getExtension("WEBGL_lose_context")?.loseContext()
  })
  return root
}
