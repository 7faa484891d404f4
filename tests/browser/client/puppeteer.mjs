// Chromium, and Firefox by WebDriver BiDi.

import { createRequire } from "node:module"
import { join } from "node:path"
import { chromium, onPath } from "./programs.mjs"

const puppeteer = createRequire(join(process.env.LAMED_TEST_TOOLS, "node_modules/"))("puppeteer-core")

const settings = {
  chromium: () => ({
    executablePath: chromium(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--enable-features=BackForwardCache"],
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  }),
  firefox: () => ({
    browser: "firefox",
    executablePath: onPath("firefox-esr", "firefox"),
    extraPrefsFirefox: { "dom.disable_open_during_load": false, "dom.popup_maximum": -1 },
  }),
}

export async function launch(name) {
  // Who listens to Ctrl-C still needs the browser then.
  const handleSIGINT = !process.listenerCount("SIGINT")
  const browser = await puppeteer.launch({ headless: true, protocolTimeout: 600000, handleSIGINT, ...settings[name]() })
  return {
    close: () => browser.close(),
    async context(said, errors) {
      const context = await browser.createBrowserContext()
      return {
        close: () => context.close(),
        async tab() {
          const page = await context.newPage()
          page.on("console", message => said.push(`${message.type()}: ${message.text()}`))
          page.on("pageerror", error => errors.push(String(error)))
          page.setDefaultTimeout(30000)
          return page
        },
        async block(page, end) {
          await page.setRequestInterception(true)
          page.on("request", request => request.url().endsWith(end) ? request.abort("blockedbyclient") : request.continue())
        },
      }
    },
  }
}
