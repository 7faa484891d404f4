// Whether this page may remember, send, and decide by chance.

import { options } from "./options.js"
import { isHidden } from "./preview.js"
import { PREFIX, erase, get, put } from "./state.js"

const CONSENT = PREFIX + "consent"
const isObjected = options.gpc && navigator.globalPrivacyControl
let isTaken

export const isAllowed = () => !(isHidden || isObjected || isTaken || (options.consent && !get(CONSENT)))

export const setConsent = (given) => {
  isTaken = !given
  if (isTaken) erase()
  else if (!isObjected) put(CONSENT, 1)
}
