// The client's assignment is AlephBet's, by the vectors that AlephBet itself made.

import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import test from "node:test"
import { draw, hash, isDrawn, pick } from "../../../embedded/client/src/assignment.js"

const vectors = JSON.parse(readFileSync(new URL("../../../fixtures/assignment/vectors.json", import.meta.url)))

test("variants, samples and keys are AlephBet's", () => {
  assert.ok(vectors.length >= 3000)
  const seen = { integers: 0, outside: 0, unweighted: 0 }
  for (const vector of vectors) {
    const { namespace, experiment, event, declared, order = declared, weights, sample, user, draws } = vector
    assert.deepEqual(Object.keys(Object.fromEntries(declared.map(name => [name, 1]))), order)
    const variants = order.map(name => weights ? [name, weights[declared.indexOf(name)]] : [name])
    const [sampleDraw, variantDraw] = draws?.map(Number) ?? [draw(experiment, "sample", user), draw(experiment, "variant", user)]
    assert.equal(sampleDraw <= sample, vector.in_sample, JSON.stringify(vector))
    if (user) assert.equal(isDrawn({ sample, wire: experiment }, user), vector.in_sample)
    if (user || vector.in_sample) assert.equal(pick(variantDraw, variants) ?? null, vector.variant, JSON.stringify(vector))
    if (user) assert.equal(hash(namespace, experiment, event, user), vector.key)
    seen.integers += order.join() !== declared.join()
    seen.outside += !vector.in_sample
    seen.unweighted += !weights
  }
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 300, `${kind}: ${count}`)
})

test("SHA-1 is right for texts of all lengths", () => {
  for (let length = 0; length < 300; length++) {
    for (const text of ["x".repeat(length), "é🦀".repeat(length)]) {
      assert.equal(hash(text), createHash("sha1").update(text).digest("hex"))
    }
  }
  assert.equal(hash("a", "b.c"), hash("a.b", "c"))
})

test("visitors spread over variants, samples and the ranges of a group", () => {
  const count = { red: 0, sample: 0, first: 0, second: 0 }
  for (let i = 0; i < 20000; i++) {
    const unit = `"${i}-${i * 7}"`
    if (pick(draw("e", "variant", unit), [["blue", 90], ["red", 10]]) === "red") count.red++
    if (isDrawn({ sample: 0.1, wire: "e" }, unit)) count.sample++
    const [first, second] = [[0, 0.3], [0.3, 1]].map(([from, to]) => isDrawn({ sample: 1, wire: "e", group: { name: "g", from, to } }, unit))
    assert.notEqual(first, second)
    count[first ? "first" : "second"]++
  }
  for (const [what, share] of [["red", 0.1], ["sample", 0.1], ["first", 0.3]]) {
    assert.ok(Math.abs(count[what] / 20000 - share) < 0.012, `${what}: ${count[what]}`)
  }
})
