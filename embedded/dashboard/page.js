// The page: follows the address, loads what it lacks, shows it.

// The other tabs with this dashboard: what is deleted in one is gone in all.
const tabs = snapshot ? null : new BroadcastChannel("lamed");
const page = { state: readState(), list: null, detail: null, listKey: null, detailKey: null, shownAs: null, loading: null, draw: null };

const now = () => (snapshot ? Date.parse(snapshot.taken) : Date.now());
const listKeyOf = ({ namespace }) => namespace;
const detailKeyOf = ({ namespace, experiment, control }) => JSON.stringify([namespace, experiment, control]);
// What is drawn: of an experiment also on which scale.
const viewOf = (state) => (state.experiment === null ? listKeyOf(state) : JSON.stringify([detailKeyOf(state), state.scale]));
const without = { experiment: null, control: null };

function go(changes) {
  hasWaited = false;
  history.pushState(null, "", addressOf({ ...readState(), ...changes }));
  return follow();
}

// Shows what the address says; with `anew`, asks for what is already there.
async function follow({ anew = false } = {}) {
  page.state = readState();
  if (!snapshot && !session) return showSignIn();
  page.loading?.abort();
  const loading = page.loading = new AbortController();
  const slow = setTimeout(showLoading, 120);
  let fresh = true;
  try {
    fresh = await loadMissing(anew, loading.signal);
    if (loading.signal.aborted) return;
    show();
  } catch (error) {
    if (loading.signal.aborted || error.name === "AbortError") return;
    showFailure(error);
  } finally {
    clearTimeout(slow);
    if (page.loading === loading) {
      page.loading = null;
      byId("main").removeAttribute("aria-busy");
      byId("refresh").removeAttribute("aria-disabled");
      // What is there already is shown at once, and looked at again.
      again(!fresh ? 0 : isWaiting() ? PAUSE.waiting : PAUSE.first);
    }
  }
}

// Whether it has asked for something.
async function loadMissing(anew, signal) {
  const { experiment } = page.state;
  const needsList = anew || page.listKey !== listKeyOf(page.state);
  const needsDetail = experiment !== null && (anew || page.detailKey !== detailKeyOf(page.state));
  const asked = needsDetail ? fetchExperiment(page.state, signal) : null;
  asked?.catch(() => { /* awaited below */ });
  if (needsList) await loadList(signal);
  if (asked) {
    const detail = await asked;
    signal.throwIfAborted();
    Object.assign(page, { detail, detailKey: detailKeyOf(page.state), shownAs: null });
  }
  if (needsList || needsDetail) updated();
  if (needsDetail) hear(`Showing ${visibleText(page.detail.name)}. `);
  return needsList || needsDetail;
}

async function loadList(signal) {
  const list = await fetchExperiments(page.state.namespace, signal);
  signal.throwIfAborted();
  Object.assign(page, { list, listKey: listKeyOf(page.state), shownAs: null });
}

// Asks whether anything has changed, and shows it if so. Who reads a dialog or selects text is not disturbed.
async function look() {
  const idle = { changed: false, waits: isWaiting() };
  if (snapshot || !session || page.loading || document.querySelector("dialog[open], .menu[open]") || selects()) return idle;
  const loading = page.loading = new AbortController();
  try {
    const { experiment } = page.state;
    if (!page.list || (experiment !== null && !page.detail)) {
      await loadMissing(true, loading.signal);
      show();
      return { changed: true, waits: isWaiting() };
    }
    const before = JSON.stringify(experiment === null ? page.list : page.detail);
    const data = experiment === null ? await fetchExperiments(page.state.namespace, loading.signal) : await fetchExperiment(page.state, loading.signal);
    if (loading.signal.aborted) return idle;
    const changed = JSON.stringify(data) !== before;
    if (changed) Object.assign(page, experiment === null ? { list: data, listKey: listKeyOf(page.state) } : { detail: data, detailKey: detailKeyOf(page.state) });
    if (changed || byId("failure")) page.shownAs = null;
    updated();
    show();
    return { changed, waits: isWaiting() };
  } catch (error) {
    if (!loading.signal.aborted && error.name !== "AbortError") showFailure(error);
    return idle;
  } finally {
    if (page.loading === loading) page.loading = null;
  }
}

