// What a page shows and what its code can ask.

import assert from "node:assert/strict"
import test from "node:test"
import { delivered, visitor, waiting } from "./browsers.mjs"
import { Case, experiment, until } from "./server.mjs"

const COLOR = "button color"
const shell = (site, body, head = "", attributes = "") =>
  `<!doctype html><html><head><meta charset="utf-8"><title>A shop</title>${site.tag(attributes)}${head}</head><body>${body}</body></html>`

test("a visitor takes part once, sees the same variant, and reaches goals", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", shell(site, `<p id="text">blue</p><script>
    lamed.run("${COLOR}", {red() { document.getElementById("text").textContent = "red" }})
    lamed.complete("bought"); lamed.complete("bought"); lamed.complete("viewed"); lamed.complete("viewed")
  </script>`))
  await visitor(async someone => {
    const seen = new Set()
    for (let visit = 0; visit < 3; visit++) {
      seen.add(await someone.visit(site.url(), page => page.evaluate(() => [lamed.variant("button color"), text.textContent].join())))
    }
    assert.equal(seen.size, 1)
    const [variant, text] = [...seen][0].split(",")
    assert.equal(text, variant)
    assert.deepEqual(await site.counts(COLOR), { [variant]: 1 })
    assert.deepEqual(await site.counts(COLOR, "bought"), { [variant]: 1 })
    assert.deepEqual(await site.counts(COLOR, "viewed"), { [variant]: 6 })
    assert.deepEqual([someone.said, someone.errors], [[], []])
    assert.ok(site.requests.every(({ method, type }) => method === "POST" && type.startsWith("text/plain")))
  })
})

test("loading the script counts and stores nothing", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", shell(site, "<p>Nothing is asked for</p><script>lamed.complete('bought')</script>"))
  await visitor(async someone => {
    await someone.visit(site.url(), async page => {
      assert.equal(await page.evaluate(() => localStorage.length), 0)
      assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).opacity), "1")
    })
    assert.equal(site.requests.length, 0)
  })
})

test("elements are shown and goals reached without a line of JavaScript", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", shell(site, `
    <h1 data-lamed="${COLOR}" data-lamed-variant="blue">Blue</h1><h1 data-lamed="${COLOR}" data-lamed-variant="red" hidden>Red</h1>
    <button data-lamed-goal="viewed"><b>Look</b></button>
    <form data-lamed-goal="bought" action="" onsubmit="return false"><input name="tagName"><button id="buy">Buy</button></form>`))
  await visitor(async someone => {
    await someone.visit(site.url(), async page => {
      const variant = await page.evaluate(() => lamed.variant("button color"))
      const shown = await page.$$eval("h1", all => all.filter(one => one.checkVisibility()).map(one => one.dataset.lamedVariant))
      assert.deepEqual(shown, [variant])
      await page.click("b")
      await page.click("b")
      await page.click("input")
      await delivered(page)
      assert.deepEqual(await site.counts(COLOR, "bought"), {})
      await page.click("#buy")
      await delivered(page)
      assert.deepEqual(await site.counts(COLOR), { [variant]: 1 })
      assert.deepEqual(await site.counts(COLOR, "viewed"), { [variant]: 2 })
      assert.deepEqual(await site.counts(COLOR, "bought"), { [variant]: 1 })
      // What comes later is seen to, too; what the page itself hides stays hidden.
      const later = await page.evaluate(async () => {
        const [one, other] = document.querySelectorAll("h1")
        const shown = one.hidden ? other : one
        const late = one.cloneNode(true)
        document.body.append(late)
        await new Promise(requestAnimationFrame)
        const before = late.hidden === one.hidden
        shown.hidden = true
        document.body.append("more")
        await new Promise(requestAnimationFrame)
        return [before, shown.hidden]
      })
      assert.deepEqual(later, [true, true])
    })
    assert.deepEqual([someone.said, someone.errors], [[], []])
  })
})
