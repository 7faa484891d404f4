// How long 20 experiments take.

import { decided, delivered, visitor } from "./browsers.mjs"
import { Case, experiment } from "./server.mjs"

const names = Array.from({ length: 20 }, (_, i) => `experiment ${i}`)

/** The sorted times in milliseconds, of new visitors and of those who come back; goes on while it `isWorth` it. */
export async function decisions(visitors, isWorth = () => false) {
  const site = new Case(names.map(name => experiment(name, { goals: Array.from({ length: 5 }, (_, i) => ({ name: `goal ${i}` })) })))
  site.page("", `<!doctype html>${site.tag()}<script>
    const from = performance.now()
    const given = ${JSON.stringify(names)}.map(name => lamed.variant(name))
    window.took = performance.now() - from
  </script>`)
  const times = { new: [], returning: [] }
  await visitor(async someone => {
    const page = await someone.tab()
    for (let person = 0; person < visitors || isWorth(times, person); person++) {
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
