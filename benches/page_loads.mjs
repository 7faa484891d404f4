#!/usr/bin/env node
// What becomes of events when pages go away and servers are down: lamed.js beside AlephBet, in Chromium, counted by `lamed serve`.
//
//   LAMED_TEST_TOOLS=target/test-tools benches/page_loads.mjs [--loads 10000] [--alephbet 10000] [--adapter AlephbetAdapter] [--binary target/release/lamed]
//
// Each load is a new visitor's. The page takes part, reaches a goal that counts once and one that counts each time, and then, in the
// same tick, goes elsewhere, is closed, is read again, or stays a moment; or the variant itself is a redirect; or there are two tabs;
// or the visitor goes away and back. Meanwhile the server is up, down, hanging, or answers 503 or 429, or counts and its answer gets
// lost. Then the server is well, and the visitor opens one more page. Each of the 56 combinations comes equally often, in a fixed order.
// Each visitor has an experiment of their own, so that a lost event cannot hide behind one that was counted twice.

import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const root = fileURLToPath(new URL("..", import.meta.url))
process.env.LAMED_TEST_TOOLS ??= join(root, "target/test-tools")
const { values: { loads, alephbet, adapter, binary, batch } } = parseArgs({ options: {
  loads: { type: "string", default: "10000" },
  alephbet: { type: "string", default: "10000" },
  adapter: { type: "string", default: "AlephbetAdapter" }, // or LamedAdapter, which pages of Python lamed have
  binary: { type: "string", default: join(root, "target/release/lamed") },
  batch: { type: "string", default: "56" }, // so many loads share a browser context: Chromium opens each window slower than the one before
} })

// Ctrl-C: what is done so far is told.
let isOver = false
process.once("SIGINT", () => { isOver = true })

/** `lamed serve` with room for an experiment a visitor. */
async function serve() {
  const home = mkdtempSync(join(tmpdir(), "lamed-"))
  writeFileSync(join(home, "config.json"), JSON.stringify({ max_counters: 1000000 }))
  const server = spawn(resolve(binary), ["serve", "--json", "--listen", "127.0.0.1:0", "--store", "embedded", "--api-key", "the-key-of-the-bench"], {
    cwd: home, env: { ...process.env, HOME: home }, stdio: ["ignore", "pipe", "inherit"],
  })
  const [line] = await once(server.stdout, "data")
  const stop = () => {
    server.kill()
    rmSync(home, { recursive: true })
  }
  return { url: JSON.parse(line).track_url.replace(/\/track$/, ""), stop }
}

const server = await serve()
Object.assign(process.env, { LAMED_URL: server.url, LAMED_API_KEY: "the-key-of-the-bench" })
const { alephbet: dist, visitor, browser } = await import("../tests/browser/client/browsers.mjs")
const { lamed, loadsOf } = await import("../tests/browser/client/many.mjs")

/** AlephBet's pages: what its README shows, under the names of lamed.js. What is not delivered within a second stays so. */
const AlephBet = {
  tags(site, name) {
    site.page("alephbet.js", readFileSync(dist, "utf8"))
    return `<script src="alephbet.js"></script><script>
      const run = AlephBet.AlephBet || AlephBet
      const adapter = new run.${adapter}("${site.lamed("track")}", "alephbet")
      const goals = {bought: new run.Goal("bought"), viewed: new run.Goal("viewed", {unique: false})}
      window.lamed = {
        run(_, {red, blue = () => {}}) {
          const experiment = new run.Experiment({name: "${name}", variants: {blue: {activate: blue}, red: {activate: red}}, tracking_adapter: adapter})
          for (const goal of Object.values(goals)) experiment.add_goal(goal)
        },
        complete(goal) { goals[goal].complete() },
      }
    </script>`
  },
  driver: `{
    waits: () => (JSON.parse(localStorage.alephbet || "{}")._${adapter.replace("Adapter", "").toLowerCase()}_queue || "[]") !== "[]",
    delivered: async wait => {
      const from = Date.now()
      await until("", () => !CLIENT.waits() || Date.now() > from + 1000)
    },
  }`,
}

/** Runs these loads. Gives how many events were reached, lost and counted too often. */
async function measure(client, prefix, count) {
  isOver = false
  const site = loadsOf(`${prefix} {visitor}`, client)
  const views = [], problems = []
  for (let load = 0; load < count && !isOver; load += Number(batch)) {
    await visitor(async someone => {
      const page = await someone.tab({ opens: true })
      await page.goto(site.url())
      for (let next = load; next < Math.min(count, load + Number(batch)) && !isOver; next++) {
        const given = await page.evaluate(next => run(1, next), next)
        views[next] = given.views
        problems.push(...given.problems)
      }
    })
    process.stderr.write(`\r${prefix}: ${Math.min(count, load + Number(batch))} of ${count} loads`)
  }
  process.stderr.write("\n")
  const reply = await fetch(`${server.url}/experiments`, { headers: { "x-api-key": "the-key-of-the-bench" } })
  const known = new Map((await reply.json()).map(one => [one.experiment, one]))
  const sum = (list = [], word) => list.reduce((all, one) => all + one[word], 0)
  const result = { loads: views.length, reached: 0, lost: 0, doubled: 0, blue: 0, red: 0, lostBy: {}, unhandled: problems.length }
  views.forEach((viewed, load) => {
    const { variants, goals = [] } = known.get(`${prefix} ${load}`) ?? {}
    for (const { label, trials } of variants ?? []) result[label] += trials
    const goal = name => sum(goals.find(one => one.goal === name)?.results, "successes")
    for (const [event, expected, counted] of [["participants", 1, sum(variants, "trials")], ["bought", 1, goal("bought")], ["viewed", viewed, goal("viewed")]]) {
      result.reached += expected
      result.lost += Math.max(0, expected - counted)
      result.lostBy[event] = (result.lostBy[event] ?? 0) + Math.max(0, expected - counted)
      result.doubled += Math.max(0, counted - expected)
    }
  })
  return { result, problems }
}

for (const [name, client, count] of [["lamed.js", lamed, Number(loads)], [adapter, AlephBet, Number(alephbet)]]) {
  if (!count) continue
  const from = Date.now()
  const { result, problems } = await measure(client, name, count)
  console.log(name, JSON.stringify({ ...result, seconds: Math.round((Date.now() - from) / 1000) }))
  for (const problem of new Set(problems.map(text => text.replace(/\d+ /, "")))) console.log("  ", problem)
}
server.stop()
await browser.close()
process.exit()
