// The HTML that README and the book show: each block is a page that loads without an error, gives its variants, and counts.

import assert from "node:assert/strict"
import { readFileSync, readdirSync } from "node:fs"
import test from "node:test"
import { delivered, visitor } from "./browsers.mjs"
import { Case, experiment } from "./server.mjs"

const root = new URL("../../../", import.meta.url)
const goals = names => ({ goals: names.map(name => ({ name })) })
/** The experiments of the examples. */
const KNOWN = [
  experiment("button color", goals(["button clicked"])),
  experiment("checkout", { ...goals(["order placed"]), user: true, fallback: "short", variants: [["short", 50], ["long", 50]] }),
]

/** The blocks of HTML on a page, each with the line on which it begins. */
function blocks(file) {
  const found = []
  let open
  for (const [index, line] of readFileSync(new URL(file, root), "utf8").split("\n").entries()) {
    const fence = /^(\s*)```(\w*)/.exec(line)
    if (fence && open) {
      if (open.language === "html") found.push(open)
      open = undefined
    } else if (fence) {
      open = { language: fence[2], name: `${file}:${index + 1}`, html: "" }
    } else if (open) {
      open.html += line + "\n"
    }
  }
  return found
}

/** The names in a block that follow this. */
const named = (html, before) => [...html.matchAll(new RegExp(before.source + '"([^"]+)"', "g"))].map(([, name]) => name)

/** A block as a page of this site: with the tag of lamed, if it has none of its own. */
function page(html, site) {
  const address = /https?:\/\/(?:ab\.example\.com|127\.0\.0\.1:3000)\/prod\//g
  const here = html.replaceAll(address, site.lamed("")).replace(site.lamed("hello"), site.lamed("track"))
  if (/^\s*<(!doctype|html)/i.test(here)) return here
  const tag = /lamed\.m?js"/.test(here) ? "" : site.tag()
  return `<!doctype html>\n<meta charset="utf-8">\n${tag}${here}`
}

/** All that can be clicked is clicked, all that can be submitted is submitted. */
const act = tab => tab.evaluate(() => {
  addEventListener("click", event => event.preventDefault())
  addEventListener("submit", event => event.preventDefault())
  for (const button of document.querySelectorAll("a, button")) button.click()
  for (const form of document.querySelectorAll("form")) form.requestSubmit()
})

const files = ["README.md", ...readdirSync(new URL("docs/", root)).filter(file => file.endsWith(".md")).map(file => `docs/${file}`)]
const all = files.flatMap(blocks)

test("there are pages to try", () => assert.ok(all.length >= 10, `${all.length}`))

for (const { name, html } of all) {
  const asked = new Set(named(html, /(?:data-lamed=|lamed\.run\(|\brun\(|lamed\.variant\()/))
  const reached = new Set(named(html, /(?:data-lamed-goal=|lamed\.complete\()/))
  test(`${name} shows a page that works`, async () => {
    const site = new Case(KNOWN)
    site.page("page", page(html, site))
    await visitor(async someone => {
      // The second visit finds what the first one stored, and counts nothing.
      for (let visit = 0; visit < 2; visit++) await someone.visit(site.url("page"), act)
      const said = someone.said.filter(text => !text.includes("seeing red"))
      assert.deepEqual([said, someone.errors], [[], []])
      for (const experiment of asked) assert.equal(await site.total(experiment), 1, experiment)
      for (const goal of asked.size ? reached : []) assert.equal(await site.total("button color", goal), 1, goal)
    })
  })
}

for (const { name, html } of all.filter(({ html }) => html.includes('data-consent="required"'))) {
  test(`${name} counts nothing before the consent`, async () => {
    const site = new Case(KNOWN)
    site.page("page", page(html, site) + '<script>lamed.run("button color", {})</script>')
    await visitor(async someone => {
      const tab = await someone.tab()
      await tab.goto(site.url("page"))
      assert.deepEqual([site.requests, await tab.evaluate(() => Object.keys(localStorage).length)], [[], 0])
      await tab.evaluate(() => document.querySelector("button").click())
      await delivered(tab)
      assert.equal(await site.total("button color"), 1)
    })
  })
}
