// Many page loads: every goal that a page's code reached is counted exactly once, whatever becomes of pages and servers.

import assert from "node:assert/strict"
import test from "node:test"
import { delivered, lacks, visitor } from "./browsers.mjs"
import { HOLD, countsOf, loadsOf } from "./many.mjs"

const LOADS = Number(process.env.LAMED_LOADS ?? 300)
const COLOR = "button color"

test(`${LOADS} loads: navigation in the same tick, closed tabs, reloads, two tabs, the way back, a server that is down, hangs and answers 503`, async () => {
  const site = loadsOf(COLOR)
  await visitor(async someone => {
    const page = await someone.tab({ opens: true })
    await page.goto(site.url())
    let views = 0
    for (let from = 0; from < LOADS; from += 50) {
      const given = await page.evaluate((loads, from) => run(loads, from), Math.min(50, LOADS - from), from)
      assert.deepEqual(given.problems, [])
      views += given.views
    }
    assert.deepEqual(someone.errors, [])
    assert.deepEqual(await countsOf(site, COLOR), { visitors: LOADS, bought: LOADS, views })
  })
})

// A page that another one opened never comes back from the cache: this one goes there and back by itself.
test("pages that come back from the back/forward cache", { skip: lacks.keeping }, async t => {
  const site = loadsOf("kept")
  const loads = Math.max(10, LOADS / 10)
  site.page("kept", site.pages.get("stay").replace(HOLD, "").replace("window.ran = true", `addEventListener("pageshow", ({ persisted }) => {
    if (persisted) lamed.complete("viewed")
    window.persisted = persisted
  })`))
  let views = 0, kept = 0
  await visitor(async someone => {
    const page = await someone.tab()
    for (let load = 0; load < loads; load++) {
      site.mode = "up"
      await page.goto(site.url("kept"))
      // The browser keeps no page that waits for an answer or holds the lock of a first visit. Half of them do.
      if (load % 2) {
        await delivered(page)
        await page.waitForFunction(async () => (await navigator.locks.query()).held.length === 0)
      }
      site.mode = ["down", 503, "hanging", "up", "deaf"][load % 5]
      await page.evaluate(() => lamed.complete("viewed"))
      await page.goto(site.url("end"))
      await page.goBack()
      kept += await page.evaluate(() => window.persisted)
      await page.evaluate(() => lamed.complete("viewed"))
      site.mode = "up"
      await page.goto(site.url("end?" + load))
      await delivered(page)
      await page.evaluate(() => localStorage.clear())
      views += 4
    }
    assert.deepEqual(someone.errors, [])
    assert.deepEqual(await countsOf(site, "kept"), { visitors: loads, bought: loads, views })
    t.diagnostic(`${kept} of ${loads} pages were kept`)
    assert.ok(kept >= loads / 4, `${kept} of ${loads} pages were kept`)
  })
})