const isWaiting = () => byId("signal") !== null && byId("signal").dataset.arrived === undefined;

// Whether somebody is about to copy something.
function selects() {
  const selection = getSelection();
  return !selection.isCollapsed && byId("main").contains(selection.anchorNode);
}

const hear = (text) => { byId("heard").textContent = text; };

function updated() {
  byId("status").replaceChildren(...snapshot
    ? [`Saved ${momentFormat.format(now())} UTC`]
    : [el("span", { class: "live" }, el("span", { class: "dot-of", "aria-hidden": "true" }), `Live, updated ${clockFormat.format(now())} UTC`), el("span", { class: "printed" }, `${momentFormat.format(now())} UTC`)]);
}

function put(view, title, content) {
  document.body.dataset.view = view;
  document.title = title === null ? "lamed" : `${visibleText(title)} · lamed`;
  keepingPlace(() => byId("main").replaceChildren(...content));
}

function show() {
  const { list, detail, state } = page;
  if (page.shownAs === viewOf(state)) return;
  page.shownAs = viewOf(state);
  byId("namespace").value = list.namespace;
  byId("api").replaceChildren(...(list.api ? ["API ", el("span", { class: "address" }, list.api)] : []));
  if (state.experiment === null) {
    const { content, draw } = startView(list, state, { change, choose, waiting: (waits) => waitingBox(list, waits), now: now() });
    page.draw = draw;
    return put("list", null, content);
  }
  const line = list.experiments.find((one) => one.experiment === state.experiment);
  const remove = snapshot ? null : () => askToRemove({ detail, namespace: list.namespace }, removed);
  const foreign = list.namespace !== list.default_namespace;
  put("experiment", detail.name, experimentView(detail, {
    state, scale: state.scale, archived: line?.hidden || foreign, remove, go, back, waiting: (waits) => waitingBox(list, waits, { title: "h2", experiment: detail.name }), pairs: (goal) => fetchPairs(state, goal),
  }));
}

// The list with another search, filter or order. What is typed into stays as it is.
function change(changes) {
  history.replaceState(null, "", addressOf({ ...readState(), ...changes }));
  page.state = readState();
  if (Object.keys(changes).join() === "search" || Object.keys(changes).join() === "sort") return page.draw(page.state);
  page.shownAs = null;
  show();
}

const notice = (title, ...content) => el("section", { class: "notice" }, el("h1", { tabindex: -1 }, title), content);

// What is shown stays while it is asked for again; for something else there is a frame to fill.
function showLoading() {
  byId("main").setAttribute("aria-busy", "true");
  const { experiment } = page.state;
  if (byId("main").hasChildNodes() && page.shownAs === viewOf(page.state)) return;
  page.shownAs = null;
  const lines = ["line tall", "line", "line", "line short"].map((name) => el("div", { class: name }));
  const title = el("h1", { tabindex: -1, "data-key": "title" }, experiment === null ? "Loading…" : named(experiment));
  put(experiment === null ? "list" : "experiment", experiment, [el("div", { class: "skeleton", id: "loading" }, title, onlyHeard("Loading"), lines)]);
}

function showFailure(error) {
  if (error.status === 401) return signOut();
  const retry = el("button", { type: "button", class: "primary", "data-key": "retry", click: () => follow({ anew: true }) }, "Try again");
  const missing = error.status === 404 && page.state.experiment !== null;
  const isShown = !missing && page.shownAs === viewOf(page.state) && byId("main").hasChildNodes();
  // What is said already is not said again at each look.
  if (byId("failure")?.dataset.message === error.message && byId("failure").dataset.at === location.hash) return;
  byId("failure")?.remove();
  if (isShown) {
    byId("status").replaceChildren("Not live");
    const text = el("p", {}, el("strong", {}, "Cannot refresh. "), visible(error.message), ". The figures below are from the last refresh.");
    return byId("main").prepend(el("section", { class: "banner", id: "failure", role: "alert", "data-message": error.message, "data-at": location.hash }, mark("alarm"), el("div", {}, text, retry)));
  }
  const other = el("button", { type: "button", "data-key": "all", click: () => go(without) }, "Show all experiments");
  Object.assign(page, { detail: null, detailKey: null, shownAs: null });
  // The list is as old as what led here.
  page.listKey = null;
  const box = notice(missing ? "Not found" : "Cannot load the results", el("p", { role: "alert" }, visible(error.message)), el("div", { class: "actions" }, missing ? other : retry));
  box.id = "failure";
  Object.assign(box.dataset, { message: error.message, at: location.hash });
  put("experiment", null, [box]);
}

