// Whatever becomes of pages and servers: every goal that a page's code reached is counted exactly once.

import assert from "node:assert/strict"
import test from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { delivered, lacks, undebugged, visitor, waiting } from "./browsers.mjs"
import { countsOf } from "./many.mjs"
import { Case, experiment, until } from "./server.mjs"

const assertAll = async (site, visitors, views) => assert.deepEqual(await countsOf(site, COLOR), { visitors, bought: visitors, views })

const COLOR = "button color"
const html = (site, body) => `<!doctype html><html><head><meta charset="utf-8">${site.tag()}</head><body>${body}</body></html>`
const shop = (site, then = "") => html(site, `<script>
  lamed.run("${COLOR}", {red() { document.body.className = "red" }})
  lamed.complete("bought"); lamed.complete("viewed")
  ${then}
</script>`)

// Keeps the pauses of some seconds, to end when a test says so, and how each request was made.
const KEPT = `
  window.pauses = []; window.asked = []
  const wait = setTimeout, ask = fetch
  window.setTimeout = (act, time, ...given) => time >= 2000 && time <= 6000 ? pauses.push(act) : wait(act, time, ...given)
  window.fetch = (url, options) => { asked.push(options.keepalive); return ask(url, options) }`
const keeping = html => html.replace("<head>", `<head><script>${KEPT}</script>`)
const endPauses = page => page.evaluate(() => pauses.splice(0).forEach(act => act()))

test("what the beacon brought is there before another visit", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("go", shop(site, `location.href = "end"`)).page("end", "<!doctype html>no script here")
  await visitor(async someone => {
    for (let load = 0; load < 20; load++) {
      const page = await someone.tab()
      await page.goto(site.url("go")).catch(() => {})
      await until("the end", () => page.evaluate(() => location.pathname.endsWith("/end")).catch(() => {}))
      await page.evaluate(() => localStorage.clear())
      await page.close()
    }
  })
  await until("all are counted", async () => await site.total(COLOR, "viewed") === 20)
  await assertAll(site, 20, 20)
})

test("an outage of some seconds is waited for on the page itself", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", shop(site))
  await visitor(async someone => {
    const page = await someone.tab()
    for (const mode of ["down", 503, "hanging"]) {
      site.mode = mode
      const before = site.requests.length
      await page.goto(site.url())
      await until("it is tried", () => site.requests.length > before)
    }
    await page.evaluate(() => { for (let i = 0; i < 40; i++) lamed.complete("viewed") })
    site.mode = "up"
    await delivered(page, 20000)
    await assertAll(site, 1, 43)
    const pauses = site.requests.filter(({ mode }) => mode !== "up").length
    assert.ok(pauses < 20, `${pauses} requests to a server that is down`)
    await page.close()
  })
})

test("after an answer nothing counts as failed: a late goal is sent so that it outlives the page", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", keeping(shop(site)))
  await visitor(async someone => {
    const page = await someone.tab()
    await page.goto(site.url())
    await delivered(page)
    await endPauses(page)
    await page.evaluate(() => lamed.complete("viewed"))
    await delivered(page)
    assert.deepEqual(await page.evaluate(() => asked.filter(kept => !kept)), [])
    await assertAll(site, 1, 2)
  })
})

test("a request that would end with the page is sent once more as a beacon", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", keeping(shop(site)))
  await visitor(async someone => {
    const page = await someone.tab()
    site.mode = "hanging"
    await page.goto(site.url())
    await until("it is tried", () => site.requests.length > 0)
    await endPauses(page)
    await until("it is tried again, without keepalive", () => page.evaluate(() => asked.includes(false)))
    await until("that arrives", () => site.requests.length > 1)
    // The requests on their way stay without an answer.
    site.current = "up"
    await page.close()
    await until("the beacon is counted", async () => await site.total(COLOR, "viewed") === 1)
    await assertAll(site, 1, 1)
  })
})

test("being online again sends at once", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", keeping(shop(site)))
  await visitor(async someone => {
    const page = await someone.tab()
    site.mode = 503
    await page.goto(site.url())
    await until("it is tried", () => site.requests.length > 0)
    site.mode = "up"
    await page.evaluate(() => dispatchEvent(new Event("online")))
    await delivered(page)
    await assertAll(site, 1, 1)
  })
})

test("two tabs, opened at once by a new visitor, agree", async () => {
  const site = new Case([experiment(COLOR), experiment("size")])
  site.page("empty", "<!doctype html>").page("", html(site, `<p data-lamed="size" data-lamed-variant="red" hidden>big</p><script>
    window.shown = new Promise(done => lamed.run("${COLOR}", {red: done, blue: done}))
    lamed.complete("bought"); lamed.complete("viewed")</script>`))
  await visitor(async someone => {
    const tabs = await Promise.all([someone.tab(), someone.tab(), someone.tab()])
    for (let load = 0; load < 20; load++) {
      await Promise.all(tabs.map(tab => tab.goto(site.url(), { waitUntil: "domcontentloaded" })))
      const seen = await Promise.all(tabs.map(tab => tab.evaluate(() => window.shown)))
      assert.equal(new Set(seen).size, 1, seen.join())
      await Promise.all(tabs.map(tab => delivered(tab)))
      const remembered = await Promise.all(tabs.map(tab => tab.evaluate(() => lamed.variant("button color") + lamed.variant("size"))))
      assert.equal(new Set(remembered).size, 1, remembered.join())
      await Promise.all(tabs.map(tab => tab.goto("about:blank")))
      await tabs[0].goto(site.url("empty"))
      await tabs[0].evaluate(() => localStorage.clear())
    }
  })
  await assertAll(site, 20, 60)
  assert.equal(await site.total("size"), 20)
})

