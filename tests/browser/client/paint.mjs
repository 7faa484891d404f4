// What is seen first, and what a decision takes.

import assert from "node:assert/strict"
import test from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { inflateSync } from "node:zlib"
import { delivered, lacks, visitor } from "./browsers.mjs"
import { twenty } from "./decisions.mjs"
import { Case, experiment, until } from "./server.mjs"

const COLOR = "button color"
const red = { variants: [["blue", 0], ["red", 1]] }
const BLUE_PIXEL = [0, 0, 255], RED_PIXEL = [255, 0, 0]

/** The pixels of a PNG with 8 bits a channel. */
function pixels(png) {
  let at = 8, width, channels
  const data = []
  while (at < png.length) {
    const length = png.readUInt32BE(at), type = png.toString("latin1", at + 4, at + 8), body = png.subarray(at + 8, at + 8 + length)
    if (type === "IHDR") [width, channels] = [body.readUInt32BE(0), body[9] === 6 ? 4 : 3]
    if (type === "IDAT") data.push(body)
    at += length + 12
  }
  const raw = inflateSync(Buffer.concat(data)), stride = width * channels
  const lines = []
  for (let y = 0; y * (stride + 1) < raw.length; y++) {
    const filter = raw[y * (stride + 1)], line = Buffer.from(raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1))), above = lines[y - 1]
    for (let i = 0; i < stride; i++) {
      const a = i < channels ? 0 : line[i - channels], b = above ? above[i] : 0, c = above && i >= channels ? above[i - channels] : 0
      const p = a + b - c, [pa, pb, pc] = [a, b, c].map(value => Math.abs(p - value))
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c
      line[i] += [0, a, b, (a + b) >> 1, paeth][filter]
    }
    lines.push(line)
  }
  return (x, y) => [...lines[y].subarray(x * channels, x * channels + 3)]
}

/** The colours of the middle of the element in each frame that is seen while a page loads. */
async function frames(page, url, isOver) {
  const seen = []
  // Each frame is decoded here: small ones.
  await page.setViewport({ width: 320, height: 320 })
  const session = await page.createCDPSession()
  session.on("Page.screencastFrame", ({ data, sessionId }) => {
    seen.push(pixels(Buffer.from(data, "base64"))(100, 100).join())
    session.send("Page.screencastFrameAck", { sessionId }).catch(() => {})
  })
  await session.send("Page.startScreencast", { format: "png", everyNthFrame: 1 })
  await page.goto(url)
  await until("the last frame", () => isOver(seen))
  await session.send("Page.stopScreencast")
  return seen
}

// The parts of a page arrive one by one, so that the browser paints what it has.
const slowly = parts => async (request, response) => {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" })
  for (const part of parts) {
    response.write(part + " ".repeat(4096))
    await sleep(150)
  }
  response.end("</body></html>")
}
const box = (color, more = "") => `<div style="position:absolute;left:0;top:0;width:300px;height:300px;background:${color}" ${more}></div>`
const start = (site, script = site.tag(), background = "white") =>
  `<!doctype html><html style="background:${background}"><head><meta charset="utf-8">${script}</head><body>`
const ways = {
  "code at the end": site => [start(site), box("blue", "id=box"), "<p>More</p>", `<script>lamed.run("${COLOR}", {red() { box.style.background = "red" }})</script>`],
  "code in the head": site => [start(site, `${site.tag()}<script>lamed.run("${COLOR}", {red() { box.style.background = "red" }})</script>`), box("blue", "id=box"), "<p>More</p>"],
  "elements": site => [start(site), box("blue", `data-lamed="${COLOR}" data-lamed-variant="blue"`), box("red", `hidden data-lamed="${COLOR}" data-lamed-variant="red"`), "<p>More</p>"],
  "variant()": site => [start(site), `<script>document.write(lamed.variant("${COLOR}") === "red" ? '${box("red")}' : '${box("blue")}')</script>`, "<p>More</p>"],
}

for (const [way, parts] of Object.entries(ways)) {
  test(`no frame shows the control before the variant: ${way}`, { skip: lacks.cdp }, async () => {
    const site = new Case([experiment(COLOR, red)])
    site.page("", slowly(parts(site)))
    await visitor(async someone => {
      // A busy machine may need longer than the page waits: then the control is right, and says nothing here.
      for (let visits = 0, tries = 0; visits < 3; tries++) {
        assert.ok(tries < 20, "the machine is too busy")
        const page = await someone.tab()
        const isSlow = () => page.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd > 2500)
        const seen = await frames(page, site.url(), async seen => seen.includes(String(RED_PIXEL)) || await isSlow())
        if (!await isSlow()) {
          assert.ok(!seen.includes(String(BLUE_PIXEL)), `${seen}`)
          visits++
        }
        await page.close()
      }
    })
  })
}

