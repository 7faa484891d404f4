// The page loads and the basics in WebKitGTK, by WebKitWebDriver and MiniBrowser under Xvfb (Debian's `webkit2gtk-driver`
// and `xvfb`).

import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { createServer } from "node:net"
import test, { after } from "node:test"
import { countsOf, loadsOf } from "./loads.mjs"
import { Case, experiment, server, until } from "./server.mjs"

const LOADS = Number(process.env.LAMED_LOADS ?? 300)
const COLOR = "button color"

const children = []
function start(program, ...rest) {
  const child = spawn(program, ...rest)
  children.push(child)
  return child
}
after(() => {
  for (const child of children.reverse()) child.kill()
  server.close()
})

async function freePort() {
  const probe = createServer()
  await new Promise(ready => probe.listen(0, "127.0.0.1", ready))
  const { port } = probe.address()
  await new Promise(done => probe.close(done))
  return port
}

const screen = start("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] })
const display = await new Promise(ready => screen.stdio[3].once("data", line => ready(":" + String(line).trim())))
const port = await freePort()
start("WebKitWebDriver", [`--port=${port}`], {
  stdio: "ignore", env: { ...process.env, DISPLAY: display, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", LIBGL_ALWAYS_SOFTWARE: "1" },
})

async function call(path, body, method = "POST") {
  const reply = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) })
  const { value } = await reply.json()
  if (!reply.ok) throw new Error(`${path}: ${value.message}`)
  return value
}
await until("the driver is there", () => call("/status", undefined, "GET").catch(() => {}))
const binary = execFileSync("sh", ["-c", "ls /usr/lib/*/webkit2gtk-4.*/MiniBrowser | head -n 1"], { encoding: "utf8" }).trim()
const { sessionId } = await call("/session", { capabilities: { alwaysMatch: {
  "webkitgtk:browserOptions": { binary, args: ["--automation", "--javascript-can-open-windows-automatically=true"] }, timeouts: { script: 600000 },
} } })
after(() => call(`/session/${sessionId}`, undefined, "DELETE").catch(() => {}))
const visit = url => call(`/session/${sessionId}/url`, { url })
const evaluate = script => call(`/session/${sessionId}/execute/async`, {
  script: `const done = arguments[0]; Promise.resolve((async () => { ${script} })()).then(done, error => done("failed: " + error))`, args: [],
})

test("a visitor takes part once, and reaches goals", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", `<!doctype html><html><head><meta charset="utf-8">${site.tag()}</head><body>
    <h1 data-lamed="${COLOR}" data-lamed-variant="blue">Blue</h1><h1 data-lamed="${COLOR}" data-lamed-variant="red" hidden>Red</h1>
    <button data-lamed-goal="viewed">Look</button><script>lamed.complete("bought")</script></body></html>`)
  const seen = new Set()
  for (let load = 1; load <= 3; load++) {
    await visit(site.url())
    await until("it is shown", () => evaluate(`return document.documentElement.style.opacity === ""`))
    seen.add(await evaluate(`document.querySelector("button").click(); return lamed.variant("${COLOR}")`))
    await until("it is counted", async () => await site.total(COLOR, "viewed") === load)
    const shown = await evaluate(`return [...document.querySelectorAll("h1")].filter(one => one.offsetHeight).map(one => one.dataset.lamedVariant).join()`)
    assert.ok(seen.has(shown), shown)
  }
  assert.equal(seen.size, 1)
  const [variant] = seen
  assert.deepEqual([await site.counts(COLOR), await site.counts(COLOR, "bought")], [{ [variant]: 1 }, { [variant]: 1 }])
})

test(`${LOADS} loads: navigation in the same tick, closed windows, reloads, a server that is down, hangs and answers 503`, async () => {
  const site = loadsOf(COLOR)
  await visit(site.url())
  const { views, problems } = await evaluate(`return run(${LOADS})`)
  assert.deepEqual(problems, [])
  assert.deepEqual(await countsOf(site, COLOR), { visitors: LOADS, bought: LOADS, views })
})
