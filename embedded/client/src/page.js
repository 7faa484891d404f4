// What a page shows: elements with data-lamed, the code of `run`, and nothing before it is decided.

import { experiments, find, guarded, hasVariant, listen, page, root, warn } from "./options.js"
import { ask, isOpen, record } from "./participation.js"
import { inTurn } from "./state.js"



// --- hiding ---

let awaited

/** Hides a page that has not been seen until what it may ask for is there (also what is shipped), or it has been read. */
export const hide = () => {
  awaited = new Set(document.body ? [] : experiments.filter(one => isOpen(one) || one.state === "shipped"))
  // By CSSOM: a policy that forbids inline styles does not forbid that.
  if (awaited.size) root.style.opacity = 0
  // A page that takes longer shows the control of what is not decided, as everybody has seen it by then.
  setTimeout(() => {
    page.isLate |= awaited.size
    reveal()
  }, 3e3)
}

/** An experiment has what it waits for: shows the page with the last. Without one: at once. */
export const reveal = (experiment) => {
  if (!awaited.size) return
  if (experiment) awaited.delete(experiment)
  else awaited.clear()
  if (!awaited.size) root.style.opacity = ""
}

// --- elements and code ---

// What each element and each call of `run` was last shown for.
const last = new WeakMap()
const runs = []

const show = (what, experiment, act) => {
  ask(experiment, variant => {
    if (last.get(what) !== variant) {
      last.set(what, variant)
      act(variant)
    }
    reveal(experiment)
  })
}

const showElement = (element) => {
  const { lamed, lamedVariant } = element.dataset
  const experiment = find(lamed)
  if (experiment && hasVariant(experiment, lamedVariant))
    show(element, experiment, variant => { element.hidden = variant !== lamedVariant })
}

export const run = (name, variants = {}) => {
  const experiment = find(name)
  if (!experiment) return
  const code = new Map(Object.entries(variants))
  code.forEach((_, variant) => hasVariant(experiment, variant))
  const act = async variant => {
    try {
      if (code.has(variant)) await code.get(variant)(variant)
    } catch (error) {
      warn(name, variant, error)
      record(experiment, "$error")
    }
  }
  const start = () => show(code, experiment, act)
  const begin = () => runs.push(start) && start()
  // In <head> there is nothing to change yet.
  if (document.body) return begin()
  ask(experiment, () => {})
  listen("DOMContentLoaded", begin)
}

const showElements = () => document.querySelectorAll("[data-lamed]").forEach(showElement)

/** Looks at everything again. */
export const look = () => {
  showElements()
  runs.forEach(start => start())
}

/** Looks at what comes, and at everything when the path is another. */
export const watch = () => {
  let path = location.pathname
  const lookAround = () => {
    const before = path
    path = location.pathname
    if (before === path) return showElements()
    page.isLate = false
    look()
  }
  new MutationObserver(() => guarded(lookAround)).observe(document, { childList: true, subtree: true })
  listen("currententrychange popstate", lookAround, window.navigation)
  showElements()
  listen("DOMContentLoaded", () => inTurn(() => reveal()))
}
