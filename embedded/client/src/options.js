// What the server and the page's tag say.

// The server puts JSON in the place of this name (README.md).
/* global __LAMED_CONFIG__ */
export const config = __LAMED_CONFIG__

/** The declared experiments; a preview adds drafts. */
export const { experiments } = config

export const root = document.documentElement

// A module has no tag: the attributes are those of `<html>`.
const script = document.currentScript || root

/** The attributes `data-…` of the tag and, where it has none, of `<html>`. */
export const options = { ...root.dataset, ...script.dataset }

// A script in the page itself has no address: it needs `data-track`.
export const track = options.track || new URL("track", script.src || import.meta.url || location)

/** What changes while the page is there: */
export const page = {
  /** who is signed in, if anybody is; */
  user: options.user,
  /** whether the visitor has seen the control for a while: another variant now would be a change before their eyes. */
  isLate: script.async && performance.now() > 1e3,
}

/** Tells the page's author. */
export const warn = (...words) => console.warn("lamed:", ...words)

/** Calls a function. An exception goes to the console and stops nothing else. */
export const guarded = (act, ...given) => {
  try {
    return act(...given)
  } catch (error) {
    warn(error)
  }
}

/** Listens to events, guarded. */
export const listen = (types, act, target = window) =>
  types.split(" ").forEach(type => target.addEventListener(type, event => guarded(act, event), true))

const said = {}

/** Whether a name is among the declared ones. Says once that it is not, and which are. */
export const isDeclared = (kind, name, declared) => {
  if (declared.includes(name)) return true
  const text = `no ${kind} "${name}" in: ${declared.join(", ")}`
  said[text] = said[text] || !warn(text)
}

/** The declared experiment of a name; the console hears of one that is not. */
export const find = name =>
  isDeclared("experiment", name, experiments.map(known => known.name)) && experiments.find(known => known.name === name)

/** The names of an experiment's variants. */
export const namesOf = ({ variants }) => variants.map(([name]) => name)

/** Whether an experiment has a variant; the console hears of one that it has not. */
export const hasVariant = (experiment, variant) => isDeclared("variant", variant, namesOf(experiment))
