// Writes fixtures/assignment/vectors.json: what the real AlephBet 0.27.0 assigns, and with which idempotency keys. The
// names, weights and samples are random, from a fixed seed. Drawn numbers are texts, as some readers of JSON round.
//
//   LAMED_TEST_TOOLS=… node tests/browser/vectors.mjs          writes the file
//   LAMED_TEST_TOOLS=… node tests/browser/vectors.mjs --check  fails if it would be another

import { readFileSync, writeFileSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { runInNewContext } from "node:vm"

const CASES = 3000
const file = new URL("../../fixtures/assignment/vectors.json", import.meta.url)
const source = readFileSync(join(process.env.LAMED_TEST_TOOLS, "node_modules/alephbet/dist/alephbet.min.js"), "utf8")

// mulberry32
let state = 20261129
function random() {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const upTo = most => Math.floor(random() * (most + 1))
const from = list => list[upTo(list.length - 1)]

// The drawn numbers of a visitor without an id are injected, as AlephBet takes them from Math.random.
const draws = []
const math = Object.fromEntries(Object.getOwnPropertyNames(Math).map(name => [name, Math[name]]))
math.random = () => draws.shift()
const window = { Math: math, console, setTimeout, crypto, fetch: () => Promise.resolve({ status: 500 }) }
window.window = window.self = window.global = window
runInNewContext(source, window)
const { AlephBet } = window

const ALPHABETS = ["abcdefghijklmnopqrstuvwxyz", "0123456789", "abc XYZ_-.:#/%+&?='\"<>\\", "äöüßéñ", "אבגדה", "日本語漢字", "🦀🎉😀👩‍💻", "\u0001\t\n\u007f\u2028"]
const text = most => Array.from({ length: 1 + upTo(most) }, () => from([...from(ALPHABETS)])).join("")
const name = () => random() < 0.25 ? String(from([0, 1, 2, 7, 10, 42, 99, 2147483648, 4294967294, 4294967295, 4294967296])) : random() < 0.05 ? from(["01", "-1", "1.5", "1e3", " 1", "1 "]) : text(12)
const numbers = () => from([0, 1 - 2 ** -53, 0.5, 1 / 3, random(), random(), random(), random()])

const cases = []
while (cases.length < CASES) {
  const declared = [...new Set(Array.from({ length: 2 + upTo(from([1, 1, 3, 8])) }, name))].filter(label => label !== "__proto__")
  if (declared.length < 2) continue
  const isWeighted = random() < 0.6
  const weights = isWeighted ? declared.map(() => from([0, 1, 1, 10, 50, upTo(100), upTo(100000)])) : null
  if (weights && !weights.some(weight => weight)) continue
  const experiment = text(20), namespace = from(["alephbet", text(8)]), event = from(["participate", "button clicked", text(10)])
  const user = random() < 0.7 ? from([String(upTo(1e6)), `user-${upTo(1e6)}`, text(16)]) : null
  const sample = from([1, 1, 1, 0.5, 0.1, Math.round(random() * 1000) / 1000])
  const [sampleDraw, variantDraw] = [numbers(), numbers()]
  draws.splice(0, draws.length, ...(user ? [] : [sampleDraw, variantDraw]))

  const kept = {}, sent = []
  const adapter = new AlephBet.AlephbetAdapter("http://localhost/track", namespace, { get: key => kept[key], set: (key, value) => (kept[key] = value) })
  const track = adapter._track
  adapter._track = function (...given) {
    if (user) sent.push(this._user_uuid(given[0], given[2]))
    return track.apply(this, given)
  }
  const storage = {}
  const variants = {}
  declared.forEach((label, i) => { variants[label] = { activate() {}, ...(weights && { weight: weights[i] }) } })
  const running = new AlephBet.Experiment({
    name: experiment, variants, user_id: user, sample, tracking_adapter: adapter,
    storage_adapter: { get: key => storage[key], set: (key, value) => (storage[key] = value) },
  })
  const isIn = storage[`${experiment}:in_sample`]
  // AlephBet's own key of a goal, whether this user is in the sample or not.
  const key = user ? adapter._user_uuid({ name: experiment, user_id: user }, { name: event, unique: true }) : undefined
  if (user && isIn && sent[0] !== adapter._user_uuid({ name: experiment, user_id: user }, { name: "participate", unique: true })) throw new Error("another key")
  cases.push({
    namespace, experiment, event, declared,
    // AlephBet's order, where it is not the one they are declared in.
    ...(running.variant_names.join("\n") !== declared.join("\n") && { order: running.variant_names }), ...(weights && { weights }), sample,
    ...(user ? { user, key } : { draws: [sampleDraw, variantDraw].map(String) }),
    in_sample: isIn,
    // A user's is known outside the sample, too.
    variant: user ? running.pick_variant() ?? null : isIn ? storage[`${experiment}:variant`] ?? null : null,
  })
}

const json = `[\n${cases.map(line => JSON.stringify(line)).join(",\n")}\n]\n`
if (process.argv[2] === "--check") {
  if (readFileSync(file, "utf8") !== json) throw new Error("fixtures/assignment/vectors.json is not what this script writes")
} else {
  mkdirSync(new URL(".", file), { recursive: true })
  writeFileSync(file, json)
}
const users = cases.filter(({ user }) => user).length
console.log(`${cases.length} cases: ${users} with a user id, ${cases.length - users} with drawn numbers`)
process.exit()
