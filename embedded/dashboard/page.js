// The page: follows the address, loads what it lacks, shows it.

const wide = matchMedia("(min-width: 761px)");
// The other tabs with this dashboard: what is deleted in one is gone in all.
const tabs = snapshot ? null : new BroadcastChannel("lamed");
const page = { state: readState(), list: null, detail: null, listKey: null, detailKey: null, loading: null };

const listKeyOf = ({ namespace }) => namespace;
const detailKeyOf = ({ namespace, experiment, control }) => JSON.stringify([namespace, experiment, control]);

function go(changes, how = "pushState") {
  history[how](null, "", addressOf({ ...readState(), ...changes }));
  return follow();
}

// Shows what the address says; with `again`, asks anew for what is already there.
async function follow({ again = false } = {}) {
  const scale = page.state.scale;
  page.state = readState();
  showSearch();
  if (!snapshot && !session) return showSignIn();
  page.loading?.abort();
  const loading = page.loading = new AbortController();
  const slow = setTimeout(showLoading, 120);
  try {
    const changed = await loadMissing(again, loading.signal);
    if (loading.signal.aborted) return;
    if (changed || scale !== page.state.scale || !byId("title")) showDetail();
  } catch (error) {
    if (loading.signal.aborted || error.name === "AbortError") return;
    showFailure(error);
  } finally {
    clearTimeout(slow);
    if (page.loading === loading) {
      byId("main").removeAttribute("aria-busy");
      byId("refresh").removeAttribute("aria-disabled");
    }
  }
}

async function loadMissing(again, signal) {
  const needsList = again || page.listKey !== listKeyOf(page.state);
  const asked = page.state.experiment === null ? null : detailIfMissing(again, signal);
  asked?.catch(() => { /* awaited below */ });
  if (needsList) await loadList(signal);
  if (page.state.experiment === null && wide.matches && page.list.experiments.length) {
    const first = page.list.experiments.find((one) => !one.hidden) ?? page.list.experiments[0];
    history.replaceState(null, "", addressOf({ ...page.state, experiment: first.experiment }));
    page.state = readState();
  }
  filterList(page.state);
  let detail = null;
  try {
    if (page.state.experiment !== null) detail = await (asked ?? detailIfMissing(again, signal));
  } catch (error) {
    // Deleted elsewhere: the list is as old as what led here.
    if (error.status === 404 && !needsList) await loadList(signal);
    throw error;
  }
  signal.throwIfAborted();
  const changed = again || detail !== page.detail;
  Object.assign(page, { detail, detailKey: detail && detailKeyOf(page.state) });
  if (changed || needsList) announce(needsList || !detail ? "" : `Showing ${visibleText(detail.experiment)}. `);
  return changed;
}

async function loadList(signal) {
  const list = await fetchExperiments(page.state.namespace, signal);
  signal.throwIfAborted();
  Object.assign(page, { list, listKey: listKeyOf(page.state) });
  keepingPlace(() => showList(list, page.state, choose));
}

function detailIfMissing(again, signal) {
  return !again && page.detailKey === detailKeyOf(page.state) ? Promise.resolve(page.detail) : fetchExperiment(page.state, signal);
}

function announce(heard, seen = `Updated ${clockFormat.format(new Date())}`) {
  byId("status").replaceChildren(onlyHeard(heard), snapshot ? `Snapshot of ${momentFormat.format(Date.parse(snapshot.taken))}` : seen);
}

function show(...content) {
  const listed = page.list?.experiments.length;
  document.body.dataset.view = page.state.experiment !== null || !page.list ? "experiment" : listed ? "list" : "both";
  const name = page.state.experiment;
  document.title = name === null ? "lamed" : `${visibleText(name)} · lamed`;
  keepingPlace(() => byId("main").replaceChildren(...content));
}

function showDetail() {
  const { detail, list, state } = page;
  if (!detail) return show(list.experiments.length ? chooseOne() : nothingYet(list));
  const remove = snapshot ? null : (what) => askToRemove(what, { detail, namespace: list.namespace }, removed);
  show(...experimentView(detail, { scale: state.scale, remove, go, back, pairs: (goal) => fetchPairs(state, goal) }));
  revealCurrent();
}

const notice = (title, ...content) => el("section", { class: "notice" }, el("h1", { tabindex: -1 }, title), content);

const chooseOne = () => notice("Choose an experiment", el("p", {}, "Its results appear here."));

function nothingYet(list) {
  return notice("No participants yet",
    el("p", {}, "No experiment in the namespace ", named(list.namespace), " has participants yet. Open a page that runs an experiment: it then appears here."),
    el("p", {}, "lamed counts each browser once. To test again, use a private window, or clear the storage of the site."),
    !snapshot && el("p", {}, el("code", {}, "lamed snippet"), " prints the HTML to paste into your pages."),
    !snapshot && list.namespace !== list.default_namespace && el("div", { class: "actions" },
      el("button", { type: "button", "data-key": "default", click: () => go({ namespace: "", experiment: null, control: null }) }, "Show ", named(list.default_namespace))));
}

