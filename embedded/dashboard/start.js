// The start page: a line for each experiment, so cheap that a thousand of them are no matter.

const VERDICTS = [
  ["attention", "Needs attention", ["sample_ratio", "changed", "too_many_conversions", "goal_missing"]],
  ["winner", "Winner", ["winner"]],
  ["loser", "Loser", ["loser", "control_best"]],
  ["same", "No difference", ["equivalent", "ruled_out"]],
  ["open", "Not decided", ["keep_going", "undecidable"]],
  ["early", "Too early, or nothing to compare", ["too_early", "count", "no_comparison", "no_goal", "no_participants"]],
];
const groupOf = (kind) => VERDICTS.find(([, , kinds]) => kinds.includes(kind))[0];
const SHOWN_STATES = [["current", "All states"], ["draft", "Draft"], ["running", "Running"], ["stopped", "Stopped"], ["shipped", "Shipped"], ["undeclared", "Not declared"], ["archived", "Archived and earlier runs"]];
const ORDERS = {
  activity: ["Latest activity", (a, b) => (b.last_day ?? "").localeCompare(a.last_day ?? "") || b.recent.at(-1)?.[1] - a.recent.at(-1)?.[1] || 0],
  participants: ["Most participants", (a, b) => b.participants - a.participants],
  name: ["Name", () => 0],
};

const lineKind = (one) => (one.srm_alarm ? "sample_ratio" : verdictOf(one).kind);

const isInState = (one, state) => (one.hidden ? state === "archived" : state === "current" || (one.state ?? "undeclared") === state);

// What of the list the state asks for, in its order.
function linesOf(list, { search, verdict, state, sort }) {
  const wanted = search.trim().toLocaleLowerCase();
  const found = list.experiments.filter((one) => isInState(one, state)
    && (verdict === "all" || groupOf(lineKind(one)) === verdict)
    && one.name.toLocaleLowerCase().includes(wanted));
  return found.sort((ORDERS[sort] ?? ORDERS.activity)[1]);
}

function startView(list, state, { change, choose, waiting, now }) {
  // Each line is made once, whatever is searched and filtered.
  const lines = new Map(list.experiments.map((one) => [one, lineOf(one, state, { choose, now })]));
  const visitors = list.experiments.some((one) => one.participants > 0);
  const results = el("div", { id: "results" });
  const draw = (state) => results.replaceChildren(...resultLines(list, state, lines, change));
  draw(state);
  const content = [
    waiting(!visitors),
    list.experiments.length > 0 && el("header", { class: "start" }, el(visitors ? "h1" : "h2", { id: "start-title", tabindex: -1 }, "Experiments"), filters(list, state, change)),
    list.experiments.length > 0 && results,
  ];
  return { content: content.flat().filter(Boolean), draw };
}

function filters(list, state, change) {
  const counts = new Map();
  for (const one of list.experiments) if (isInState(one, state.state)) counts.set(groupOf(lineKind(one)), (counts.get(groupOf(lineKind(one))) ?? 0) + 1);
  const select = (name, label, options) => {
    const options_ = options.map(([value, text]) => { const item = el("option", { value }, text); item.selected = value === state[name]; return item; });
    return el("label", {}, el("span", {}, label), el("select", { id: `filter-${name}`, "data-key": `filter ${name}`, change: (event) => change({ [name]: event.target.value }) }, options_));
  };
  const search = el("input", { id: "search", type: "search", placeholder: "Search", autocomplete: "off", spellcheck: "false", "aria-keyshortcuts": "/", "data-key": "search", input: (event) => change({ search: event.target.value }) });
  search.value = state.search;
  return el("form", { id: "find", role: "search", submit: (event) => event.preventDefault() },
    el("label", { class: "search" }, el("span", { class: "hidden" }, "Search experiments"), mark("search"), search),
    select("verdict", "Verdict", [["all", "All verdicts"], ...VERDICTS.filter(([key]) => counts.has(key) || key === state.verdict).map(([key, text]) => [key, `${text} (${whole(counts.get(key) ?? 0)})`])]),
    select("state", "State", SHOWN_STATES.filter(([key]) => key === "current" || key === state.state || list.experiments.some((one) => isInState(one, key)))),
    select("sort", "Sort by", Object.entries(ORDERS).map(([key, [text]]) => [key, text])));
}