function signOut() {
  setSession(null);
  showSignIn("The session has ended. Sign in again.");
}

function showSignIn(message = "") {
  page.loading?.abort();
  stopLive();
  document.body.dataset.signedOut = "";
  Object.assign(page, { list: null, detail: null, listKey: null, detailKey: null, shownAs: null, loading: null });
  byId("main").replaceChildren(byId("sign-in").content.cloneNode(true));
  byId("sign-in-error").textContent = message;
  byId("sign-in-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await signIn(byId("key").value);
      delete document.body.dataset.signedOut;
      byId("main").focus();
      await follow();
    } catch (error) {
      byId("sign-in-error").textContent = error.message;
      byId("key").select();
    }
  });
  byId("key").focus();
}

async function choose(experiment) {
  await go({ experiment, control: null });
  scrollTo(0, 0);
  byId("title")?.focus({ preventScroll: true });
}

// The list may be older than what was looked at.
async function back() {
  const from = page.state.experiment;
  await go(without);
  const link = links().find((one) => one.dataset.experiment === from);
  if (!link) return byId("start-title")?.focus();
  for (const one of links()) one.tabIndex = one === link ? 0 : -1;
  link.focus();
}

async function removed({ experiment, goal, variant }, deleted, error) {
  if (error) return showFailure(error);
  tabs?.postMessage("deleted");
  // In place of what is gone, so that nothing leads back to it.
  if (goal === undefined && variant === undefined) history.replaceState(null, "", addressOf({ ...page.state, ...without }));
  else if (variant === page.state.control) history.replaceState(null, "", addressOf({ ...page.state, control: null }));
  await follow({ anew: true });
  const remembered = goal === undefined ? ". Browsers remember their variant: only their conversions still count" : "";
  hear(`Deleted ${visibleText(goal ?? variant ?? experiment)}: ${plural(deleted, "counter")}${remembered}`);
  if (document.activeElement === document.body) byId("main").querySelector("h1")?.focus();
}

function refresh() {
  if (snapshot || !session || byId("refresh").hasAttribute("aria-disabled")) return;
  byId("refresh").setAttribute("aria-disabled", "true");
  follow({ anew: true }).then(() => hear("Updated"));
}

async function shortcut(event) {
  const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), select, textarea, dialog");
  if (!byId("shortcuts").checked || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "r") refresh();
  if (event.key !== "/") return;
  event.preventDefault();
  if (page.state.experiment !== null) await go(without);
  byId("search")?.focus();
}

byId("refresh").addEventListener("click", refresh);
byId("brand").addEventListener("click", (event) => { event.preventDefault(); if (session || snapshot) go(without); });
byId("switch-namespace").addEventListener("submit", (event) => {
  event.preventDefault();
  const namespace = byId("namespace").value.trim();
  go({ namespace: namespace === page.list?.default_namespace ? "" : namespace, ...without });
});
// The address of the skip link would replace the state.
byId("skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
byId("shortcuts").checked = stored("localStorage", "lamed-shortcuts") !== "off";
byId("shortcuts").addEventListener("change", (event) => stored("localStorage", "lamed-shortcuts", event.target.checked ? null : "off"));
byId("main").addEventListener("keydown", (event) => { if (event.target.id === "search" && event.key === "ArrowDown") moveInList(event); });
document.addEventListener("keydown", shortcut);
tabs?.addEventListener("message", () => session && follow({ anew: true }));
addEventListener("hashchange", () => { session = takeSession() ?? session; delete document.body.dataset.signedOut; hasWaited = false; follow(); });
// On paper all days and participants are there.
addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details[data-part=days], details[data-part=participants]")) part.open = true; });

if (snapshot) document.body.dataset.snapshot = "";
follow().then(() => startLive(look));
