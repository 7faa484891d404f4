// The list of experiments: cheap rows, so that a thousand of them are no matter.

const rows = new Map();

function showList(list, state, choose) {
  const scrolled = byId("list").scrollTop;
  rows.clear();
  for (const one of list.experiments) rows.set(one.experiment, listRow(one, state, choose));
  byId("more").hidden = !list.experiments.some((one) => one.hidden);
  byId("list").replaceChildren(...rows.values());
  byId("list").scrollTop = scrolled;
  byId("namespace").value = list.namespace;
  byId("api").replaceChildren(...(list.api ? ["API ", el("span", { class: "address" }, list.api)] : []));
  filterList(state);
}

function listRow(one, state, choose) {
  const kind = one.srm_alarm ? "sample_ratio" : kindOf(one.verdict);
  const link = el("a", {
    href: addressOf({ namespace: state.namespace, experiment: one.experiment }), "data-experiment": one.experiment,
    "data-key": `list ${one.experiment}`, tabindex: -1, title: visibleText(one.verdict.text),
    click: (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      choose(one.experiment);
    },
  },
    el("span", { class: `badge ${TONES[kind]}` }, mark(kind)),
    named(one.name),
    el("span", { class: "small" }, runOf(one) && `${runOf(one)} · `, sentence(labelOf(kind, one))),
    el("span", { class: "small count" }, whole(one.participants), onlyHeard(one.participants === 1 ? " participant" : " participants")));
  return el("li", one.hidden ? { "data-more": "" } : {}, link);
}

// What is to be known of a run: which one it is, and that it does not count.
function runOf({ run, state, shipped }) {
  const words = { draft: "Draft", stopped: "Stopped" };
  const parts = [run > 1 && `Run ${run}`, shipped ? `${visibleText(shipped)} is shipped` : words[state]];
  return parts.filter(Boolean).join(" · ");
}

// Whose verdict it is stands in the list only where it is short enough to help.
function labelOf(kind, { verdict }) {
  const short = verdict.variant && verdict.variant.length <= 16 && (kind === "winner" || kind === "loser");
  return short ? `${LABELS[kind]}: ${verdict.variant}` : LABELS[kind];
}

function filterList({ search, experiment }) {
  const wanted = search.trim().toLocaleLowerCase();
  let found = 0;
  for (const [name, item] of rows) {
    const isMore = "more" in item.dataset && !byId("with-more").checked && name !== experiment;
    item.hidden = isMore || !name.toLocaleLowerCase().includes(wanted);
    if (!item.hidden) found += 1;
    const link = item.firstChild;
    if (name === experiment) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    link.tabIndex = -1;
  }
  const visible = links();
  // One stop for the whole list, at the experiment that is shown: arrow keys go on from there.
  const stop = visible.find((link) => link.hasAttribute("aria-current")) ?? visible[0];
  if (stop) stop.tabIndex = 0;
  byId("found").textContent = wanted ? `${whole(found)} of ${plural(rows.size, "experiment")}` : plural(found, "experiment");
}

const links = () => [...rows.values()].filter((item) => !item.hidden).map((item) => item.firstChild);

function moveInList(event) {
  const all = links();
  const from = all.indexOf(document.activeElement);
  const moves = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: all.length - 1, PageDown: from + 10, PageUp: from - 10 };
  const typing = event.target === byId("search");
  if (!(event.key in moves) || (typing && event.key !== "ArrowDown") || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (event.key === "ArrowUp" && from <= 0) return byId("search").focus();
  all[Math.max(0, Math.min(all.length - 1, moves[event.key]))]?.focus();
}

function revealCurrent() {
  byId("list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}
