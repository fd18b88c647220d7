// A client of the SAMP Web Profile (IVOA, Simple Application Messaging Protocol 1.3, section 5): the page speaks to the
// hub of the visitor's own machine, wherever the explorer itself runs.
const HUB = "http://localhost:21012/"
const LISTEN_SECONDS = "20"
const EVENTS = ["register", "unregister", "metadata", "subscriptions", "shutdown"].map((one) => `samp.hub.event.${one}`)

const escaped = (text) => String(text).replace(/[&<>]/g, (one) => ({"&": "&amp;", "<": "&lt;", ">": "&gt;"})[one])

// SAMP knows texts, lists and maps.
const written = (value) => {
  if (Array.isArray(value)) { return `<value><array><data>${value.map(written).join("")}</data></array></value>` }
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value).map(([key, one]) => `<member><name>${escaped(key)}</name>${written(one)}</member>`)
    return `<value><struct>${members.join("")}</struct></value>`
  }
  return `<value><string>${escaped(value)}</string></value>`
}

const inside = (element, name) => [...element.children].filter((one) => one.tagName === name)

const read = (value) => {
  const typed = value.firstElementChild
  if (!typed) { return value.textContent }
  if (typed.tagName === "array") { return inside(inside(typed, "data")[0], "value").map(read) }
  if (typed.tagName === "struct") {
    const members = inside(typed, "member").map((one) => [inside(one, "name")[0].textContent, read(inside(one, "value")[0])])
    return Object.fromEntries(members)
  }
  return typed.textContent
}

const call = async (method, parameters, signal) => {
  const inner = parameters.map((one) => `<param>${written(one)}</param>`).join("")
  const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${inner}</params></methodCall>`
  const answer = await fetch(HUB, {method: "POST", body, signal, headers: {"Content-Type": "text/xml"}})
  const found = new DOMParser().parseFromString(await answer.text(), "text/xml")
  const fault = found.querySelector("methodResponse > fault > value")
  if (fault) { throw new Error(read(fault).faultString ?? "") }
  const value = found.querySelector("methodResponse > params > param > value")
  return value ? read(value) : null
}

export function render({model}) {
  let key = null, stopping = null
  const say = (message) => model.send_msg(message)
  const hub = (method, ...parameters) => call(`samp.webhub.${method}`, [key, ...parameters], stopping?.signal)

  const programs = async () => {
    const ids = await hub("getRegisteredClients")
    const one = async (id) => {
      const [metadata, subscriptions] = await Promise.all([hub("getMetadata", id), hub("getSubscriptions", id)])
      return {id, name: metadata["samp.name"] ?? id, mtypes: Object.keys(subscriptions)}
    }
    const known = await Promise.allSettled(ids.map(one))  // one may leave meanwhile
    say({programs: known.filter(({status}) => status === "fulfilled").map(({value}) => value)})
  }

  const take = async ({"samp.methodName": method, "samp.params": parameters}) => {
    const asked = method.endsWith("receiveCall")
    if (!asked && !method.endsWith("receiveNotification")) { return }
    const message = parameters[asked ? 2 : 1], mtype = message["samp.mtype"]
    if (mtype === "samp.hub.event.shutdown") { throw new Error("shutdown") }
    if (mtype.startsWith("samp.hub.event.")) { await programs() } else if (mtype !== "samp.app.ping") {
      say({message: {from: parameters[0], mtype, params: message["samp.params"] ?? {}}})
    }
    if (asked) { await hub("reply", parameters[1], {"samp.status": "samp.ok", "samp.result": {}}) }
  }

  const listen = async () => {
    for (;;) {
      for (const one of await hub("pullCallbacks", LISTEN_SECONDS)) { await take(one) }
    }
  }

  const leave = (state) => {
    if (key !== null) {
      // The page may be going: nobody waits for the answer.
      const body = `<?xml version="1.0"?><methodCall><methodName>samp.webhub.unregister</methodName><params><param>${written(key)}</param></params></methodCall>`
      fetch(HUB, {method: "POST", body, keepalive: true, headers: {"Content-Type": "text/xml"}}).catch(() => {})
    }
    stopping?.abort()
    key = stopping = null
    say({state})
  }

  const connect = async () => {
    const mine = stopping = new AbortController()
    try {
      const given = await call("samp.webhub.register", [{"samp.name": model.title}], mine.signal)
      key = given["samp.private-key"]
      await hub("declareMetadata", {"samp.name": model.title, "samp.description.text": model.about})
      await hub("allowReverseCallbacks", "1")
      await hub("declareSubscriptions", Object.fromEntries([...model.mtypes, "samp.app.ping", ...EVENTS].map((one) => [one, {}])))
      say({state: "connected"})
      await programs()
      await listen()
    } catch (error) {
      if (mine.signal.aborted || mine !== stopping) { return }
      // Without an answer there is no hub; with one it said no, or has ended.
      leave(key !== null ? "lost" : error instanceof TypeError ? "absent" : "refused")
    }
  }

  const send = async ({mtype, params, to}) => {
    if (params.url) { params.url = new URL(params.url, location.href).href }
    const message = {"samp.mtype": mtype, "samp.params": params}
    try {
      if (to) { await hub("notify", to, message) } else { await hub("notifyAll", message) }
      say({sent: mtype})
    } catch { if (key !== null) { say({sent: ""}) } }
  }

  model.on("msg:custom", ({request}) => {
    if (request.connect) { connect() } else if (request.leave) { leave("away") } else if (key !== null) { send(request) }
  })
  addEventListener("pagehide", () => { if (key !== null) { leave("away") } })
  return document.createElement("span")
}
