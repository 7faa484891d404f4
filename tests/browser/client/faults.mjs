// Pages, policies and storages where something is wrong: the page goes on, and who can be counted is counted once.

import assert from "node:assert/strict"
import test from "node:test"
import { delivered, visitor } from "./browsers.mjs"
import { Case, experiment, until } from "./server.mjs"

const COLOR = "button color"
const only = variant => ({ variants: [[variant, 1]], fallback: "blue" })
const html = (site, body, attributes = "", head = "") =>
  `<!doctype html><html><head><meta charset="utf-8">${head}${site.tag(attributes)}</head><body><p id="text">text</p>${body}</body></html>`
const state = () => [document.querySelector("#text").textContent, document.documentElement.style.opacity, Object.keys(localStorage).length]

for (const [what, code] of Object.entries({
  "throws": `document.querySelector("#missing").style.color = "red"`,
  "rejects": `return Promise.reject(new Error("no"))`,
})) {
  test(`the code of a variant ${what}: one participant, one $error, the page goes on`, async () => {
    const site = new Case([experiment(COLOR, only("red"))])
    site.page("", html(site, `<script>
      lamed.on("assigned", () => { throw new Error("the listener") })
      lamed.run("${COLOR}", {red() { ${code} }})
      lamed.complete("bought")
      document.querySelector("#text").textContent = "goes on"
    </script>`))
    await visitor(async someone => {
      for (let visit = 0; visit < 3; visit++) {
        await someone.visit(site.url(), async page => assert.equal((await page.evaluate(state))[0], "goes on"))
      }
      const counts = ["participate", "bought", "$error"].map(event => site.counts(COLOR, event))
      assert.deepEqual(await Promise.all(counts), [{ red: 1 }, { red: 1 }, { red: 1 }])
      assert.deepEqual(someone.errors, [])
      assert.equal(someone.said.filter(line => line.startsWith("warn: lamed: button color red ")).length, 3)
    })
  })
}

test("names that are not declared are named with those that are", async () => {
  const site = new Case([experiment(COLOR, only("red")), experiment("size", only("red"))])
  site.page("", html(site, `<i data-lamed="sise" data-lamed-variant="red" hidden></i><i data-lamed="size" data-lamed-variant="rde" hidden></i><script>
    window.given = [lamed.variant("colour"), lamed.variant("constructor"), lamed.variant()]
    lamed.run("colour", {}); lamed.run("${COLOR}", {rde() {}, red() {}}); lamed.complete("bougth"); lamed.on("asigned", () => {})
    lamed.run("size"); lamed.run("size", null); lamed.complete(); lamed.on("assigned"); lamed.variant({}); lamed.user({}); lamed.consent(true)
  </script>`))
  await visitor(async someone => {
    await someone.visit(site.url(), async page => assert.deepEqual(await page.evaluate(() => window.given.map(String)), Array(3).fill("undefined")))
    for (const line of [`no experiment "colour" in: button color, size`, `no variant "rde" in: red`,
      `no goal "bougth" in: bought, viewed, bought, viewed`, `no event "asigned" in: assigned`, `no experiment "sise"`]) {
      assert.equal(someone.said.filter(said => said.includes(line)).length, 1, `${line}\n${someone.said.join("\n")}`)
    }
    assert.deepEqual(await site.counts(COLOR), { red: 1 })
    assert.deepEqual(someone.errors, [])
  })
})

test("policies as strict as can be, with Trusted Types", async () => {
  const site = new Case([experiment(COLOR, only("red"))])
  site.headers = { "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'" }
  site.page("page.js", `lamed.run("${COLOR}", {red() { document.querySelector("#text").textContent = "red" }}); lamed.complete("bought"); lamed.variant("draft")`)
  site.page("", `<!doctype html><html><head><link rel="icon" href="data:,"><script src="lamed.js"></script><script src="page.js"></script></head><body><p id="text">blue</p>
    <p data-lamed="${COLOR}" data-lamed-variant="red" hidden id="shown">red</p></body></html>`)
  await visitor(async someone => {
    await someone.visit(site.url(), async page => {
      await until("red", async () => await page.evaluate(() => [text.textContent, shown.hidden, document.documentElement.style.opacity].join()) === "red,false,")
    })
    assert.deepEqual([await site.counts(COLOR), await site.counts(COLOR, "bought")], [{ red: 1 }, { red: 1 }])
    assert.deepEqual(someone.said.filter(line => !line.includes("lamed:") && !line.includes("data:,")), [])
    assert.deepEqual(someone.errors.filter(line => !line.includes("data:,")), [])
  })
})

