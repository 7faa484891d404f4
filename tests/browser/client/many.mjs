// Many page loads in one browser, by a page that opens the others: as fast as the browser can, and the same in all of
// them. Each load is a new visitor's, who comes once more when the server is well.

import { Case, experiment } from "./server.mjs"

// In Chromium a window that is closed may still store who its visitor is when the next load has begun. Each page holds this until it
// is gone.
export const HOLD = `<script>/Chrome/.test(navigator.userAgent) && navigator.locks.request("page", { mode: "shared" }, () => new Promise(() => {}))</script>`

// Runs in the page: gives how often the goal that is not unique was reached, and what nobody caught.
const DRIVER = `
const ways = ["go", "stay", "reload", "redirect", "shut", "pair", "back"]
const modes = ["up", "up", "down", "up", "hanging", "503", "429", "deaf"]
const problems = []
// Timers of a page in the background wait for a second; those of a worker do not.
const clock = new Worker(URL.createObjectURL(new Blob(["onmessage = () => setTimeout(postMessage, 4, 0)"])))
const soon = () => new Promise(done => { clock.onmessage = done; clock.postMessage(0) })
async function holds(condition, patience) {
  for (const end = Date.now() + patience; Date.now() < end; await soon()) {
    try { if (condition()) return true } catch {}
  }
}
async function until(what, condition) {
  if (!await holds(condition, 60000)) problems.push("not within 60 s: " + what)
}
const isRead = (tab, search) => tab.location.pathname.endsWith("/end") && tab.location.search === search && tab.document.readyState === "complete"
// To open a window takes most of the time: where it need not be closed, one stays for all loads.
let again, lane
async function visit(load) {
  again = again || open("")
  again.location = "end?" + load
  await until(load + " is read", () => isRead(again, "?" + load))
}
async function run(loads, from = 0) {
  let views = 0
  for (let load = from; load < from + loads; load++) {
    const way = ways[load % ways.length], mode = modes[load % modes.length]
    const what = [load, way, mode].join(" ")
    if (/Chrome/.test(navigator.userAgent)) await navigator.locks.request("page", () => {})
    localStorage.clear()
    await fetch("mode?" + mode + "&" + load)
    views += { reload: 2, pair: 2, back: 2 }[way] || 1
    window.reached = 0
    const stays = ["go", "redirect", "reload", "back"].includes(way)
    if (stays && lane) lane.location = way
    else if (stays) lane = open(way)
    const tabs = stays ? [lane] : way === "pair" ? [open("stay"), open("stay")] : [open(way)]
    if (!tabs.every(Boolean)) return { views, problems: ["the browser opens no window"] }
    const [tab] = tabs
    if (way === "go" || way === "redirect") await until(what, () => isRead(tab, ""))
    if (way === "stay" || way === "pair") await until(what, () => tabs.every(tab => tab.ran))
    if (way === "reload" || way === "back") await until(what, () => reached === 2)
    if (stays) lane.location = "about:blank"
    else if (way !== "shut") for (const tab of tabs) tab.close()
    await until(what + " closed", () => tabs.every(tab => tab.closed || tab.location.href === "about:blank"))
    await fetch("mode?up&" + load)
    await visit(load)
    await CLIENT.delivered(async () => {
      if (await holds(() => !CLIENT.waits(), 5000)) return
      // A window that is closed may still run, and store, while the next page is read already: then this is the visit after it.
      await visit(load + "again")
      await until(what + " is delivered", () => !CLIENT.waits())
    })
    again.location = "about:blank"
    await until(what + " is gone", () => again.location.href === "about:blank")
  }
  return { views, problems }
}
`

/** The client on the pages: its tags, and how the driver sees that it has delivered everything. */
export const lamed = {
  tags: site => site.tag(),
  driver: `{
    waits: () => Object.keys(localStorage).some(key => key.startsWith("lamed:") && (key[6] === "?" || localStorage[key].includes('"event":{'))),
    delivered: wait => wait(),
  }`,
}

/** A case with these pages. With `{visitor}` in its name, the experiment is another one for each visitor. */
export function loadsOf(name, client = lamed) {
  const site = new Case([experiment(name)])
  site.caches = true
  const html = (body, script = client.tags(site, name)) => `<!doctype html><html><head><meta charset="utf-8">${HOLD}
    <script>for (const type of ["error", "unhandledrejection"]) addEventListener(type, event =>
      opener && opener.problems.push(String(event.reason || event.message)))</script>${script}</head><body>${body}</body></html>`
  const goals = `lamed.complete("bought"); lamed.complete("viewed")`
  const shop = then => html(`<script>
    lamed.run("${name}", {red() { document.body.className = "red" }})
    ${goals}
    ${then}
  </script>`)
  return site.page("", `<!doctype html><title>Loads</title><script>const CLIENT = ${client.driver}
    ${DRIVER}</script>`)
    .page("go", shop(`location.href = "end"`))
    .page("stay", shop("window.ran = true"))
    .page("shut", shop("window.close()"))
    .page("reload", shop(`if (++opener.reached === 1) location.reload()`))
    // Read again, or out of the back/forward cache: the goal is reached for the second time.
    .page("back", shop(`addEventListener("pageshow", ({persisted}) => {
      if (persisted) lamed.complete("viewed")
      if (++opener.reached === 1) setTimeout(() => { location.href = "forth" })
    })`))
    .page("forth", html(`<script>addEventListener("pageshow", () => setTimeout(() => history.back()))</script>`, ""))
    .page("redirect", html(`<script>
      const leave = () => location.replace("end")
      lamed.run("${name}", {red: leave, blue: leave})
      ${goals}</script>`))
    .page("end", html("The end"))
}

/** What was counted. Throws where the arms differ by more than a coin does once in a million runs. */
export async function countsOf(site, name) {
  const [exposures, bought] = [await site.counts(name), await site.counts(name, "bought")]
  const { blue = 0, red = 0 } = exposures
  if (Math.abs(blue - red) > 5 * Math.sqrt(blue + red)) throw new Error(`uneven: ${blue} blue, ${red} red`)
  for (const variant of ["blue", "red"]) {
    if (exposures[variant] !== bought[variant]) throw new Error(`${variant}: ${exposures[variant]} saw it, ${bought[variant]} bought`)
  }
  return { visitors: blue + red, bought: (bought.blue ?? 0) + (bought.red ?? 0), views: await site.total(name, "viewed") }
}
