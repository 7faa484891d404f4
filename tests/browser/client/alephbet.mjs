// A running experiment of AlephBet is switched over.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import test from "node:test"
import { alephbet, delivered, visitor } from "./browsers.mjs"
import { Case, experiment, until } from "./server.mjs"

const COLOR = "button color"
const GOALS = [{ name: "bought" }, { name: "viewed", unique: false }, { name: "signed up" }]

function site(adapter) {
  const site = new Case([experiment(COLOR, { goals: GOALS })])
  site.page("alephbet.js", readFileSync(alephbet, "utf8"))
  // What AlephBet makes unhandled is not looked at.
  site.page("old", `<!doctype html><meta charset="utf-8"><script>onunhandledrejection = event => event.preventDefault()</script><script src="alephbet.js"></script><script>
    const run = AlephBet.AlephBet || AlephBet
    const experiment = new run.Experiment({
      name: "${COLOR}", variants: {blue: {activate() {}}, red: {activate() {}}},
      tracking_adapter: new run.${adapter}("${site.lamed("track")}", "alephbet"),
    })
    for (const [name, unique] of [["bought", true], ["viewed", false]]) {
      const goal = new run.Goal(name, {unique})
      experiment.add_goal(goal)
      goal.complete()
    }
    window.variant = experiment.get_stored_variant()
  </script>`)
  return site.page("new", `<!doctype html><meta charset="utf-8">${site.tag()}<script>
    lamed.complete("bought"); lamed.complete("viewed"); lamed.complete("signed up")
    window.variant = lamed.variant("${COLOR}")
    lamed.complete("signed up")
  </script>`)
}

const queues = page => page.evaluate(() => Object.entries(JSON.parse(localStorage.alephbet)).filter(([key, value]) => key.endsWith("_queue") && value !== "[]").length)

for (const adapter of ["AlephbetAdapter", "LamedAdapter", "GimelAdapter"]) {
  test(`${adapter}: returning visitors keep the variant, unique goals stay counted once, unsent events arrive`, async () => {
    const shop = site(adapter)
    const expected = { participate: {}, bought: {}, viewed: {}, "signed up": {} }
    const add = (event, variant, by = 1) => { expected[event][variant] = (expected[event][variant] ?? 0) + by }
    await visitor(async someone => {
      const page = await someone.tab()
      for (let person = 0; person < 8; person++) {
        // Down: nothing arrives. Deaf: it is counted, and AlephBet does not hear of it. Gone: AlephBet sends half of it later.
        shop.mode = ["down", "deaf", 503, "up"][person % 4]
        await page.goto(shop.url("old"))
        const variant = await page.evaluate(() => window.variant)
        const before = shop.mode === "up"
        if (before) await until("AlephBet has delivered", async () => await queues(page) === 0)
        else await until("AlephBet has tried", () => page.evaluate(() => new Promise(done => setTimeout(done, 100, true))))
        assert.equal(await queues(page), before ? 0 : 1)
        shop.mode = "up"
        // The first new page may be the one after the goal.
        await page.goto(shop.url("new"))
        assert.equal(await page.evaluate(() => window.variant), variant)
        await delivered(page)
        assert.equal(await queues(page), 0)
        await page.reload()
        assert.equal(await page.evaluate(() => window.variant), variant)
        await delivered(page)
        add("participate", variant)
        add("bought", variant)
        add("viewed", variant, 3)
        add("signed up", variant)
        await page.evaluate(() => localStorage.clear())
      }
    })
    for (const [event, counts] of Object.entries(expected)) assert.deepEqual(await shop.counts(COLOR, event), counts, event)
  })
}

test("whom AlephBet left out of the sample stays out, until a new run", async () => {
  const shop = site("AlephbetAdapter")
  await visitor(async someone => {
    const page = await someone.tab()
    await page.goto(shop.url("old"))
    await page.evaluate(() => { localStorage.clear(); localStorage.alephbet = JSON.stringify({ "button color:in_sample": false }) })
    await page.goto(shop.url("new"))
    assert.equal(await page.evaluate(() => window.variant), "blue")
    await delivered(page)
    const before = await shop.total(COLOR)
    shop.experiments = [experiment(COLOR, { goals: GOALS, run: 2 })]
    await page.reload()
    await until("it is counted", async () => await shop.total(`${COLOR} #2`) === 1)
    assert.equal(await shop.total(COLOR), before)
  })
})

test("a user of AlephBet is the same user", async () => {
  const shop = site("AlephbetAdapter")
  shop.experiments = [experiment(COLOR, { goals: GOALS, user: true })]
  shop.page("user", shop.pages.get("old").replace("variants:", `user_id: "ann", variants:`))
  shop.page("new", `<!doctype html><html data-user="ann"><meta charset="utf-8">${shop.tag()}<script>
    window.variant = lamed.variant("${COLOR}"); lamed.complete("bought")</script>`)
  await visitor(async someone => {
    const page = await someone.tab()
    await page.goto(shop.url("user"))
    const variant = await page.evaluate(() => window.variant)
    await until("AlephBet has delivered", async () => await queues(page) === 0)
    await page.goto(shop.url("new"))
    assert.equal(await page.evaluate(() => window.variant), variant)
    await delivered(page)
    assert.deepEqual([await shop.counts(COLOR), await shop.counts(COLOR, "bought")], [{ [variant]: 1 }, { [variant]: 1 }])
  })
})