test("a page that comes back from the back/forward cache goes on", { skip: lacks.keeping }, async () => {
  const site = new Case([experiment(COLOR)])
  site.caches = true
  site.page("", keeping(shop(site, `addEventListener("pageshow", event => { window.persisted = event.persisted })`))).page("end", html(site, "The end"))
  await visitor(async someone => {
    const page = await someone.tab()
    await page.goto(site.url())
    await delivered(page)
    // The lock of a first visit is held for a moment.
    await until("the lock is free", () => page.evaluate(async () => (await navigator.locks.query()).held.length === 0))
    site.mode = "down"
    await page.evaluate(() => lamed.complete("viewed"))
    await page.goto(site.url("end"))
    site.mode = "up"
    await page.goBack()
    assert.equal(await page.evaluate(() => window.persisted), true)
    await delivered(page)
    await page.evaluate(() => lamed.complete("viewed"))
    await delivered(page)
    await assertAll(site, 1, 3)
  })
})

test("what the server refuses is dropped and named, what it cannot answer is kept", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", shop(site))
  await visitor(async someone => {
    const page = await someone.tab()
    site.mode = 400
    await page.goto(site.url())
    await delivered(page)
    await until("it is named", () => someone.said.some(line => line.includes("lamed: refused: told to answer 400")))
    for (const mode of [200, 404, 429, 500]) {
      site.mode = mode
      const before = site.requests.length
      await page.evaluate(() => lamed.complete("viewed"))
      await until("it is tried", () => site.requests.length > before)
      await sleep(50)
    }
    assert.equal((await waiting(page)).length, 4)
    // One of many is refused.
    site.mode = "up"
    await page.evaluate(() => localStorage.setItem("lamed:x", JSON.stringify({ event: { event: "e", uuid: "u" }, once: 1, at: 0 })))
    await page.evaluate(() => dispatchEvent(new Event("online")))
    await delivered(page)
    await until("it is named", () => someone.said.some(line => line.includes("is missing")))
    assert.equal(await site.total(COLOR, "viewed"), 4)
    assert.equal(await page.evaluate(() => lamed.variant("button color") !== undefined), true)
    assert.deepEqual(someone.errors, [])
  })
})

test("at most 500 events wait; what was sent long ago is dropped; what never was is not", async () => {
  const site = new Case([experiment(COLOR)], { window: 1000 })
  site.page("", html(site, `<script>lamed.run("${COLOR}", {})</script>`))
  await visitor(async someone => {
    const page = await someone.tab()
    await page.goto(site.url())
    await until("the exposure is counted", async () => await site.total(COLOR) === 1)
    await delivered(page)
    await page.evaluate(() => {
      const put = (i, more) => localStorage.setItem("lamed:" + i, JSON.stringify({
        event: { namespace: "alephbet", experiment: "button color", variant: "red", event: "e", uuid: "u" + i }, once: 1, at: i, ...more,
      }))
      for (let i = 1; i <= 508; i++) put(i)
      put(509, { sent: Date.now() - 501000 })
      put(510, { sent: Date.now() - 499000 })
      dispatchEvent(new Event("online"))
    })
    await delivered(page, 20000)
    const sent = [...site.seen.values()].map(({ uuid }) => uuid).filter(uuid => /^u\d+$/.test(uuid))
    const expected = Array.from({ length: 500 }, (_, i) => `u${i + 11}`).filter(uuid => uuid !== "u509")
    const missing = expected.filter(uuid => !sent.includes(uuid)), added = sent.filter(uuid => !expected.includes(uuid))
    assert.deepEqual([missing, added], [[], []])
    await until("they are named", () => someone.said.filter(line => line.startsWith("warn") && line.includes("too many")).length === 10)
    assert.ok(site.requests.every(({ body }) => body.length < 65536 / 4))
  })
})

test("a prerendered page counts when it is seen", { skip: lacks.prerendering }, async () => {
  const site = new Case([experiment(COLOR), experiment("size")])
  site.page("", `<!doctype html>
    <script type="speculationrules">{"prerender": [{"urls": ["next"], "eagerness": "immediate"}]}</script>
    <script>setInterval(async () => { if ((await (await fetch("mode")).text()) === "seen") location.href = "next" }, 50)</script>`)
  site.page("next", shop(site, `
    const said = lamed.variant("size"), wasAhead = document.prerendering
    setInterval(() => fetch("report", {method: "POST", body: JSON.stringify({
      said, wasAhead, isAhead: document.prerendering, isRed: document.body.className === "red",
      opacity: document.documentElement.style.opacity, left: Object.keys(localStorage).filter(key => key.startsWith("lamed:[")),
    })}), 50)`))
  await undebugged(site.url(), async () => {
    await until("it is ahead", () => site.report?.isAhead)
    await sleep(300)
    assert.equal(site.requests.length, 0)
    assert.deepEqual(site.report.left, [])
    site.word = "seen"
    await until("it is seen", () => site.report.isAhead === false)
    await until("it is counted", async () => await site.total(COLOR, "viewed") === 1)
    await assertAll(site, 1, 1)
    assert.equal(site.report.wasAhead, true)
    assert.deepEqual(await site.counts("size"), { [site.report.said]: 1 })
    assert.equal(site.report.isRed, (await site.counts(COLOR)).red === 1)
    assert.equal(site.report.opacity, "")
  })
})
