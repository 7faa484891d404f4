// The browser of a run: Chromium, or what LAMED_BROWSER says. Visitors, tabs and what the tests ask of them are the same
// in each: puppeteer drives Chromium, and Firefox by WebDriver BiDi; webkit.mjs drives WebKitGTK.

import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { chromium } from "./programs.mjs"
import { server, until } from "./server.mjs"

const { LAMED_BROWSER = "chromium", LAMED_TEST_TOOLS } = process.env

export const alephbet = join(LAMED_TEST_TOOLS, "node_modules/alephbet/dist/alephbet.min.js")

/** What a browser or its driver cannot do: the reason to skip a test, or false. */
export const lacks = {
  chromium: {},
  firefox: {
    cdp: "frames come by CDP",
    keeping: "driven by BiDi, Firefox keeps no page",
    prerendering: "Firefox prerenders nothing",
    early: "the driver waits until a page is read",
  },
  webkit: {
    cdp: "frames come by CDP",
    keeping: "driven by WebDriver, WebKitGTK keeps no page",
    prerendering: "WebKitGTK prerenders nothing",
    early: "the driver waits until a page is read",
  },
}[LAMED_BROWSER]

/** Opens a page in a Chromium that nobody debugs: a debugged one prerenders nothing. */
export async function undebugged(url, use) {
  const folder = mkdtempSync(join(tmpdir(), "lamed-"))
  const child = spawn(chromium(), ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", `--user-data-dir=${folder}`, url], { stdio: "ignore", detached: true })
  const gone = new Promise(gone => child.once("exit", gone))
  try {
    return await use()
  } finally {
    process.kill(-child.pid, "SIGKILL")
    await gone
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

const { launch } = await import(LAMED_BROWSER === "webkit" ? "./webkit.mjs" : "./puppeteer.mjs")
export const browser = await launch(LAMED_BROWSER)

after(async () => {
  await browser.close()
  server.close()
})

/** A visitor: a browser with nothing remembered, whose console and exceptions are kept. */
export async function visitor(use) {
  const said = []
  const errors = []
  const context = await browser.context(said, errors)
  const self = {
    said,
    errors,
    /** Opens a tab; one that `opens` others. */
    tab: kind => context.tab(kind),
    /** Lets no request to an address with this end out of a tab. */
    block: (page, end) => context.block(page, end),
    /** Opens a page in a tab and does something there. */
    async visit(url, act = () => {}, settle = true) {
      const page = await self.tab()
      try {
        await page.goto(url)
        await decided(page)
        const given = await act(page)
        if (settle) await delivered(page)
        return given
      } finally {
        await page.close()
      }
    },
  }
  try {
    return await use(self)
  } finally {
    await context.close()
  }
}

/** The events that wait in a page's storage. */
export const waiting = page => page.evaluate(() => Object.entries(localStorage)
  .filter(([key]) => key.startsWith("lamed:"))
  .map(([, text]) => { try { return JSON.parse(text) } catch { return null } })
  .filter(item => item?.event?.event))

// What a page asked for and the script has not done yet is kept below this prefix.
const isDecided = page => page.evaluate(() => {
  try { return !Object.keys(localStorage).some(key => key.startsWith("lamed:?")) } catch { return true }
})

/** Waits until a page has decided all that it was asked. */
export const decided = page => until("decided", () => isDecided(page))

/** Waits until a page has decided all that it was asked, and delivered all. */
export async function delivered(page, patience = 30000) {
  let calm = 0
  for (const end = Date.now() + patience; calm < 2; await sleep(10)) {
    const left = await waiting(page)
    calm = await isDecided(page) && !left.length ? calm + 1 : 0
    if (Date.now() > end) throw new Error(`not delivered: ${JSON.stringify(left)}`)
  }
}
