// The life of two experiments, by lamed's commands alone: no page and no server of the site is touched. One is for visitors, in
// browsers with lamed.js, the other for users of a back end in Python. `tests/suite/runs/live.rs` starts lamed and says
// where it is: LAMED (the program), LAMED_HOME (its config), LAMED_URL, LAMED_API_KEY.

import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import test from "node:test"
import { delivered, visitor } from "./client/browsers.mjs"
import { Case, until } from "./client/server.mjs"

const { LAMED, LAMED_HOME, LAMED_URL, LAMED_API_KEY } = process.env
const VISITORS = 12
const USERS = Array.from({ length: 60 }, (_, number) => `user ${number}`)
const file = join(LAMED_HOME, "config.json")

const lamed = (...words) => execFileSync(LAMED, [...words, "--yes"], { cwd: LAMED_HOME, stdio: ["ignore", "pipe", "pipe"] }).toString()

/** What the server gives to pages. */
const served = async () => (await (await fetch(`${LAMED_URL}/lamed.js?json`)).json()).experiments

/** Waits until the server follows the config. */
const follows = (name, what) => until(name, async () => (await served()).some(one => one.name === name && what(one)), 30000)

async function sample(share) {
  const config = JSON.parse(readFileSync(file, "utf8"))
  for (const experiment of Object.values(config.experiments)) experiment.sample = share
  writeFileSync(file, JSON.stringify(config))
  await follows("headline", one => one.sample === share)
}

async function counts(name, event = "participate") {
  const reply = await fetch(`${LAMED_URL}/experiments`, { headers: { "x-api-key": LAMED_API_KEY } })
  const known = (await reply.json()).find(({ experiment }) => experiment === name)
  const numbers = event === "participate"
    ? (known?.variants ?? []).map(({ label, trials }) => [label, trials])
    : (known?.goals.find(({ goal }) => goal === event)?.results ?? []).map(({ label, successes }) => [label, successes])
  return Object.fromEntries(numbers.filter(([, number]) => number))
}

/** What the conversions of a goal are worth, by variant. */
async function worth(name, event) {
  const reply = await fetch(`${LAMED_URL}/experiments`, { headers: { "x-api-key": LAMED_API_KEY } })
  const known = (await reply.json()).find(({ experiment }) => experiment === name)
  const results = known?.goals.find(({ goal }) => goal === event)?.results ?? []
  return Object.fromEntries(results.filter(({ successes }) => successes).map(({ label, value }) => [label, Number(value.sum)]))
}

/** So much for each. */
const times = (counts, value) => Object.fromEntries(Object.entries(counts).map(([variant, count]) => [variant, count * value]))

/** Gives each goal a value, before anything is counted. */
function value() {
  const config = JSON.parse(readFileSync(file, "utf8"))
  for (const experiment of Object.values(config.experiments)) {
    experiment.goals = experiment.goals.map(name => ({ name, value: "EUR", cap: 100 }))
  }
  writeFileSync(file, JSON.stringify(config))
}

const tally = names => {
  const sums = {}
  for (const name of names) sums[name] = (sums[name] ?? 0) + 1
  return sums
}

// The back end: asks for the variant of each user, shows it, and counts participant and goal.
const BACKEND = `
import json, sys, urllib.request
def post(path, body):
    request = urllib.request.Request(sys.argv[1] + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)
answers = []
for user in json.loads(sys.argv[2]):
    try:
        flag = post("/ofrep/v1/evaluate/flags/price", {"context": {"targetingKey": user}})
    except urllib.error.HTTPError:
        flag = {}
    counted = [post("/track", {"experiment": "price", "event": event, "user": user, "value": 0.25}) for event in ("participate", "paid")]
    answers.append([flag.get("value"), flag.get("reason"), sum(one["counted"] for one in counted)])
print(json.dumps(answers))
`
const backend = () => JSON.parse(execFileSync("python3", ["-c", BACKEND, LAMED_URL, JSON.stringify(USERS)]).toString())