// What is shown stays while it is asked for again; for something else there is a frame to fill.
function showLoading() {
  byId("main").setAttribute("aria-busy", "true");
  if (page.detail && page.detail.experiment === page.state.experiment && page.listKey === listKeyOf(page.state)) return;
  const { experiment } = page.state;
  if (!page.list) byId("found").textContent = "Loading…";
  const lines = ["line tall", "line", "line", "line short"].map((name) => el("div", { class: name }));
  const title = el("h1", { tabindex: -1, "data-key": "title" }, experiment === null ? "Loading…" : named(experiment));
  show(el("div", { class: "skeleton", id: "loading" }, title, onlyHeard("Loading"), lines));
}

function showFailure(error) {
  if (error.status === 401) return signOut();
  const retry = el("button", { type: "button", class: "primary", "data-key": "retry", click: () => follow({ again: true }) }, "Try again");
  const missing = error.status === 404;
  const current = !missing && page.detail && page.detailKey === detailKeyOf(page.state) && byId("title");
  byId("failure")?.remove();
  if (current) {
    const text = el("p", {}, el("strong", {}, "Cannot refresh. "), visible(error.message), ". The figures below are from the last refresh.");
    return byId("main").prepend(el("section", { class: "banner", id: "failure", role: "alert" }, mark("sample_ratio"), el("div", {}, text, retry)));
  }
  const other = el("button", { type: "button", "data-key": "all", click: () => go({ experiment: null, control: null }) }, "Show all experiments");
  Object.assign(page, { detail: null, detailKey: null });
  // What the list holds is of another namespace.
  if (page.listKey !== listKeyOf(page.state)) {
    page.listKey = null;
    showList({ experiments: [], namespace: page.state.namespace }, page.state, choose);
  }
  const box = notice(missing ? "Not found" : "Cannot load the results", el("p", { role: "alert" }, visible(error.message)), el("div", { class: "actions" }, missing ? other : retry));
  box.id = "failure";
  show(box);
}

function signOut() {
  setSession(null);
  showSignIn("The session has ended. Sign in again.");
}

function showSignIn(message = "") {
  page.loading?.abort();
  document.body.dataset.signedOut = "";
  document.body.dataset.view = "experiment";
  Object.assign(page, { list: null, detail: null, listKey: null, detailKey: null });
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
  // On a phone the list gives way to the experiment: so does the focus.
  if (!wide.matches) { scrollTo(0, 0); byId("title")?.focus(); }
}

async function back() {
  const from = page.state.experiment;
  await go({ experiment: null, control: null });
  rows.get(from)?.firstChild.focus();
}

async function removed({ experiment, goal, variant }, deleted, error) {
  if (error) return showFailure(error);
  tabs?.postMessage("deleted");
  // In place of what is gone, so that nothing leads back to it.
  if (goal === undefined && variant === undefined) history.replaceState(null, "", addressOf({ ...page.state, experiment: null, control: null }));
  else if (variant === page.state.control) history.replaceState(null, "", addressOf({ ...page.state, control: null }));
  await follow({ again: true });
  const remembered = goal === undefined ? ". Browsers remember their variant: only their conversions still count" : "";
  announce("", `Deleted ${visibleText(goal ?? variant ?? experiment)}: ${plural(deleted, "counter")}${remembered}`);
  if (document.activeElement === document.body) byId("main").querySelector("h1")?.focus();
}

function refresh() {
  if (snapshot || !session || byId("refresh").hasAttribute("aria-disabled")) return;
  byId("refresh").setAttribute("aria-disabled", "true");
  follow({ again: true });
}

function showSearch() {
  if (byId("search").value !== page.state.search) byId("search").value = page.state.search;
}

function shortcut(event) {
  const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), select, textarea, dialog");
  if (!byId("shortcuts").checked || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { event.preventDefault(); byId("search").focus(); }
  if (event.key === "r") refresh();
}

byId("refresh").addEventListener("click", refresh);
byId("find").addEventListener("submit", (event) => event.preventDefault());
byId("search").addEventListener("input", (event) => {
  history.replaceState(null, "", addressOf({ ...page.state, search: event.target.value }));
  page.state = readState();
  filterList(page.state);
});
byId("switch-namespace").addEventListener("submit", (event) => {
  event.preventDefault();
  const namespace = byId("namespace").value.trim();
  go({ namespace: namespace === page.list?.default_namespace ? "" : namespace, experiment: null, control: null });
});
// The address of the skip link would replace the state.
byId("skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
byId("shortcuts").checked = stored("localStorage", "lamed-shortcuts") !== "off";
byId("shortcuts").addEventListener("change", (event) => stored("localStorage", "lamed-shortcuts", event.target.checked ? null : "off"));
byId("with-more").addEventListener("change", () => filterList(page.state));
byId("experiments").addEventListener("keydown", (event) => { if (event.target.closest("#list, #search")) moveInList(event); });
document.addEventListener("keydown", shortcut);
tabs?.addEventListener("message", () => session && follow({ again: true }));
addEventListener("hashchange", () => { session = takeSession() ?? session; delete document.body.dataset.signedOut; follow(); });
wide.addEventListener("change", () => follow());

if (snapshot) document.body.dataset.snapshot = "";
follow();
