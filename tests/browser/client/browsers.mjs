// Starts a browser by puppeteer: Chromium, or with LAMED_BROWSER=firefox Firefox by WebDriver BiDi.

import { spawn } from "node:child_process"
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { after } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { server } from "./server.mjs"

const { LAMED_BROWSER, LAMED_TEST_TOOLS, PATH } = process.env
const puppeteer = createRequire(join(LAMED_TEST_TOOLS, "node_modules/"))("puppeteer-core")

export const isFirefox = LAMED_BROWSER === "firefox"
export const alephbet = join(LAMED_TEST_TOOLS, "node_modules/alephbet/dist/alephbet.min.js")

function onPath(...names) {
  for (const name of names) {
    for (const folder of PATH.split(delimiter)) {
      const file = join(folder, name)
      try {
        accessSync(file, constants.X_OK)
        return file
      } catch {}
    }
  }
  throw new Error(`none of ${names.join(", ")} is on the PATH`)
}

const chromium = () => onPath("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")

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

export const browser = await puppeteer.launch(isFirefox
  ? { browser: "firefox", executablePath: onPath("firefox-esr", "firefox"), headless: true, protocolTimeout: 600000, extraPrefsFirefox: { "dom.disable_open_during_load": false, "dom.popup_maximum": -1 } }
  : {
    executablePath: chromium(),
    protocolTimeout: 600000,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--enable-features=BackForwardCache"],
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  })

after(async () => {
  await browser.close()
  server.close()
})

/** A visitor: a browser with nothing remembered, whose console and exceptions are kept. */
export async function visitor(use) {
  const context = await browser.createBrowserContext()
  const said = []
  const errors = []
  const self = {
    context,
    said,
    errors,
    /** Opens a tab. */
    async tab() {
      const page = await context.newPage()
      page.on("console", message => said.push(`${message.type()}: ${message.text()}`))
      page.on("pageerror", error => errors.push(String(error)))
      page.setDefaultTimeout(10000)
      return page
    },
    /** Opens a page in a tab and does something there. */
    async visit(url, act = () => {}, settle = true) {
      const page = await self.tab()
      try {
        await page.goto(url)
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
  .filter(([key]) => key.startsWith("lamed:")).map(([, text]) => JSON.parse(text)).filter(item => item.event))

/** Waits until a page has decided all that it was asked, and delivered all. */
export async function delivered(page, patience = 10000) {
  let calm = 0
  for (const end = Date.now() + patience; calm < 2; await sleep(10)) {
    const left = await waiting(page)
    const isDecided = await page.evaluate(async () => (await navigator.locks.query()).pending.length === 0)
    calm = isDecided && !left.length ? calm + 1 : 0
    if (Date.now() > end) throw new Error(`not delivered: ${JSON.stringify(left)}`)
  }
}