test("an experiment from its draft to the archive", async () => {
  const site = new Case()
  let phase = 0
  // A browser keeps the script for a minute: another address gets it anew.
  site.page("", (request, response) => response.end(`<!doctype html><html><head><meta charset="utf-8"><script src="${LAMED_URL}/lamed.js?${phase}"></script></head>
    <body><p id="text">blue</p><script>
      lamed.run("headline", {red() { text.textContent = "red" }})
      lamed.complete("bought", { value: 12.5 })
    </script></body></html>`))
  const people = await Promise.all(Array.from({ length: VISITORS }, () => new Promise(ready => {
    visitor(someone => new Promise(end => ready({ someone, end })))
  })))
  const look = async () => {
    phase++
    return Promise.all(people.map(({ someone }) => someone.visit(site.url(), async page => {
      await delivered(page)
      return page.evaluate(() => text.textContent)
    })))
  }
  // Whoever is in stays in, with the same variant; all others see the control.
  let visitors = Array(VISITORS).fill(null), users = USERS.map(() => null)
  const grow = async () => {
    const seen = await look()
    const counted = await counts("headline")
    seen.forEach((text, number) => assert.equal(text, visitors[number] ?? text))
    assert.equal(counted.red ?? 0, seen.filter(text => text === "red").length)
    assert.deepEqual(await counts("headline", "bought"), counted)
    assert.deepEqual(await worth("headline", "bought"), times(counted, 12.5))
    visitors = seen.map((text, number) => text === "red" ? text : visitors[number])
    const answers = backend()
    answers.forEach(([value], number) => assert.equal(value ?? null, users[number] ?? value ?? null))
    users = answers.map(([value]) => value ?? null)
    assert.deepEqual(await counts("price"), tally(users.filter(Boolean)))
    assert.deepEqual(await counts("price", "paid"), tally(users.filter(Boolean)))
    assert.deepEqual(await worth("price", "paid"), times(tally(users.filter(Boolean)), 0.25))
    return [counted.blue ?? 0, counted.red ?? 0, users.filter(Boolean).length]
  }
  const before = []
  const ends = async (texts, values) => {
    assert.deepEqual(await look(), Array(VISITORS).fill(texts))
    const answers = backend()
    assert.deepEqual(answers, USERS.map(() => [values, "STATIC", 0]))
    assert.deepEqual([await counts("headline"), await counts("headline", "bought"), await counts("price"), await counts("price", "paid")], before)
  }

  lamed("new", "headline", "--variants", "blue,red", "--goal", "bought", "--sample", "0.1")
  lamed("new", "price", "--variants", "old,new", "--goal", "paid", "--sample", "0.1", "--users")
  assert.deepEqual(await look(), Array(VISITORS).fill("blue"))
  assert.deepEqual([await counts("headline"), await counts("price")], [{}, {}])
  value()
  lamed("start", "headline")
  lamed("start", "price")
  await follows("headline", ({ state }) => state === "running")
  await follows("price", ({ state }) => state === "running")
  const few = await grow()
  await sample(0.5)
  const half = await grow()
  await sample(1)
  const all = await grow()
  assert.ok(few[2] < half[2] && half[2] < USERS.length, `${few} ${half}`)
  assert.deepEqual([all[0] + all[1], all[2]], [VISITORS, USERS.length])
  visitors = visitors.map(text => text ?? "blue")
  assert.deepEqual(await grow(), all)

  before.push(await counts("headline"), await counts("headline", "bought"), await counts("price"), await counts("price", "paid"))
  lamed("stop", "headline")
  lamed("stop", "price")
  await follows("headline", ({ state }) => state === "stopped")
  await follows("price", ({ state }) => state === "stopped")
  await ends("blue", "old")
  lamed("start", "headline")
  lamed("start", "price")
  await follows("price", ({ state }) => state === "running")
  assert.deepEqual(await grow(), all)
  lamed("ship", "headline", "red")
  lamed("ship", "price", "new")
  await follows("headline", ({ state }) => state === "shipped")
  await follows("price", ({ state }) => state === "shipped")
  await ends("red", "new")
  lamed("archive", "headline")
  lamed("archive", "price")
  await ends("red", "new")
  // Another run: all take part anew, once. The events of the old run that a browser still has count nothing.
  lamed("restart", "headline")
  await follows("headline", ({ wire }) => wire === "headline #2")
  await look()
  await look()
  const anew = await counts("headline #2")
  assert.equal(anew.blue + anew.red, VISITORS)
  assert.deepEqual(await counts("headline #2", "bought"), anew)
  assert.deepEqual(await counts("headline"), before[0])

  people.forEach(({ someone, end }) => {
    assert.deepEqual(someone.errors, [])
    end()
  })
})
