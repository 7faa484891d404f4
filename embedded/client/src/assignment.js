// Who gets which variant: AlephBet's rules, bit for bit. Pure functions; `domain::assignment` is the same in Rust,
// and fixtures/assignment/vectors.json holds both to what AlephBet does.

// SHA-1 of the texts, joined by dots, in UTF-8: five numbers of 32 bits, which begin as FIPS 180-4 says.
const digest = (texts) => {
  const text = new TextEncoder().encode(texts.join("."))
  const length = text.length
  const bytes = new Uint8Array((length + 72) & -64)
  bytes[length] = 128
  bytes.set(text)
  const view = new DataView(bytes.buffer)
  view.setUint32(bytes.length - 4, length * 8)
  const w = []
  let state = [1732584193, -271733879, -1732584194, 271733878, -1009589776]
  for (let block = 0; block < bytes.length; block += 64) {
    // No function for the rotations: this runs before the browser has compiled anything.
    let [a, b, c, d, e, next] = state
    for (let i = 0; i < 80; i++) {
      w[i] = i < 16
        ? view.getInt32(block + i * 4)
        : ((next = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]) << 1) | (next >>> 31)
      next = ((a << 5) | (a >>> 27)) + e + w[i] + (
        i < 20 ? ((b & (c ^ d)) ^ d) + 0x5a827999
          : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
            : i < 60 ? ((b & c) | (d & (b | c))) + 0x8f1bbcdc
              : (b ^ c ^ d) + 0xca62c1d6
      )
      e = d
      d = c
      c = (b << 30) | (b >>> 2)
      b = a
      a = next | 0
    }
    state = [a, b, c, d, e].map((word, i) => (word + state[i]) | 0)
  }
  return state
}

/** The same as 40 hexadecimal digits: of what is counted, the idempotency key. */
export const hash = (...texts) => digest(texts).map(word => (word >>> 0).toString(16).padStart(8, 0)).join("")

/** A number from 0 to 1 that depends on the texts alone: the first 52 bits of their hash. */
export const draw = (...texts) => {
  const [high, low] = digest(texts)
  return ((high >>> 0) * 2 ** 20 + (low >>> 12)) / (2 ** 52 - 1)
}

/** The variant for a number from 0 to 1. `variants` are in natural order: pairs of a name and, if it has one, a weight. */
export const pick = (random, variants) => {
  let left = variants[0][1] == null
    ? Math.floor(random / (1 / variants.length)) + 1
    : Math.ceil(random * variants.reduce((sum, [, weight]) => sum + weight, 0))
  return (variants.find(([, weight = 1]) => (left -= weight) <= 0) || [])[0]
}

/** Whether a unit is in the range of an experiment's group, and in its sample. */
export const isDrawn = ({ group, sample, wire }, unit) => {
  const lot = group && draw(group.name, "group", unit)
  return (!group || (lot >= group.from && lot < group.to)) &&
    (sample === 1 || draw(wire, "sample", unit) <= sample)
}