test("a module is the same, and the page's own", async () => {
  const site = new Case([experiment(COLOR, only("red"))])
  site.page("", `<!doctype html><html data-track="${site.lamed("track")}"><body><p id="text">blue</p><script type="module">
    import { run, complete, variant, user, consent, on } from "${site.lamed("lamed.mjs")}"
    run("${COLOR}", {red() { document.querySelector("#text").textContent = "red" }})
    complete("bought"); user("ann"); on("assigned", given => { window.given = given })
    window.same = run === window.lamed.run && variant("${COLOR}") === "red" && typeof consent === "function"
  </script></body></html>`)
  await visitor(async someone => {
    await someone.visit(site.url(), async page => {
      assert.deepEqual(await page.evaluate(() => [text.textContent, window.same, window.given]), ["red", true, { experiment: "button color", variant: "red" }])
    })
    assert.deepEqual([await site.counts(COLOR), await site.counts(COLOR, "bought")], [{ red: 1 }, { red: 1 }])
    assert.deepEqual([someone.said, someone.errors], [[], []])
  })
})

test("a script that is there twice is one", async () => {
  const site = new Case([experiment(COLOR, only("red"))])
  site.page("", html(site, `${site.tag()}<button data-lamed-goal="viewed">Look</button><script>lamed.run("${COLOR}", {})</script>`))
  await visitor(async someone => {
    await someone.visit(site.url(), page => page.click("button"))
    assert.deepEqual(await site.counts(COLOR, "viewed"), { red: 1 })
  })
})

for (const path of ["lamed.js", "track"]) {
  test(`blocked ${path}: the page works`, async () => {
    const site = new Case([experiment(COLOR, only("red"))])
    site.page("", html(site, `<script>if (window.lamed) { lamed.run("${COLOR}", {red() { document.querySelector("#text").textContent = "red" }}); lamed.complete("bought") }</script>`))
    await visitor(async someone => {
      const page = await someone.tab()
      await someone.block(page, path)
      await page.goto(site.url())
      const expected = path === "track" ? "red," : "text,"
      await until(expected, async () => (await page.evaluate(state)).slice(0, 2).join() === expected)
      assert.deepEqual(someone.errors, [])
      assert.ok(someone.said.every(line => /ERR_BLOCKED|NS_ERROR|Cross-Origin|Loading failed/.test(line)), someone.said.join("\n"))
    })
  })
}

// Each runs before the script, in a page whose visitor is new; what they see, and what is counted.
const blue = [[], { blue: 0, red: 0 }]
const storages = {
  "throws when it is touched": ["Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})", false],
  "is null": ["Object.defineProperty(window, 'localStorage', {value: null})", false],
  "is full": ["Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }", false],
  "stores nothing": ["Storage.prototype.setItem = () => {}", false],
  "has garbage": ["localStorage.alephbet = '{oops'; localStorage['lamed:x'] = 'oops'; localStorage['lamed:y'] = '{\"event\":1}'; localStorage['lamed:z'] = 'null'; sessionStorage['lamed:off'] = '%%%'", true],
  "has garbage of AlephBet": ["localStorage.alephbet = JSON.stringify({_alephbet_queue: 'oops', _lamed_queue: '[null]', _gimel_queue: 7, 'button color:variant': 7})", null],
  "has another kind of AlephBet": ["localStorage.alephbet = '7'", true],
}
for (const [what, [script, isCounted]] of Object.entries(storages)) {
  test(`a storage that ${what}`, async () => {
    const site = new Case([experiment(COLOR, only("red"))])
    site.page("", html(site, `<script>lamed.run("${COLOR}", {red() { document.querySelector("#text").textContent = "red" }, blue() {}}); lamed.complete("bought"); window.given = lamed.variant("${COLOR}")</script>`,
      "", `<script>${script}</script>`))
    await visitor(async someone => {
      const page = await someone.tab()
      await page.goto(site.url())
      if (isCounted) await delivered(page)
      else await page.evaluate(() => new Promise(done => setTimeout(done, 300)))
      const shown = await page.evaluate(() => [document.querySelector("#text").textContent, window.given, document.documentElement.style.opacity])
      assert.deepEqual(shown, isCounted ? ["red", "red", ""] : ["text", "blue", ""])
      assert.deepEqual([await site.counts(COLOR), await site.counts(COLOR, "bought")], isCounted ? [{ red: 1 }, { red: 1 }] : [{}, {}])
      assert.deepEqual(someone.errors, [])
    })
  })
}

test("a storage that fills up later: participants stay what they are, their goals arrive", async () => {
  const site = new Case([experiment(COLOR, only("red"))])
  site.page("", html(site, `<script>lamed.run("${COLOR}", {})</script>`))
  await visitor(async someone => {
    await someone.visit(site.url())
    await someone.visit(site.url(), async page => {
      await page.evaluate(() => {
        Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") }
        lamed.complete("bought")
        lamed.complete("bought")
        lamed.complete("viewed")
      })
      assert.equal(await page.evaluate(() => lamed.variant("button color")), "red")
      await until("the goals are counted", async () => await site.total(COLOR, "bought") && await site.total(COLOR, "viewed"))
    }, false)
    const counts = ["participate", "bought", "viewed"].map(event => site.counts(COLOR, event))
    assert.deepEqual(await Promise.all(counts), [{ red: 1 }, { red: 1 }, { red: 1 }])
    assert.deepEqual(someone.errors, [])
  })
})
