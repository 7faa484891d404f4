// One experiment: verdict, then a table for each goal, then how participants were split.

const opened = new Map();

// Built when first opened: most readers open few of them. What was opened stays open.
function disclosure(key, title, build, open = false) {
  const body = el("div", { class: "disclosed" });
  const details = el("details", { "data-part": key.split(" ")[0] }, el("summary", { "data-key": key }, title), body);
  const show = () => { if (details.open && !body.hasChildNodes()) body.append(...[build()].flat()); };
  details.open = opened.get(key) ?? open;
  details.addEventListener("toggle", () => { opened.set(key, details.open); show(); });
  show();
  return details;
}

// A choice of one among few, side by side.
function segments(label, name, choices, chosen, choose) {
  const radio = ([value, text]) => {
    const input = el("input", { type: "radio", name, value, "data-key": `${name} ${value}`, change: () => choose(value) });
    input.checked = value === chosen;
    return el("label", {}, input, el("span", {}, text));
  };
  return el("fieldset", { class: "segments" }, el("legend", { class: "hidden" }, label), choices.map(radio));
}

// A colour belongs to a variant's name, so that switching the control changes none.
function colors(detail) {
  const names = detail.variants.map(({ variant }) => variant).sort();
  return (variant) => `v${Math.max(0, names.indexOf(variant)) % 8}`;
}

// What nobody declared and is not shown one by one: anybody can send names.
const othersOf = (detail) => detail.others ?? { variants: 0, participants: 0, goals: 0, conversions: 0 };

const participantsOf = (detail) => detail.variants.reduce((sum, one) => sum + one.participants, othersOf(detail).participants);

function experimentView(detail, page) {
  const context = {
    ...page, detail, classOf: colors(detail), trusted: !DOUBTS.has(kindOf(detail.verdict)) && !detail.srm?.alarm,
    compared: detail.goals.some((goal) => goal.variants.some((one) => one.versus_control)),
  };
  const some = participantsOf(detail) > 0;
  return [
    heading(context),
    verdictCard(detail),
    (some || detail.state === "running") && page.waiting(!some),
    el("div", { class: context.trusted ? "figures-of" : "figures-of doubtful" },
      context.compared && toolbar(detail, page.scale, page.go),
      some && detail.goals.map((goal, index) => goalSection(goal, index, context)),
      otherGoals(detail),
      participantsSection(context)),
    context.compared && howToRead(),
  ].flat().filter(Boolean);
}

function otherGoals(detail) {
  const { goals, conversions } = othersOf(detail);
  return goals > 0 && el("p", { class: "small others-of", id: "other-goals" }, `${plural(goals, "other undeclared goal")}: ${plural(conversions, "conversion")}.`);
}

const STATES = { draft: "Draft", running: "Running", stopped: "Stopped", shipped: "Shipped" };

// Whether it counts, and which variant everybody sees.
function stateTags({ state, shipped, run }) {
  return [
    state && el("span", { class: `tag state ${state}`, "data-state": state }, shipped === null || shipped === undefined ? STATES[state] ?? state : ["Shipped: ", named(shipped)]),
    run > 1 && el("span", { class: "tag" }, `run ${whole(run)}`),
  ];
}

function heading(context) {
  const { detail, back } = context;
  const others = othersOf(detail);
  const facts = [plural(participantsOf(detail), "participant"), plural(detail.variants.length + others.variants, "variant"), plural(detail.goals.length + others.goals, "goal")];
  const days = detail.days.map(({ day }) => timeOf(day));
  if (days.length) facts.push(dateFormat.formatRange(days[0], days.at(-1)));
  return el("header", { class: "title" },
    el("a", { class: "back", href: addressOf({ ...readState(), experiment: null, control: null }), "data-key": "back", click: (event) => { event.preventDefault(); back(); } }, mark("back"), "Experiments"),
    el("h1", { tabindex: -1, id: "title", "data-key": "title" }, named(detail.name)),
    el("p", { class: "facts" }, stateTags(detail), " ", facts.join(" · ")),
    actions(context));
}

function verdictCard(detail) {
  const { srm, plan, forecast } = detail;
  const verdict = verdictOf({ ...detail, participants: participantsOf(detail) });
  const { kind } = verdict;
  return el("section", { class: `verdict ${toneOf(kind)}`, id: "verdict", "data-verdict": kind, "aria-label": "Verdict" },
    el("span", { class: "badge" }, markOf(kind)),
    el("div", { class: "said" },
      el("p", { class: "text" }, prose(verdict.text)),
      srm?.alarm && el("div", { id: "sample-ratio" }, verdict.steps?.length ? null
        : el("p", {}, "Participants of some variants are lost or counted twice. Find the cause before you trust the results below.")),
      stepsOf(verdict),
      progress(plan, forecast)));
}

