// How long 20 experiments take.

import { decided, delivered, visitor } from "./browsers.mjs"
import { Case, experiment } from "./server.mjs"

const names = Array.from({ length: 20 }, (_, i) => `experiment ${i}`)

/** A site with 20 experiments. Its page asks for all of them: `before` and `after` it runs these. */
export function twenty(before, after) {
  const site = new Case(names.map(name => experiment(name, { goals: Array.from({ length: 5 }, (_, i) => ({ name: `goal ${i}` })) })))
  site.page("", `<!doctype html>${site.tag()}<script>
    ${before}
    const given = ${JSON.stringify(names)}.map(name => lamed.variant(name))
    ${after}
  </script>`)
  return site
}

/** The sorted times in milliseconds, of new visitors and of those who come back. */
export async function decisions(visitors) {
  const site = twenty("const from = performance.now()", "window.took = performance.now() - from")
  const times = { new: [], returning: [] }
  await visitor(async someone => {
    const page = await someone.tab()
    for (let person = 0; person < visitors; person++) {
      for (const list of Object.values(times)) {
        await page.goto(site.url())
        await decided(page)
        list.push(await page.evaluate(() => window.took))
      }
      await delivered(page)
      await page.evaluate(() => localStorage.clear())
    }
  })
  for (const list of Object.values(times)) list.sort((a, b) => a - b)
  return times
}
