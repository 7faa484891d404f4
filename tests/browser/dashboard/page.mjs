// The dashboard in the browser that LAMED_BROWSER names, as its reader uses it: node page.mjs. LAMED_DASHBOARD is the
// address of one with an experiment that is decided, LAMED_EMPTY that of one without visitors, LAMED_TRACK where it counts.

import assert from "node:assert/strict"
import test, { after } from "node:test"
import { server, until } from "../client/server.mjs"

const { LAMED_BROWSER: name, LAMED_DASHBOARD: full, LAMED_EMPTY: empty, LAMED_TRACK: track } = process.env
const { launch } = await import(name === "webkit" ? "../client/webkit.mjs" : "../client/puppeteer.mjs")
const browser = await launch(name)
after(async () => {
  await browser.close()
  server.close()
})

/** Opens a page as a new visitor. */
async function reader(url, use) {
  const errors = []
  const context = await browser.context([], errors)
  try {
    const page = await context.tab()
    await page.goto(url)
    await use(page)
    assert.deepEqual(errors, [])
  } finally {
    await context.close()
  }
}

const FREE = "free shipping from 50 €"
const shows = (page, what) => until(what, () => page.evaluate(`!!(${what})`))
const choose = (page, selector, value) => page.evaluate(`(() => {
  const field = document.querySelector(${JSON.stringify(selector)})
  field.value = ${JSON.stringify(value)}
  field.dispatchEvent(new Event(field.tagName === "SELECT" ? "change" : "input", { bubbles: true }))
})()`)
const names = page => page.evaluate("[...document.querySelectorAll('#list a')].map(a => a.dataset.experiment)")
const fits = page => page.evaluate("document.documentElement.scrollWidth <= innerWidth")

test("the start page lists, filters and searches", () => reader(full, async page => {
  await shows(page, "document.querySelector('#list a')")
  assert.deepEqual(await names(page), ["button color", FREE])
  assert.ok(await fits(page))
  await choose(page, "#filter-verdict", "winner")
  assert.deepEqual(await names(page), ["button color"])
  await choose(page, "#filter-verdict", "all")
  await choose(page, "#search", "FREE ")
  assert.deepEqual(await names(page), [FREE])
  await choose(page, "#search", "nothing")
  assert.ok(await page.evaluate("document.getElementById('no-hits').textContent.includes('“nothing”')"))
  await page.click("[data-key=clear]")
  assert.equal((await names(page)).length, 2)
}))

test("results have one story per row, and charts that are read by keyboard", () => reader(full, async page => {
  await shows(page, "document.querySelector('#list a')")
  await page.click("#list a[data-experiment='button color']")
  await shows(page, "document.getElementById('title')?.textContent === 'button color'")
  assert.equal(await page.evaluate("document.getElementById('verdict').dataset.verdict"), "winner")
  const row = await page.evaluate("[...document.querySelectorAll('.goal:first-of-type tr[data-variant=red] td > span')].map(part => part.textContent.replaceAll('\\u00a0', ' '))")
  assert.match(row.join("; "), /; \+\d+ %; \d+–\d+ %; Better; > 99.9 % to win$/)
  assert.ok(await fits(page))
  // The bar is drawn, where it should be.
  assert.ok(await page.evaluate(`(() => {
    const bar = document.querySelector("tr[data-variant=red] .bar"), box = bar.getBoundingClientRect()
    const [zero, rect, dot] = [".zero", "rect", "circle"].map(part => bar.querySelector(part).getBoundingClientRect())
    return zero.right < rect.left && rect.left < dot.left && dot.right < rect.right && rect.right <= box.right && rect.width > 20
  })()`))
  await shows(page, "document.querySelector('.chart svg .line')")
  const read = "document.querySelector('.chart').getAttribute('aria-valuetext')"
  const last = await page.evaluate(read)
  const press = key => page.evaluate(`document.querySelector('.chart').dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', bubbles: true }))`)
  await press("ArrowLeft")
  assert.notEqual(await page.evaluate(read), last)
  assert.ok(await page.evaluate("!document.querySelector('.chart .tip').hidden"))
  await press("ArrowRight")
  assert.equal(await page.evaluate(read), last)
}))

test("a dialog shows the command and copies it", () => reader(`${full}&experiment=button+color`, async page => {
  await shows(page, "document.querySelector('[data-verb=ship]')")
  await page.click("[data-verb=ship]")
  assert.ok(await page.evaluate("document.getElementById('command').open"))
  assert.equal(await page.evaluate("document.querySelector('[data-code=command] code').textContent"), 'lamed ship "button color" red')
  await page.click("[data-copy=command]")
  await shows(page, "document.querySelector('[data-copy=command]').dataset.copied === 'yes'")
  await page.click("#command-close")
  assert.equal(await page.evaluate("document.getElementById('command').open"), false)
  await page.click(".menu summary")
  await page.click("[data-do=delete]")
  assert.ok(await page.evaluate("document.getElementById('remove').open && document.getElementById('remove-confirm').disabled"))
}))

test("before the first visitor there is the script, and then the visitor", () => reader(empty, async page => {
  await shows(page, "document.getElementById('signal')")
  assert.match(await page.evaluate("document.querySelector('[data-code=snippet] code').textContent"), /^<script src="http:.*\/lamed\.js"><\/script>\n<script>lamed\.run\("color"/)
  const body = JSON.stringify({ experiment: "color", variant: "red", event: "participate", uuid: `of ${name}` })
  assert.equal((await fetch(track, { method: "POST", body })).status, 200)
  await shows(page, "document.querySelector('#signal.good[data-arrived]')")
  assert.ok(await fits(page))
}))
