// Many page loads in one browser, by a page that opens the others: as fast as the browser can, and the same in all of
// them. Each load is a new visitor's, who comes once more when the server is well.

import { Case, experiment } from "./server.mjs"

// Runs in the page: gives how often the goal that is not unique was reached, and what nobody caught.
const DRIVER = `
const ways = ["go", "stay", "reload", "redirect", "shut"]
const modes = ["up", "up", "down", "up", "hanging", "503", "429", "deaf"]
const problems = []
const soon = () => new Promise(done => setTimeout(done, 4))
async function until(what, condition) {
  for (const end = Date.now() + 20000; Date.now() < end; await soon()) {
    try { if (condition()) return } catch {}
  }
  problems.push("not within 20 s: " + what)
}
const waits = () => Object.keys(localStorage).some(key => key.startsWith("lamed:") && (key[6] === "?" || localStorage[key].includes('"event":{')))
const isRead = tab => tab.document.readyState === "complete"
async function run(loads) {
  let views = 0
  for (let load = 0; load < loads; load++) {
    const way = ways[load % ways.length], mode = modes[load % modes.length]
    const what = [load, way, mode].join(" ")
    localStorage.clear()
    await fetch("mode?" + mode)
    views += way === "reload" ? 2 : 1
    const tab = open(way)
    if (!tab) return { views, problems: ["the browser opens no window"] }
    if (way === "go" || way === "redirect") await until(what, () => tab.location.pathname.endsWith("/end") && isRead(tab))
    if (way === "stay") await until(what, () => tab.ran)
    if (way === "reload") await until(what, () => tab.reloaded)
    if (way !== "shut") tab.close()
    await until(what + " closed", () => tab.closed)
    await fetch("mode?up")
    const again = open("end")
    await until(what + " is read", () => again.location.pathname.endsWith("/end") && isRead(again))
    await until(what + " is delivered", () => !waits())
    again.close()
    await until(what + " is gone", () => again.closed)
  }
  return { views, problems }
}
`

/** A case with these pages. */
export function loadsOf(name) {
  const site = new Case([experiment(name)])
  const html = body => `<!doctype html><html><head><meta charset="utf-8">
    <script>for (const type of ["error", "unhandledrejection"]) addEventListener(type, event =>
      opener && opener.problems.push(String(event.reason || event.message)))</script>${site.tag()}</head><body>${body}</body></html>`
  const reached = `lamed.complete("bought"); lamed.complete("viewed")`
  const shop = then => html(`<script>
    lamed.run("${name}", {red() { document.body.className = "red" }})
    ${reached}
    ${then}
  </script>`)
  return site.page("", `<!doctype html><title>Loads</title><script>${DRIVER}</script>`)
    .page("go", shop(`location.href = "end"`))
    .page("stay", shop("window.ran = true"))
    .page("shut", shop("window.close()"))
    .page("reload", shop(`if (sessionStorage.again) window.reloaded = true
      else { sessionStorage.again = 1; location.reload() }`))
    .page("redirect", html(`<script>
      const leave = () => location.replace("end")
      lamed.run("${name}", {red: leave, blue: leave})
      ${reached}</script>`))
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
