// Who takes part: users, consent, previews, paths, runs, samples and groups.

import assert from "node:assert/strict"
import test from "node:test"
import { decided, delivered, visitor } from "./browsers.mjs"
import { draw, hash, pick } from "../../../embedded/client/src/assignment.js"
import { Case, experiment, until } from "./server.mjs"

const COLOR = "button color"
const only = variant => ({ variants: [["blue", variant === "blue" ? 1 : 0], ["red", variant === "red" ? 1 : 0]] })
const html = (site, body = "", attributes = "", head = "") =>
  `<!doctype html><html><head><meta charset="utf-8">${head}${site.tag(attributes)}</head><body>${body}
   <script>window.shown = []; lamed.run("${COLOR}", {red() { shown.push("red") }, blue() { shown.push("blue") }}); lamed.complete("bought")</script></body></html>`
const later = page => page.evaluate(() => new Promise(done => setTimeout(done, 300)))
// At a first visit the decision takes a moment.
const shown = page => until("something is shown", () => page.evaluate(() => window.shown.join()))
const becomes = (page, expected) => until(expected, async () => await shown(page) === expected)
const stored = page => page.evaluate(() => Object.keys(localStorage).filter(key => key !== "lamed-off").length + document.cookie.length)

test("a user is one participant on all devices, with the variant of the id", async () => {
  const color = experiment(COLOR, { user: true })
  const site = new Case([color])
  site.page("ann", html(site, "", `data-user="ann"`)).page("nobody", html(site)).page("later", html(site))
  const expected = pick(draw(COLOR, "variant", "ann"), color.variants)
  for (let device = 0; device < 3; device++) {
    await visitor(async someone => {
      await someone.visit(site.url("nobody"), async page => assert.equal(await shown(page), "blue"))
      await someone.visit(site.url("ann"), async page => assert.equal(await shown(page), expected))
      await someone.visit(site.url("later"), async page => {
        await page.evaluate(() => lamed.user("ann"))
        await until("the user's", async () => (await shown(page)).split(",").pop() === expected)
        await page.evaluate(() => lamed.complete("bought"))
      })
      assert.deepEqual([someone.said, someone.errors], [[], []])
    })
  }
  assert.deepEqual([await site.counts(COLOR), await site.counts(COLOR, "bought")], [{ [expected]: 1 }, { [expected]: 1 }])
  const keys = [...site.seen.values()].map(({ uuid }) => uuid)
  assert.ok(keys.includes(hash("alephbet", COLOR, "participate", "ann")))
})

test("users get AlephBet's variants, and those of a run their own", async () => {
  const first = experiment(COLOR, { user: true })
  const second = experiment(COLOR, { user: true, run: 2 })
  for (const declared of [first, second]) {
    const site = new Case([declared])
    site.page("", html(site))
    await visitor(async someone => {
      const given = await someone.visit(site.url(), page => page.evaluate(() => Array.from({ length: 200 }, (_, i) => {
        lamed.user("user-" + i)
        return lamed.variant("button color")
      })))
      assert.deepEqual(given, given.map((_, i) => pick(draw(declared.wire, "variant", "user-" + i), declared.variants)))
      assert.ok(new Set(given).size === 2)
    })
    assert.equal(await site.total(declared.wire), 200)
  }
})

test("a new run takes everybody in anew, once", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", html(site))
  await visitor(async someone => {
    await someone.visit(site.url())
    site.experiments = [experiment(COLOR, { run: 2 })]
    await someone.visit(site.url())
    await someone.visit(site.url())
    for (const name of [COLOR, `${COLOR} #2`]) {
      assert.deepEqual([await site.total(name), await site.total(name, "bought")], [1, 1])
    }
  })
})

test("stopped shows the control, shipped what is shipped; a variant that is gone is not shown", async () => {
  const site = new Case([experiment(COLOR, only("red"))])
  site.page("", html(site))
  await visitor(async someone => {
    await someone.visit(site.url(), async page => assert.equal(await shown(page), "red"))
    for (const [more, expected] of [[{ state: "stopped" }, "blue"], [{ state: "shipped", fallback: "red" }, "red"], [{ variants: [["blue", 1]] }, "blue"]]) {
      site.experiments = [experiment(COLOR, more)]
      await someone.visit(site.url(), async page => assert.equal(await shown(page), expected))
    }
    assert.deepEqual([await site.counts(COLOR), await site.counts(COLOR, "bought")], [{ red: 1 }, { red: 1 }])
  })
})

