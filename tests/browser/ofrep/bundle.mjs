// Prints one script with the OpenFeature SDK for pages and its OFREP provider, as globals.

import { createRequire } from "node:module"
import { join } from "node:path"

const tools = process.env.LAMED_TEST_TOOLS
const esbuild = createRequire(join(tools, "node_modules/"))("esbuild")
const { outputFiles } = await esbuild.build({
  stdin: {
    contents: `
      import { OpenFeature } from "@openfeature/web-sdk"
      import { OFREPWebProvider } from "@openfeature/ofrep-web-provider"
      Object.assign(window, { OpenFeature, OFREPWebProvider })`,
    resolveDir: tools,
  },
  bundle: true,
  format: "iife",
  platform: "browser",
  minify: true,
  write: false,
})
process.stdout.write(outputFiles[0].text.replaceAll("</script", "<\\/script"))
