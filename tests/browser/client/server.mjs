// A stand-in for lamed, which counts each event exactly once, and the site whose pages have the script. It can be down,
// hang and refuse. With LAMED_URL (and LAMED_API_KEY) events go on to a running lamed, which counts in its place.

import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"

const { LAMED_URL, LAMED_API_KEY } = process.env
const client = new URL("../../../embedded/client/", import.meta.url)
const NAMESPACE = "alephbet"

/** JSON that can stand in a script in HTML, as the server writes it. */
export const inScript = value => JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, character =>
  "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0"))

/** An experiment as the script is told of it. */
export function experiment(name, more = {}) {
  const { run = 1 } = more
  return {
    name, wire: run > 1 ? `${name} #${run}` : name, state: "running", fallback: "blue", sample: 1,
    variants: [["blue", 50], ["red", 50]], goals: [{ name: "bought" }, { name: "viewed", unique: false }], ...more,
  }
}

let number = 0
const cases = new Map()

/** What belongs to one test: experiments, pages, faults and counts. */
export class Case {
  constructor(experiments = [], { window = 2592000, drafts = [] } = {}) {
    Object.assign(this, { experiments, window, drafts, pages: new Map(), headers: {}, seen: new Map(), requests: [], hung: [], asked: [] })
    this.mode = "up"
    this.folder = `/case${++number}`
    cases.set(this.folder, this)
  }

  /** What becomes of requests: "up", "down", "hanging", "deaf" (counts, and nobody hears of it) or a status. */
  set mode(mode) {
    this.current = mode
    for (const response of this.hung.splice(0)) response.destroy()
  }

  get mode() {
    return this.current
  }

  get config() {
    return { namespace: NAMESPACE, window: this.window, experiments: this.experiments }
  }

  /** The address of a page of the site; of lamed on its other origin. */
  url(page = "") {
    return `${this.site ?? server.site}${this.folder}/${page}`
  }

  lamed(path) {
    return `${server.lamed}${this.folder}/${path}`
  }

  /** The tag of the script. */
  tag(attributes = "", origin = server.lamed) {
    return `<script src="${origin}${this.folder}/lamed.js" ${attributes}></script>`
  }

  /** Puts a page there: HTML, or a function of the request and the response. */
  page(name, html) {
    this.pages.set(name, html)
    return this
  }

  /** How often an event was counted, by variant. */
  async counts(name, event = "participate") {
    if (LAMED_URL) return realCounts(name, event)
    const counts = {}
    for (const key of this.seen.keys()) {
      const [, experiment, variant, word] = JSON.parse(key)
      if (experiment === name && word === event) counts[variant] = (counts[variant] ?? 0) + 1
    }
    return counts
  }

  async total(name, event) {
    return Object.values(await this.counts(name, event)).reduce((sum, count) => sum + count, 0)
  }

  count(event) {
    const fields = ["namespace", "experiment", "variant", "event", "uuid"].map(name => event?.[name])
    const wrong = fields.findIndex(text => typeof text !== "string" || !text || Buffer.byteLength(text) > 200)
    if (wrong >= 0) return "refused"
    const key = JSON.stringify(fields)
    if (this.seen.has(key)) return "duplicates"
    this.seen.set(key, event)
    return "counted"
  }

  async track(method, query, body) {
    if (LAMED_URL) return forward(method, query, body)
    if (method === "GET") return [200, { counted: this.count(Object.fromEntries(query)) === "counted" }]
    const events = JSON.parse(body)
    if (events.length > 100) return [400, { message: "an array holds at most 100 events" }]
    const reply = { counted: 0, duplicates: 0, ignored: 0, refused: [] }
    for (const [index, event] of events.entries()) {
      const what = this.count(event)
      if (what === "refused") reply.refused.push({ index, message: "`variant` is missing" })
      else reply[what]++
    }
    return reply.refused.length === events.length ? [400, { message: reply.refused[0].message }] : [200, reply]
  }
}

async function forward(method, query, body) {
  const reply = await fetch(`${LAMED_URL}/track${method === "GET" ? "?" + query : ""}`, method === "GET" ? {} : { method, body })
  return [reply.status, await reply.json()]
}

async function realCounts(name, event) {
  const reply = await fetch(`${LAMED_URL}/experiments`, { headers: { "x-api-key": LAMED_API_KEY ?? "" } })
  const known = (await reply.json()).find(({ experiment }) => experiment === name)
  const pairs = event === "participate"
    ? (known?.variants ?? []).map(({ label, trials }) => [label, trials])
    : (known?.goals.find(({ goal }) => goal === event)?.results ?? []).map(({ label, successes }) => [label, successes])
  return Object.fromEntries(pairs.filter(([, count]) => count))
}