test("a sample that grows takes people in; nobody leaves or changes", async () => {
  const site = new Case([experiment(COLOR)])
  site.page("", html(site))
  await visitor(async someone => {
    const page = await someone.tab()
    for (let person = 0; person < 12; person++) {
      let before = ""
      for (const sample of [0, 0.3, 0.6, 1]) {
        site.experiments = [experiment(COLOR, { sample })]
        const total = await site.total(COLOR)
        await page.goto(site.url())
        await decided(page)
        const variant = await shown(page)
        await delivered(page)
        const isIn = await site.total(COLOR) > total
        assert.ok(!(before && isIn), "taken in twice")
        if (before) assert.equal(variant, before)
        if (isIn) before = variant
        if (sample === 0) assert.ok(!isIn)
      }
      assert.ok(before)
      await page.evaluate(() => localStorage.clear())
    }
  })
  assert.equal(await site.total(COLOR), 12)
})

test("two experiments of a group never have the same visitor", async () => {
  const group = (from, to) => ({ group: { name: "checkout", from, to } })
  const site = new Case([experiment("one", group(0, 0.5)), experiment("two", group(0.5, 1))])
  site.page("", `<!doctype html>${site.tag()}<body><script>lamed.variant("one"); lamed.variant("two")</script>`)
  await visitor(async someone => {
    const page = await someone.tab()
    for (let person = 1; person <= 40; person++) {
      await page.goto(site.url())
      await delivered(page)
      assert.equal(await site.total("one") + await site.total("two"), person)
      await page.evaluate(() => localStorage.clear())
    }
    assert.ok(await site.total("one") > 5 && await site.total("two") > 5)
  })
})

test("with consent required, nothing is stored, sent or decided before it; taken back, all is erased", async () => {
  const site = new Case([experiment(COLOR, only("red"))])
  site.page("", html(site, "", `data-consent="required"`))
  await visitor(async someone => {
    await someone.visit(site.url(), async page => {
      await page.evaluate(() => { localStorage.alephbet = JSON.stringify({ "button color:variant": "red" }) })
      await page.reload()
      await later(page)
      assert.deepEqual([await shown(page), await stored(page), site.requests.length], ["blue", 1, 0])
      await page.evaluate(() => { localStorage.clear() })
      await page.reload()
      await page.evaluate(() => lamed.consent(true))
      await becomes(page, "blue,red")
      await page.evaluate(() => lamed.complete("bought"))
      await delivered(page)
    })
    await someone.visit(site.url(), async page => {
      assert.equal(await shown(page), "red")
      site.mode = 503
      const before = site.requests.length
      await page.evaluate(() => lamed.complete("viewed"))
      await until("it is tried", () => site.requests.length > before)
      await page.evaluate(() => lamed.consent(false))
      site.mode = "up"
      assert.deepEqual([await shown(page), await stored(page)], ["red,blue", 0])
      await page.evaluate(() => { lamed.complete("viewed"); lamed.variant("button color"); dispatchEvent(new Event("online")) })
      await later(page)
      assert.equal(await stored(page), 0)
    })
    assert.deepEqual([await site.counts(COLOR), await site.counts(COLOR, "bought"), await site.counts(COLOR, "viewed")], [{ red: 1 }, { red: 1 }, {}])
    // Who consents again is a new visitor.
    await someone.visit(site.url(), async page => {
      assert.equal(await shown(page), "blue")
      await page.evaluate(() => lamed.consent(true))
      await later(page)
    })
    assert.deepEqual(await site.counts(COLOR), { red: 2 })
    assert.deepEqual([someone.said.filter(line => !line.includes("503")), someone.errors], [[], []])
  })
})

test("Global Privacy Control is respected where that is asked", async () => {
  const site = new Case([experiment(COLOR, only("red"))])
  const gpc = "<script>Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})</script>"
  site.page("respect", html(site, "", `data-gpc="respect"`, gpc)).page("not", html(site, "", "", gpc)).page("none", html(site, "", `data-gpc="respect"`))
  await visitor(async someone => {
    await someone.visit(site.url("respect"), async page => {
      await page.evaluate(() => lamed.consent(true))
      await later(page)
      assert.deepEqual([await shown(page), await stored(page), site.requests.length], ["blue", 0, 0])
    })
    await someone.visit(site.url("none"), async page => assert.equal(await shown(page), "red"))
    await someone.visit(site.url("not"), async page => assert.equal(await shown(page), "red"))
    assert.deepEqual(await site.counts(COLOR), { red: 1 })
  })
})

