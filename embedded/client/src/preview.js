// `?lamed.<experiment>=<variant>` shows a variant in this tab, `?lamed=off` keeps this browser out of the counts.

import { experiments, find, hasVariant, root, track, warn } from "./options.js"
import { attempt, get, put, remove } from "./state.js"

const OFF = "lamed-off"

/** Whether this browser or tab is kept out of the counts. */
export let isHidden

// A draft is in no page's script: it is asked for by name. This blocks the page, which only its author waits for.
// What is declared already stands before it.
const fetchDraft = (name) => {
  const request = new XMLHttpRequest()
  request.open("GET", `${track}/../lamed.js?json&preview=` + encodeURIComponent(name), false)
  request.send()
  experiments.push(...JSON.parse(request.responseText).experiments)
}

export const startPreview = () => {
  const { search } = location
  const shown = []
  let kept
  attempt(() => {
    if (search.includes("lamed.")) sessionStorage.setItem(OFF, search)
    else kept = sessionStorage.getItem(OFF)
  })
  new URLSearchParams(kept + "&" + search.slice(1)).forEach((variant, key) => {
    const name = key.slice(6)
    if (key === "lamed") variant === "off" ? put(OFF, variant) : remove(OFF)
    if (!key.startsWith("lamed.")) return
    attempt(fetchDraft, name)
    const experiment = find(name)
    if (experiment && hasVariant(experiment, variant)) experiment.forced = variant
    shown.push(name + "=" + variant)
  })
  if (shown[0]) root.dataset.lamedPreview = shown
  isHidden = shown[0] || get(OFF)
  if (isHidden) warn("not counted:", isHidden)
}
