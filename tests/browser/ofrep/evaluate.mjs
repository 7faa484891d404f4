// Evaluates flags by the official OpenFeature provider for servers: JSON [[flag, user], …] in, JSON details out.

import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"

const { LAMED_TEST_TOOLS: tools, LAMED_URL: baseUrl } = process.env
const require = createRequire(join(tools, "node_modules/"))
const { OpenFeature } = require("@openfeature/server-sdk")
const { OFREPProvider } = require("@openfeature/ofrep-provider")

await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl }))
const client = OpenFeature.getClient()
const answers = []
for (const [flag, user] of JSON.parse(readFileSync(0))) {
  const context = user === null ? {} : { targetingKey: user }
  const { value, reason, variant, errorCode } = await client.getStringDetails(flag, "default", context)
  answers.push([value, reason, variant ?? null, errorCode ?? null])
}
process.stdout.write(JSON.stringify(answers))
