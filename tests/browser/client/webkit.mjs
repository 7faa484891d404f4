// WebKitGTK, by WebKitWebDriver and MiniBrowser under Xvfb (Debian's `webkit2gtk-driver` and `xvfb`). A tab has what the
// tests use of puppeteer's. The driver tells nothing of the console: pages report it themselves (`watch` in server.mjs).

import { execFileSync, spawn } from "node:child_process"
import { createServer } from "node:net"
import { onPath } from "./programs.mjs"
import { server, until } from "./server.mjs"

async function freePort() {
  const probe = createServer()
  await new Promise(ready => probe.listen(0, "127.0.0.1", ready))
  const { port } = probe.address()
  await new Promise(done => probe.close(done))
  return port
}

// JSON has no word for undefined.
const UNDEFINED = "\u0000undefined"
const revived = value => value === UNDEFINED ? undefined
  : Array.isArray(value) ? value.map(revived)
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revived(item)]))
      : value

const IN_PAGE = `
  const done = arguments[arguments.length - 1]
  const tell = (word, value) => done(JSON.stringify([word, value], (_, item) => item === undefined ? ${JSON.stringify(UNDEFINED)} : item))
  Promise.resolve().then(() => (FUNCTION)(...Array.from(arguments).slice(0, -1)))
    .then(value => tell("value", value), error => tell("error", String(error)))`

export async function launch() {
  const children = []
  const start = (program, ...rest) => {
    children.unshift(spawn(onPath(program), ...rest))
    return children[0]
  }
  let port
  const screen = start("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] })
  const display = await new Promise(ready => screen.stdio[3].once("data", line => ready(":" + String(line).trim())))
  const call = async (path, body, method = body ? "POST" : "GET", patience = 240000) => {
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(patience) })
    const { value } = await reply.json()
    if (!reply.ok) throw new Error(`${path}: ${value.message}`)
    return value
  }
  async function startDriver() {
    port = await freePort()
    start("WebKitWebDriver", [`--port=${port}`], {
      stdio: "ignore", env: { ...process.env, DISPLAY: display, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", LIBGL_ALWAYS_SOFTWARE: "1" },
    })
    await until("the driver is there", () => call("/status").catch(() => {}))
  }
  await startDriver()
  const binary = execFileSync("sh", ["-c", "ls /usr/lib/*/webkit2gtk-4.*/MiniBrowser | head -n 1"], { encoding: "utf8" }).trim()
  return {
    close() {
      for (const child of children) child.kill()
    },
    // A session is a browser with nothing remembered. The driver has one at a time.
    async context(said, errors) {
      const begin = () => call("/session", { capabilities: { alwaysMatch: {
        "webkitgtk:browserOptions": { binary, args: ["--automation", "--javascript-can-open-windows-automatically=true"] },
        timeouts: { script: 200000, pageLoad: 30000 },
      } } }, "POST", 60000)
      // A browser that does not come up keeps its driver waiting for ever: another driver starts another one.
      const { sessionId } = await begin().catch(async () => {
        children[0].kill()
        await startDriver()
        return begin()
      })
      return new Context((path, body, method) => call(`/session/${sessionId}${path}`, body, method), said, errors)
    },
  }
}

class Context {
  constructor(call, said, errors) {
    Object.assign(this, { call, last: Promise.resolve(), tabs: 0 })
    server.watch = (kind, text) => (kind === "error" ? errors.push(text) : said.push(`${kind}: ${text}`))
  }

  /** Does something with a window: one after the other, as the session has one current window. */
  in(handle, act) {
    this.last = this.last.catch(() => {}).then(async () => {
      await this.call("/window", { handle })
      return act()
    })
    return this.last
  }

  async tab({ opens } = {}) {
    // Only the session's own window may open others. It stays, as a session without a window ends. What is hidden behind
    // another tab paints nothing: each is a window.
    this.own = this.own || await this.call("/window")
    if (opens) return new Tab(this, this.own)
    const { handle } = await this.in(this.own, () => this.call("/window/new", { type: "window" }))
    return new Tab(this, handle)
  }

  block(_, end) {
    server.blocked = end
  }

  async close() {
    await this.last.catch(() => {})
    server.watch = server.blocked = undefined
    await this.call("", undefined, "DELETE")
  }
}

class Tab {
  constructor(context, handle) {
    Object.assign(this, { context, handle, address: "" })
  }

  do(path, body, method) {
    return this.context.in(this.handle, () => this.context.call(path, body, method))
  }

  goto(url) {
    return this.do("/url", { url })
  }

  reload() {
    return this.do("/refresh", {})
  }

  goBack() {
    return this.do("/back", {})
  }

  async evaluate(what, ...args) {
    const script = IN_PAGE.replace("FUNCTION", () => typeof what === "function" ? String(what) : `() => (${what})`)
    const [word, value] = JSON.parse(await this.do("/execute/async", { script, args }))
    if (word === "error") throw new Error(value)
    return revived(value)
  }

  $$eval(selector, act) {
    return this.evaluate(`(${act})([...document.querySelectorAll(${JSON.stringify(selector)})])`)
  }

  async click(selector) {
    const [id] = Object.values(await this.do("/element", { using: "css selector", value: selector }))
    await this.do(`/element/${id}/click`, {})
  }

  close() {
    return this.do("/window", undefined, "DELETE")
  }
}