// 4 more days, 2.7 more years
function duration(days) {
  if (days <= 365) return plural(Math.ceil(days), "more day");
  const years = days / 365.25;
  return `${fixed(years, years < 10 ? 1 : 0)} more years`;
}

// How far it is towards the plan, and the forecast beside it. Without a plan the verdict says the forecast itself.
function progress(plan, forecast) {
  if (!plan) return null;
  const share = Math.max(0, Math.min(1, plan.share ?? plan.participants / plan.planned));
  const foreseen = present(forecast?.days) && forecast.days > 0 && `About ${duration(forecast.days)}.`;
  return el("div", { class: "plan", id: "plan" },
    el("div", { class: "bar-of", role: "progressbar", "aria-label": "Progress towards the plan", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.floor(share * 100) },
      svg("svg", { "aria-hidden": "true" }, svg("rect", { class: "full", width: "100%", height: "100%", rx: 4 }), svg("rect", { class: "part", width: `${share * 100}%`, height: "100%", rx: 4 }))),
    el("p", {}, `${whole(plan.participants)} of ${whole(plan.planned)} planned participants (${percent(Math.floor(share * 100) / 100, 0)})`, foreseen && [". ", el("span", { id: "forecast" }, foreseen)]));
}

// What to do: beside an alarm a list to go through, else what is worth knowing.
function stepsOf({ kind, steps = [] }) {
  if (!steps.length) return null;
  if (!DOUBTS.has(kind) && steps.length === 1) return el("p", { id: "steps" }, prose(steps[0]));
  return el("div", { id: "steps" }, el("h2", {}, DOUBTS.has(kind) ? "What to check" : "What to do"), el("ol", {}, steps.map((step) => el("li", {}, prose(step)))));
}

function toolbar(detail, scale, go) {
  const option = ({ variant }) => {
    const item = el("option", { value: variant }, visibleText(variant));
    item.selected = variant === detail.control;
    return item;
  };
  const units = new Set(detail.goals.filter((goal) => goal.variants.some((one) => one.versus_control)).map((goal) => measureOf(goal).unit.text.trim()));
  const choices = segments("Change", "scale", [["relative", "In percent"], ["absolute", `In ${[...units].join(", ")}`]], scale, (value) => go({ scale: value }));
  choices.id = "scale";
  return el("div", { class: "toolbar", role: "group", "aria-label": "Comparison" },
    el("label", {}, "Compare with ", el("select", { id: "control", "data-key": "control", dir: "auto", change: (event) => go({ control: event.target.value }) }, detail.variants.filter(({ variant }) => canControl(detail, variant)).map(option))),
    choices);
}

function goalSection(goal, index, context) {
  const { detail, classOf } = context;
  const kind = kindOf(goal.verdict);
  const key = (part) => `${part} ${JSON.stringify([detail.experiment, goal.goal])}`;
  // The verdict of the experiment is that of a goal: it is said once.
  const said = detail.verdict.text.endsWith(goal.verdict.text);
  const title = `goal-${index}`;
  const days = detail.days.some((day) => day.goals.some((one) => one.goal === goal.goal));
  const several = detail.days.length > 1;
  const open = index === 0 || detail.goals.length <= 2;
  const numbers = () => disclosure(key("table"), "Daily numbers", () => dayTable(detail, goal));
  return el("section", { class: "card goal", "data-goal": goal.goal, "aria-labelledby": title },
    el("header", {}, el("h2", { id: title }, named(goal.goal), goal.better === "lower" && el("span", { class: "tag" }, "lower is better"))),
    goal.value && el("p", { class: "small cap" }, `Values above ${fixed(goal.value.cap, goal.value.cap % 1 ? 2 : 0)}${NARROW}${visibleText(goal.value.unit)} count as ${fixed(goal.value.cap, goal.value.cap % 1 ? 2 : 0)}${NARROW}${visibleText(goal.value.unit)}.`),
    !said && el("p", { class: `says ${context.trusted ? toneOf(kind) : "calm"}`, "data-verdict": kind }, markOf(kind), el("span", {}, prose(goal.verdict.text))),
    resultsTable(goal, context),
    days && several && disclosure(key("days"), `${measureOf(goal).head} over time`, () => goalChart(detail, goal, classOf, context.trusted), open),
    days && numbers(),
    goal.variants.filter((one) => one.interval).length > 2 && disclosure(key("pairs"), "Compare all variants", () => pairsWhenThere(goal, context)),
    goal.kind !== "count" && disclosure(key("figures"), "Statistics", () => figuresTable(goal, context)));
}
