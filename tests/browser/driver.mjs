// Drives the system's Chromium for the Rust tests: a JSON command per line in, a JSON reply per line out.
//
//   {"do":"visit", "html"|"url", "script"}                            → {"result","tracked","queue","errors","foreign"}
//   {"do":"use", "url", "steps", "width","height","dark"}              → {"read","errors","foreign"}; a fresh visitor
//   {"do":"screenshot", "html"|"url", "file", "width","height","dark"} → {"file"}
//   {"do":"forget"}   the next visitor is a new one                   → {}
//   {"do":"quit"}     so does the end of stdin                        → {}
//
// A command that fails is answered {"error"}. Pages given as html are served from one loopback origin: localStorage
// lives from visit to visit, and a call to a lamed server is cross-origin, as in real life.

import { accessSync, constants, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import { delimiter, join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"

const { LAMED_TEST_TOOLS: tools, PATH } = process.env
const { chromium } = createRequire(join(tools, "node_modules/"))("playwright-core")

const CDN = "https://cdn.jsdelivr.net/npm/alephbet@0.27.0/dist/alephbet.min.js"
const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
const QUIET_MS = 250 // long enough for what a reply sets off in the page to start its own requests
const PATIENCE_MS = 30_000

function onPath(...names) {
  for (const name of names) {
    for (const folder of PATH.split(delimiter)) {
      const file = join(folder, name)
      try {
        accessSync(file, constants.X_OK)
        return file
      } catch {}
    }
  }
  throw new Error(`none of ${names.join(", ")} is on the PATH`)
}

const browser = await chromium.launch({
  executablePath: onPath("chromium", "google-chrome", "google-chrome-stable", "chromium-browser"),
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    // Nothing leaves this machine, whoever in the browser asks for it.
    `--host-resolver-rules=MAP * ~NOTFOUND${LOOPBACK.map(host => `, EXCLUDE ${host}`).join("")}`,
  ],
})

let html = ""
const server = createServer((request, response) => {
  const known = request.url.split("?")[0] === "/"
  response.writeHead(known ? 200 : 204, { "content-type": "text/html; charset=utf-8" }) // a favicon's 404 is an error
  response.end(known ? html : "")
})
await new Promise(listening => server.listen(0, "127.0.0.1", listening))
const home = `http://127.0.0.1:${server.address().port}/`

// Answers for the CDN, so that the browser itself checks `integrity`. This is done over the protocol, as Playwright's
// own `route` stops every request and answers the CORS preflights in the server's place.
async function interceptCdn(page) {
  const session = await page.context().newCDPSession(page)
  const refuse = ({ requestId }) => session.send("Fetch.failRequest", { requestId, errorReason: "BlockedByClient" })
  const fulfil = ({ requestId }) => session.send("Fetch.fulfillRequest", {
    requestId,
    responseCode: 200,
    responseHeaders: [
      { name: "Content-Type", value: "application/javascript; charset=utf-8" },
      { name: "Access-Control-Allow-Origin", value: "*" },
    ],
    body: readFileSync(join(tools, "node_modules/alephbet/dist/alephbet.min.js"), "base64"),
  })
  session.on("Fetch.requestPaused", paused => (paused.request.url === CDN ? fulfil : refuse)(paused).catch(() => {}))
  await session.send("Fetch.enable", { patterns: [{ urlPattern: "https://*" }] })
}

// Opens a page, lets `use` work in it, and closes it. `settle` waits until all that the page asked for has been answered
// or has failed.
async function open(context, command, use) {
  const page = await context.newPage()
  const seen = { requests: new Map(), errors: [], foreign: [] } // request → its status, null while there is none
  const pending = new Set()
  let changed
  const settle = async () => {
    changed = Date.now()
    const deadline = changed + PATIENCE_MS
    while ((pending.size || Date.now() - changed < QUIET_MS) && Date.now() < deadline) await sleep(20)
    for (const request of pending) seen.errors.push(`no answer in ${PATIENCE_MS} ms: ${request.url()}`)
  }
  page.on("request", request => {
    const { protocol, hostname } = new URL(request.url())
    const known = request.url() === CDN || LOOPBACK.includes(hostname) || !protocol.startsWith("http")
    if (!known) seen.foreign.push(request.url())
    seen.requests.set(request, null)
    pending.add(request)
    changed = Date.now()
  })
  const end = (request, status) => {
    seen.requests.set(request, status ?? seen.requests.get(request))
    pending.delete(request)
    changed = Date.now()
  }
  // A reply whose body the page leaves unread, as AlephBet does, never finishes: its head is the answer.
  page.on("response", response => end(response.request(), response.status()))
  page.on("requestfinished", request => end(request))
  page.on("requestfailed", request => end(request))
  page.on("pageerror", error => seen.errors.push(String(error)))
  page.on("console", message => { if (message.type() === "error") seen.errors.push(message.text()) })
  try {
    await interceptCdn(page)
    html = command.html
    await page.goto(command.url ?? home, { waitUntil: "load", timeout: PATIENCE_MS })
    return await use(page, seen, settle)
  } finally {
    await page.close()
  }
}

// What a step of `use` does; what it gives is what was read.
const steps = {
  click: (page, selector) => page.click(selector, { timeout: PATIENCE_MS }),
  fill: (page, [selector, text]) => page.fill(selector, text, { timeout: PATIENCE_MS }),
  select: (page, [selector, value]) => page.locator(selector).selectOption(value, { timeout: PATIENCE_MS }).then(() => {}),
  press: (page, key) => page.keyboard.press(key),
  focus: (page, selector) => page.focus(selector, { timeout: PATIENCE_MS }),
  hover: (page, selector) => page.hover(selector, { timeout: PATIENCE_MS }),
  // As on paper, or on a screen again.
  media: (page, media) => page.emulateMedia({ media }),
  // The name and the text of the file that a click gives.
  async download(page, selector) {
    const [file] = await Promise.all([page.waitForEvent("download", { timeout: PATIENCE_MS }), page.click(selector)])
    return [[file.suggestedFilename(), readFileSync(await file.path(), "utf8")]]
  },
  // Playwright's own would evaluate the text in the page, whose policy forbids that. A page on its way out answers nothing.
  async until(page, condition) {
    for (const deadline = Date.now() + PATIENCE_MS; !(await page.evaluate(condition).catch(() => false)); await sleep(10)) {
      if (Date.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms`)
    }
  },
  open: (page, url) => page.goto(url, { waitUntil: "load", timeout: PATIENCE_MS }),
  back: page => page.goBack({ timeout: PATIENCE_MS }),
  // In another tab of the same visitor, closed afterwards.
  async elsewhere(page, { url, steps }) {
    const other = await page.context().newPage()
    try {
      await other.goto(url, { waitUntil: "load", timeout: PATIENCE_MS })
      return await perform(other, steps)
    } finally {
      await other.close()
    }
  },
  shot: (page, path) => page.screenshot({ path, fullPage: true }),
  read: async (page, script) => [await page.evaluate(script)],
  // What a screen reader's user would trip over, by axe-core.
  async axe(page) {
    await page.evaluate(readFileSync(join(tools, "node_modules/axe-core/axe.min.js"), "utf8"))
    const { violations } = await page.evaluate("axe.run()")
    return [violations.map(({ id, impact, nodes }) => `${impact}: ${id}: ${nodes.map(node => node.html).join(" ")}`)]
  },
}

// Gives what was read.
async function perform(page, list) {
  const read = []
  for (const step of list) {
    const [[name, value]] = Object.entries(step)
    try {
      const result = await steps[name](page, value)
      if (Array.isArray(result)) read.push(...result)
    } catch (error) {
      throw new Error(`${JSON.stringify(step)}: ${error.message}; the page says: ${await page.innerText("body")}`)
    }
  }
  return read
}

function contextFor({ width, height, dark }) {
  return browser.newContext({
    viewport: { width: width ?? 1280, height: height ?? 800 },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  })
}

let visitor = await browser.newContext()

const commands = {
  visit: command => open(visitor, command, async (page, seen, settle) => {
    const result = await Promise.race([
      page.evaluate(`(async () => {${command.script ?? ""}\n})()`),
      sleep(PATIENCE_MS).then(() => { throw new Error(`the script takes over ${PATIENCE_MS} ms`) }),
    ])
    await settle()
    return {
      result: result ?? null,
      tracked: [...seen.requests].flatMap(([request, status]) =>
        new URL(request.url()).pathname.endsWith("/track") ? [{ url: request.url(), status }] : []),
      // What AlephBet has not yet delivered: JSON in a field of JSON. Some pages break their storage.
      queue: await page.evaluate(() => {
        try {
          return JSON.parse(JSON.parse(localStorage.getItem("alephbet"))?._alephbet_queue ?? "[]")
        } catch {
          return []
        }
      }),
      errors: seen.errors,
      foreign: seen.foreign,
    }
  }),

  async use(command) {
    const context = await contextFor(command)
    try {
      return await open(context, command, async (page, seen) => {
        const read = await perform(page, command.steps)
        return { read, errors: seen.errors, foreign: seen.foreign }
      })
    } finally {
      await context.close()
    }
  },

  async screenshot(command) {
    const context = await contextFor(command)
    try {
      return await open(context, command, async (page, _, settle) => {
        await settle()
        await page.screenshot({ path: command.file })
        return { file: command.file }
      })
    } finally {
      await context.close()
    }
  },

  async forget() {
    await visitor.close()
    visitor = await browser.newContext()
    return {}
  },

  quit: () => ({}),
}

for await (const line of createInterface({ input: process.stdin })) {
  let command = {}
  let reply
  try {
    command = JSON.parse(line)
    if (!Object.hasOwn(commands, command.do)) throw new Error(`no such command: ${command.do}`)
    reply = await commands[command.do](command)
  } catch (error) {
    reply = { error: String(error?.message ?? error) }
  }
  process.stdout.write(JSON.stringify(reply) + "\n")
  if (command.do === "quit") break
}
await browser.close()
server.close()
process.exit() // a request left hanging must not keep the process