function resultLines(list, state, made, change) {
  const lines = linesOf(list, state);
  const all = list.experiments.filter((one) => isInState(one, state.state)).length;
  const found = el("p", { id: "found", class: "small", role: "status" }, lines.length === all ? plural(all, "experiment") : `${whole(lines.length)} of ${plural(all, "experiment")}`);
  if (!lines.length) return [el("p", { id: "found", class: "hidden", role: "status" }, "No experiments found"), noHits(state, change)];
  const items = lines.map((one) => made.get(one));
  items.forEach((item, index) => { item.firstChild.tabIndex = index ? -1 : 0; });
  return [found, el("ul", { id: "list", "aria-label": "Experiments", keydown: moveInList }, items)];
}

function noHits({ search }, change) {
  const clear = () => { change({ search: "", verdict: "all", state: "current" }); byId("search").focus(); };
  return el("div", { class: "nothing", id: "no-hits" },
    el("p", {}, search.trim() ? ["No experiment matches “", named(search.trim()), "” with these filters."] : "No experiment matches these filters."),
    el("button", { type: "button", "data-key": "clear", click: clear }, "Clear search and filters"));
}

function lineOf(one, state, { choose, now }) {
  const kind = lineKind(one);
  return el("li", {}, el("a", {
    href: addressOf({ namespace: state.namespace, experiment: one.experiment }), "data-experiment": one.experiment, "data-verdict": kind, "data-key": `list ${one.experiment}`, tabindex: -1,
    click: (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      choose(one.experiment);
    },
  },
    el("span", { class: `badge ${toneOf(kind)}` }, markOf(kind)),
    el("span", { class: "what" }, el("span", { class: "who" }, named(one.name), stateTags(one)), el("span", { class: `short ${toneOf(kind)}` }, onlyHeard(labelOf(kind), ": "), shortOf(one))),
    el("span", { class: "count" }, el("span", { class: "value" }, whole(one.participants)), el("span", { class: "small" }, one.participants === 1 ? "participant" : "participants")),
    spark(one.recent ?? [], now),
    el("span", { class: "small last" }, one.last_day ? ago(one.last_day, now) : "no events")));
}

const shortOf = (one) => [prose(verdictOf(one).text), one.plan && ` · ${percent(Math.min(1, one.plan.share), 0)} of the plan`];

const SPARK_DAYS = 14;

// Participants of each of the last days.
function spark(recent, now) {
  const today = Math.floor(now / DAY);
  const days = Array(SPARK_DAYS).fill(0);
  for (const [day, count] of recent) {
    const place = SPARK_DAYS - 1 - (today - timeOf(day) / DAY);
    if (place >= 0 && place < SPARK_DAYS) days[place] = count;
  }
  const most = Math.max(...days);
  const path = days.map((count, index) => `M${index * 6 + 2.5} 23V${(23 - (most ? Math.max(count && 2, (count / most) * 20) : 0)).toFixed(1)}`).join("");
  return svg("svg", { class: "spark", viewBox: "0 0 84 24", "aria-hidden": "true" }, svg("path", { class: "ground", d: "M0 23.5H84" }), most > 0 && svg("path", { class: "bars", d: path }));
}

const links = () => [...document.querySelectorAll("#list a")];

function moveInList(event) {
  const all = links();
  const from = all.indexOf(document.activeElement);
  const moves = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: all.length - 1, PageDown: from + 10, PageUp: from - 10 };
  if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (event.key === "ArrowUp" && from <= 0) return byId("search").focus();
  const next = all[Math.max(0, Math.min(all.length - 1, moves[event.key]))];
  // One stop for the whole list: arrow keys go on from there.
  for (const link of all) link.tabIndex = link === next ? 0 : -1;
  next?.focus();
}