// What the page itself sees in each of its frames: in all browsers, and also after `lamed ship`.
const shipped = { ...red, state: "shipped", fallback: "red" }
const states = Object.entries({ running: red, shipped }).flatMap(([state, more]) => Object.keys(ways).map(way => [state, more, way]))
for (const [state, more, way] of states) {
  const parts = ways[way]
  test(`the page sees no frame with the control before the variant: ${state}, ${way}`, async () => {
    const site = new Case([experiment(COLOR, more)])
    site.page("", slowly(parts(site).map(part => part.replace("<head>", `<head><script>
      window.seen = []
      const look = () => {
        const top = document.elementFromPoint(100, 100)
        seen.push(getComputedStyle(document.documentElement).opacity === "0" || !top ? "" : getComputedStyle(top).backgroundColor)
        requestAnimationFrame(look)
      }
      look()
    </script>`))))
    await visitor(async someone => {
      const page = await someone.tab()
      for (let visits = 0, tries = 0; visits < 2; tries++) {
        assert.ok(tries < 20, "the machine is too busy")
        await page.goto(site.url())
        const seen = await until("red", () => page.evaluate(() => seen.includes("rgb(255, 0, 0)") && seen))
        if (await page.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd > 2500)) continue
        assert.ok(!seen.includes("rgb(0, 0, 255)"), `${seen}`)
        visits++
      }
    })
  })
}

test("without the script the frames show the control first: they are told apart", { skip: lacks.cdp }, async () => {
  const site = new Case([])
  site.page("", slowly([start(site, ""), box("blue", "id=box"), "<p>More</p>", `<script>box.style.background = "red"</script>`]))
  await visitor(async someone => {
    const seen = await frames(await someone.tab(), site.url(), seen => seen.includes(String(RED_PIXEL)))
    assert.ok(seen.includes(String(BLUE_PIXEL)), `${seen}`)
  })
})

test("a page that has its experiments is shown before it has been read; one that is slow shows the control, uncounted", { skip: lacks.early }, async () => {
  const site = new Case([experiment(COLOR, red)])
  site.page("", async (request, response) => {
    response.writeHead(200, { "content-type": "text/html" })
    response.write(`${start(site)}<script>lamed.run("${COLOR}", {})</script>`)
    site.finish = () => response.end("<p id=end>")
  })
  site.page("slow", async (request, response) => {
    response.writeHead(200, { "content-type": "text/html" })
    response.write(start(site))
    site.finish = () => response.end(`<script>window.given = lamed.variant("${COLOR}")</script>`)
  })
  site.page("counted", async (request, response) => {
    response.writeHead(200, { "content-type": "text/html" })
    response.write(start(site, `${site.tag()}<script>lamed.run("${COLOR}", {red() { window.ran = "red" }})</script>`))
    site.finish = () => response.end("<p id=end>")
  })
  const opacity = page => page.evaluate(() => document.documentElement && getComputedStyle(document.documentElement).opacity).catch(() => {})
  await visitor(async someone => {
    const page = await someone.tab()
    await page.evaluate(url => { location.href = url }, site.url())
    await until("it is shown", async () => page.url() === site.url() && await opacity(page) === "1")
    site.finish()
    await delivered(page)
    await page.evaluate(() => localStorage.clear())
    await page.evaluate(url => { location.href = url }, site.url("slow"))
    await until("it is hidden", async () => page.url() === site.url("slow") && await opacity(page) === "0")
    await until("it is shown", async () => await opacity(page) === "1")
    site.finish()
    assert.equal(await until("the answer", () => page.evaluate(() => window.given)), "blue")
    assert.deepEqual(await site.counts(COLOR), { red: 1 })
    // Who is counted at the beginning sees the variant at the end.
    await page.evaluate(url => { location.href = url }, site.url("counted"))
    await until("it is hidden", async () => page.url() === site.url("counted") && await opacity(page) === "0")
    await until("it is shown", async () => await opacity(page) === "1")
    site.finish()
    assert.equal(await until("the variant", () => page.evaluate(() => window.ran)), "red")
    await delivered(page)
    assert.deepEqual(await site.counts(COLOR), { red: 2 })
  })
})

test("20 experiments take few accesses to the storage", async () => {
  // How long they take is for benches/decisions.mjs: a busy machine can take any time.
  const site = twenty(`const used = { getItem: 0, setItem: 0, removeItem: 0, key: 0 }
    for (const name in used) {
      const original = Storage.prototype[name]
      Storage.prototype[name] = function (...given) { used[name]++; return original.apply(this, given) }
    }`, "window.used = { ...used }")
  await visitor(async someone => {
    const used = () => someone.visit(site.url(), page => page.evaluate(() => window.used))
    for (const written of [20 + 1, 0]) {
      // One write for each event, and one for the visitor's id; who comes back has both.
      const { setItem, getItem, removeItem, key } = await used()
      assert.equal(setItem, written)
      assert.ok(getItem + removeItem + key <= 6 * 20, `${getItem}, ${removeItem}, ${key}`)
    }
  })
})