test("a preview shows a variant in this tab and counts nothing; a draft is seen in no other way", async () => {
  const site = new Case([experiment(COLOR, only("blue"))], { drafts: [experiment("next big thing", { state: "draft", ...only("red") })] })
  site.page("", html(site)).page("other", html(site))
  await visitor(async someone => {
    const page = await someone.tab()
    for (const [search, variant] of [["?lamed.button%20color=rde", "rde"], ["?lamed.button+color", ""]]) {
      await page.goto(site.url(search))
      assert.equal(await shown(page), "blue")
      assert.ok(someone.said.some(line => line.includes(`no variant "${variant}" in: blue, red`)))
    }
    await page.goto(site.url("?a=b&lamed.button%20color=red&lamed.next+big+thing=red"))
    for (const path of ["", "other"]) {
      if (path) await page.goto(site.url(path))
      assert.deepEqual([await shown(page), await page.evaluate(() => [document.documentElement.dataset.lamedPreview, lamed.variant("next big thing")])],
        ["red", ["button color=red,next big thing=red", "red"]])
    }
    await later(page)
    assert.deepEqual([await stored(page), site.requests.length], [0, 0])
    assert.ok(someone.said.some(line => line.includes("lamed: not counted: [button color=red,next big thing=red]") || line.includes("not counted:")))
    // Another tab is not in it.
    await someone.visit(site.url(), async other => {
      assert.deepEqual([await shown(other), await other.evaluate(() => lamed.variant("next big thing"))], ["blue", undefined])
    })
    assert.deepEqual(await site.counts(COLOR), { blue: 1 })
    assert.deepEqual(someone.errors, [])
  })
})

test("?lamed=off keeps this browser out for good, until ?lamed=on", async () => {
  const site = new Case([experiment(COLOR, only("red"))])
  site.page("", html(site))
  await visitor(async someone => {
    for (const query of ["?lamed=off", "", "?other"]) {
      await someone.visit(site.url(query), async page => {
        await later(page)
        assert.deepEqual([await shown(page), await stored(page), site.requests.length], ["blue", 0, 0])
      })
    }
    assert.equal(someone.said.filter(line => line.includes("lamed: not counted:") && line.includes("off")).length, 3)
    await someone.visit(site.url("?lamed=on"), async page => assert.equal(await shown(page), "red"))
    assert.deepEqual(await site.counts(COLOR), { red: 1 })
  })
})

// A browser without the Navigation API tells nothing of a new path. The page that shows it changes.
test("paths are looked at again when they change", async () => {
  const site = new Case([experiment(COLOR, { ...only("red"), path: "" })])
  const go = (page, how, path) => page.evaluate((how, to) => {
    history[how]({}, "", to)
    if (!window.navigation) document.title = to
  }, how, site.folder + path)
  site.experiments[0].path = `^${site.folder}/shop/.*$`
  site.page("", html(site, `<p id="p" data-lamed="${COLOR}" data-lamed-variant="red" hidden>red</p>`))
  await visitor(async someone => {
    await someone.visit(site.url(), async page => {
      assert.deepEqual([await shown(page), await page.evaluate(() => p.hidden), site.requests.length], ["blue", true, 0])
      await go(page, "pushState", "/shop/1")
      await becomes(page, "blue,red")
      await go(page, "pushState", "/shop/2")
      await page.evaluate(() => lamed.complete("bought"))
      assert.deepEqual([await shown(page), await page.evaluate(() => p.hidden)], ["blue,red", false])
      await go(page, "replaceState", "/cart")
      await becomes(page, "blue,red,blue")
      assert.equal(await page.evaluate(() => p.hidden), true)
    })
    assert.deepEqual([await site.counts(COLOR), await site.counts(COLOR, "bought")], [{ red: 1 }, { red: 1 }])
    assert.deepEqual([someone.said, someone.errors], [[], []])
  })
})

test("an async script shows the control after a second, and does not count", async () => {
  const site = new Case([experiment(COLOR, only("red"))])
  // How old the page is when the script begins.
  const page = age => `<!doctype html><title>t</title><body><script>performance.now = () => ${age}; setTimeout(() => document.body.append(Object.assign(document.createElement("script"), {
    src: "${site.lamed("lamed.js")}", async: true, onload() { window.given = lamed.variant("${COLOR}") }})))</script></body>`
  site.page("late", page(1001)).page("soon", page(999))
  await visitor(async someone => {
    const visit = path => someone.visit(site.url(path), async page => until("given", () => page.evaluate(() => window.given)))
    assert.equal(await visit("late"), "blue")
    assert.deepEqual(await site.counts(COLOR), {})
    assert.equal(await visit("soon"), "red")
    assert.deepEqual(await site.counts(COLOR), { red: 1 })
  })
})