const sources = new Map()

function script(kind, config) {
  if (!sources.has(kind)) sources.set(kind, readFileSync(new URL(kind, client), "utf8"))
  return sources.get(kind).replace("__LAMED_CONFIG__", () => inScript(config))
}

// In the page, before all else: tells the server what the console and the page's errors say.
const WATCH = `(() => {
  const tell = (kind, text) => {
    const request = new XMLHttpRequest()
    request.open("POST", "/watched", false)
    request.send(JSON.stringify([kind, text]))
  }
  for (const kind of ["log", "info", "warn", "error"]) {
    const say = console[kind]
    console[kind] = (...words) => { tell(kind, words.map(String).join(" ")); say.apply(console, words) }
  }
  addEventListener("error", event => event.message && tell("error", event.message))
  addEventListener("unhandledrejection", event => event.defaultPrevented || tell("error", String(event.reason)))
})()`

async function read(request) {
  let body = ""
  for await (const chunk of request) body += chunk
  return body
}

async function answer(request, response) {
  const url = new URL(request.url, "http://localhost")
  const [, folder, path] = /^(\/case\d+)\/(.*)$/.exec(url.pathname) ?? []
  const found = cases.get(folder)
  const headers = { "access-control-allow-origin": "*", "cache-control": "no-store" }
  const send = (status, type, text) => {
    response.writeHead(status, { ...headers, "content-type": type })
    if (found?.visitor) text = text.replaceAll("{visitor}", found.visitor)
    if (server.watch && type.startsWith("text/html")) text = text.replace(/<head>|(<html.*?>)?(?=<meta|<title|<script|<body|$)/, '$&<script src="/watch.js"></script>')
    response.end(text)
  }
  if (url.pathname === "/watch.js") return send(200, "text/javascript", WATCH)
  if (url.pathname === "/watched") return read(request).then(text => { server.watch?.(...JSON.parse(text)); send(200, "text/plain", "") })
  if (server.blocked && url.pathname.endsWith(server.blocked)) return request.socket.destroy()
  if (!found) return send(204, "text/plain")
  if (path === "lamed.js" || path === "lamed.mjs") {
    const draft = found.drafts.find(({ name }) => name === url.searchParams.get("preview"))
    const config = { ...found.config, experiments: found.experiments.concat(draft ?? []) }
    if (url.searchParams.has("json")) return send(200, "application/json", inScript(config))
    return send(200, "text/javascript; charset=utf-8", script(path, config))
  }
  if (path === "track") {
    const body = await read(request)
    found.requests.push({ method: request.method, body, type: request.headers["content-type"], mode: found.mode })
    if (found.mode === "down") return request.socket.destroy()
    if (found.mode === "hanging") return found.hung.push(response)
    // It counted, but nobody hears of it.
    if (found.mode === "deaf") return found.track(request.method, url.searchParams, body).then(() => request.socket.destroy())
    const [status, reply] = typeof found.mode === "number"
      ? [found.mode, { message: `told to answer ${found.mode}` }]
      : await found.track(request.method, url.searchParams, body)
    return send(status, "application/json", JSON.stringify(reply))
  }
  if (path === "report") {
    found.report = JSON.parse(await read(request))
    return send(200, "text/plain", "")
  }
  if (path === "mode") {
    const [mode, visitor] = url.search.slice(1).split("&")
    if (mode) found.mode = Number(mode) || mode
    // Pages and scripts are this visitor's from now on.
    found.visitor = visitor
    return send(200, "text/plain", found.word ?? "")
  }
  found.asked.push(path)
  const html = found.pages.get(path)
  if (typeof html === "function") return html(request, response)
  Object.assign(headers, found.headers)
  if (found.caches) headers["cache-control"] = "max-age=0" // a page with no-store never comes back from the cache
  if (path.endsWith(".js")) return send(200, "text/javascript", html)
  return send(html === undefined ? 404 : 200, "text/html; charset=utf-8", html ?? "")
}

const listening = createServer((request, response) => {
  answer(request, response).catch(error => {
    console.error(error)
    response.destroy()
  })
})
listening.keepAliveTimeout = 1000
await new Promise(ready => listening.listen(0, ready))
const { port } = listening.address()

export const server = {
  // Two origins of one server.
  site: `http://localhost:${port}`,
  lamed: `http://127.0.0.1:${port}`,
  close() {
    listening.closeAllConnections()
    listening.close()
  },
}

/** Waits until a condition holds; gives what it gave. */
export async function until(what, condition, patience = 30000) {
  for (const end = Date.now() + patience; ; await sleep(10)) {
    const given = await condition()
    if (given) return given
    if (Date.now() > end) throw new Error(`not within ${patience} ms: ${what}`)
  }
}
