// What the page shows, kept in the part of the address that never leaves the browser.

const DEFAULTS = { namespace: "", experiment: null, control: null, scale: "relative", search: "", verdict: "all", state: "current", sort: "activity" };

function readState() {
  const pairs = new URLSearchParams(location.hash.slice(1));
  const state = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS)) if (pairs.has(name)) state[name] = pairs.get(name);
  if (state.scale !== "absolute") state.scale = "relative";
  return state;
}

function addressOf(state) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value !== null && value !== DEFAULTS[name]) pairs.set(name, value);
  }
  return `#${pairs}`;
}

// Browsers can be told to refuse storage; the page then works until it is reloaded.
function stored(storage, name, value) {
  try {
    if (value === undefined) return window[storage].getItem(name);
    if (value === null) window[storage].removeItem(name);
    else window[storage].setItem(name, value);
  } catch { /* not kept */ }
  return value ?? null;
}
