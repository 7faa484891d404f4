// What `lamed.js` and AlephBet itself give users. In: {"config": what /lamed.js?json answers, "users": [ids]}. Out: for each
// experiment of the config, a list of [variant of lamed.js or null, its idempotency key of `participate`, variant of
// AlephBet or null], one for each user.

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { runInNewContext } from "node:vm"
import { draw, hash, isDrawn, pick } from "../../../embedded/client/src/assignment.js"

const { LAMED_TEST_TOOLS: tools } = process.env
const window = { Math, console, setTimeout, crypto, fetch: () => Promise.resolve({ status: 500 }) }
window.window = window.self = window.global = window
runInNewContext(readFileSync(join(tools, "node_modules/alephbet/dist/alephbet.min.js"), "utf8"), window)
const { AlephBet } = window

function ofAlephBet({ wire, variants, sample }, user) {
  const kept = {}
  new AlephBet.Experiment({
    name: wire,
    variants: Object.fromEntries(variants.map(([label, weight]) => [label, { activate() {}, weight }])),
    user_id: user,
    sample,
    tracking_adapter: { experiment_start() {}, goal_complete() {} },
    storage_adapter: { get: key => kept[key], set: (key, value) => (kept[key] = value) },
  })
  return kept[`${wire}:in_sample`] ? kept[`${wire}:variant`] : null
}

const { config, users } = JSON.parse(readFileSync(0))
const given = config.experiments.map(experiment => [experiment.name, users.map(user => [
  isDrawn(experiment, user) ? pick(draw(experiment.wire, "variant", user), experiment.variants) : null,
  hash(config.namespace, experiment.wire, "participate", user),
  ofAlephBet(experiment, user),
])])
process.stdout.write(JSON.stringify(Object.fromEntries(given)))
