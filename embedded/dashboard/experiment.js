// One experiment: verdict, then a table for each goal, then how participants were split.

const TARGETS = { good: 0.95, bad: 0.05 };
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

// A part that is scrolled sideways must be reachable by keyboard.
const scrolling = (label, ...children) => el("div", { class: "scrolling", role: "region", tabindex: 0, "aria-label": label }, children);

const swatch = () => el("span", { class: "swatch", "aria-hidden": "true" });

const rateDigits = (goal) => percentDigits(goal.variants.map(({ rate }) => rate), 1);

// A colour belongs to a variant's name, so that switching the control changes none.
function colors(detail) {
  const names = detail.variants.map(({ variant }) => variant).sort();
  return (variant) => `v${Math.max(0, names.indexOf(variant)) % 8}`;
}

function controlFirst(variants, control) {
  return [...variants.filter(({ variant }) => variant === control), ...variants.filter(({ variant }) => variant !== control)];
}

function experimentView(detail, { scale, remove, go, back, pairs }) {
  const classOf = colors(detail);
  const context = { detail, classOf, scale, remove, pairs, compared: detail.goals.some((goal) => goal.variants.some((one) => one.versus_control)) };
  return [
    heading(detail, remove, back),
    verdictCard(detail),
    context.compared && toolbar(detail, scale, go),
    detail.goals.map((goal, index) => goalSection(goal, index, context)),
    otherGoals(detail),
    participantsSection(context),
    context.compared && howToRead(),
  ].flat().filter(Boolean);
}

// What nobody declared and is not shown one by one: anybody can send names.
const othersOf = (detail) => detail.others ?? { variants: 0, participants: 0, goals: 0, conversions: 0 };

function otherGoals(detail) {
  const { goals, conversions } = othersOf(detail);
  return goals > 0 && el("p", { class: "small foot", id: "other-goals" }, `${plural(goals, "other undeclared goal")}: ${plural(conversions, "conversion")}.`);
}

function heading(detail, remove, back) {
  const participants = detail.variants.reduce((sum, one) => sum + one.participants, 0);
  const others = othersOf(detail);
  const facts = [plural(participants + others.participants, "participant"), plural(detail.variants.length + others.variants, "variant"), plural(detail.goals.length + others.goals, "goal")];
  const days = detail.days.map(({ day }) => timeOf(day));
  if (runOf(detail)) facts.unshift(runOf(detail));
  if (days.length) facts.push(dateFormat.formatRange(days[0], days.at(-1)));
  return el("header", { class: "title" },
    el("button", { type: "button", class: "quiet back", "data-key": "back", click: back }, mark("back"), "Experiments"),
    el("h1", { tabindex: -1, id: "title", "data-key": "title" }, named(detail.name)),
    remove && deleteButton(`Delete experiment ${visibleText(detail.experiment)}`, remove, { experiment: detail.experiment }, "Delete"),
    el("p", { class: "facts" }, facts.join(" · ")));
}

function deleteButton(label, remove, what, text) {
  const key = `delete ${JSON.stringify(what)}`;
  return el("button", { type: "button", class: "quiet delete", "aria-label": label, title: label, "data-delete": Object.keys(what).at(-1), "data-key": key, click: () => remove(what) },
    mark("delete"), text);
}

const ratioFigures = (srm) => `χ² ${significant(srm.chi_square)}, p ${pValue(srm.p_value)} for a single look; p ${pValue(srm.sequential_p_value)} valid any time`;

function verdictCard({ verdict, srm }) {
  const kind = kindOf(verdict);
  const repeated = verdict.text.toLowerCase().startsWith(LABELS[kind].toLowerCase());
  return el("section", { class: `verdict ${TONES[kind]}`, id: "verdict", "data-verdict": kind, "aria-label": "Verdict" },
    el("span", { class: "badge" }, mark(kind)),
    el("div", {},
      !repeated && el("p", { class: "kind" }, LABELS[kind]),
      el("p", { class: "text" }, sentence(verdict.text)),
      srm?.alarm && el("div", { id: "sample-ratio" },
        el("p", {}, "Participants of some variants are lost or counted twice. Find the cause before you trust the results below."),
        el("p", { class: "small" }, ratioFigures(srm), "."))));
}

function toolbar(detail, scale, go) {
  const option = ({ variant }) => {
    const item = el("option", { value: variant }, visibleText(variant));
    item.selected = variant === detail.control;
    return item;
  };
  const radio = (value, text) => {
    const input = el("input", { type: "radio", name: "scale", value, "data-key": `scale ${value}`, change: () => go({ scale: value }) });
    input.checked = scale === value;
    return el("label", {}, input, el("span", {}, text));
  };
  return el("div", { class: "toolbar", role: "group", "aria-label": "Comparison" },
    el("label", {}, "Control ", el("select", { id: "control", "data-key": "control", dir: "auto", change: (event) => go({ control: event.target.value }) }, detail.variants.filter(({ variant }) => canControl(detail, variant)).map(option))),
    el("fieldset", { class: "segments", id: "scale" }, el("legend", { class: "hidden" }, "Change"), radio("relative", "Relative"), radio("absolute", "Absolute")));
}

function goalSection(goal, index, context) {
  const { detail, remove, classOf } = context;
  const kind = kindOf(goal.verdict);
  const key = (part) => `${part} ${JSON.stringify([detail.experiment, goal.goal])}`;
  const said = detail.goals.length === 1 && goal.verdict.text === detail.verdict.text;
  const title = `goal-${index}`;
  return el("section", { class: "card goal", "data-goal": goal.goal, "aria-labelledby": title },
    el("header", {},
      el("h2", { id: title }, named(goal.goal), goal.better === "lower" && el("span", { class: "tag" }, "lower is better")),
      remove && deleteButton(`Delete goal ${visibleText(goal.goal)}`, remove, { experiment: detail.experiment, goal: goal.goal })),
    !said && el("p", { class: `says ${TONES[kind]}`, "data-verdict": kind }, mark(kind), el("span", {}, sentence(goal.verdict.text))),
    resultsTable(goal, context),
    detail.days.some((day) => day.goals.some((one) => one.goal === goal.goal)) && disclosure(key("days"), "Rate over days", () => [
      rateChart(detail, goal, classOf), disclosure(key("table"), "As a table", () => dayTable(detail, goal, classOf)),
    ], index === 0 || detail.goals.length <= 2),
    goal.variants.filter((one) => one.interval).length > 1 && disclosure(key("pairs"), "All pairs", () => pairsWhenThere(goal, context)),
    goal.kind !== "count" && disclosure(key("figures"), "All figures", () => figuresTable(goal, context)));
}

// A ratio to a rate that may well be nothing says nothing: then all of the goal is compared absolutely.
function scaleFor(all, scale) {
  return scale === "relative" && all.every((one) => one.lift_interval || !one.sequential_interval) ? "relative" : "absolute";
}

const comparisonsOf = (goal) => goal.variants.map((one) => one.versus_control).filter(Boolean);

function comparison(versus, scale) {
  return scale === "relative"
    ? { point: versus.lift, interval: versus.lift_interval, decided: versus.decided }
    : { point: versus.difference, interval: versus.sequential_interval, decided: versus.decided };
}

// Roles are spelled out because on a narrow page rows are laid out as cards, which hides them otherwise.
const row = (attributes, ...cells) => el("tr", { role: "row", ...attributes }, cells);
const head = (name, ...content) => el("th", { role: "columnheader", scope: "col", class: name }, content);
const cell = (name, ...content) => el("td", { role: "cell", class: name }, content);
const rowHead = (classOf, variant, ...more) => el("th", { role: "rowheader", scope: "row", class: "variant" }, swatch(), named(variant), more);

function resultsTable(goal, context) {
  const { detail, classOf } = context;
  const scale = scaleFor(comparisonsOf(goal), context.scale);
  const variants = controlFirst(goal.variants, detail.control);
  const compared = variants.some((one) => one.versus_control);
  const axis = compared && axisOf(variants.flatMap((one) => (one.versus_control ? [comparison(one.versus_control, scale)] : [])), scale);
  const control = (one) => compared && one.variant === detail.control && el("span", { class: "tag" }, "control");
  const line = (one) => row({ class: classOf(one.variant), "data-variant": one.variant },
    rowHead(classOf, one.variant, control(one)),
    rateCell(goal, one),
    compared && (one.versus_control ? comparisonCells(one.versus_control, scale, axis) : [cell("chance"), cell("interval", emptyBar(axis)), cell("change")]));
  return el("table", { class: compared ? "results" : "results plain", role: "table", "data-scale": compared ? scale : null },
    el("caption", { class: "hidden" }, visibleText(compared ? `${goal.goal}: variants compared with ${detail.control}` : goal.goal)),
    el("thead", { role: "rowgroup" }, row({},
      head("variant", "Variant"),
      head("rate", goal.kind === "count" ? "Per participant" : "Rate"),
      compared && [
        head("chance", "Chance to win"),
        head("interval", onlyHeard("Interval"), axisLabels(axis)),
        head("change", `${scale === "relative" ? "Change" : "Difference"} (${percent(0.95, 0)} interval)`, scale !== context.scale && el("span", { class: "small" }, "too few conversions for a ratio")),
      ])),
    el("tbody", { role: "rowgroup" }, variants.map(line), othersRow(goal, detail, compared)));
}

function othersRow(goal, detail, compared) {
  const { variants, participants } = othersOf(detail);
  return variants > 0 && row({ class: "others", "data-others": variants },
    el("th", { role: "rowheader", scope: "row", class: "variant" }, plural(variants, "other")),
    cell("rate", el("span", { class: "small" }, `${whole(goal.other_conversions)} / ${whole(participants)}`, onlyHeard(" conversions of participants"))),
    compared && [cell("chance"), cell("interval"), cell("change")]);
}

function rateCell(goal, one) {
  return cell("rate",
    el("span", { class: "value" }, goal.kind === "count" ? perParticipant(one.rate) : percent(one.rate, rateDigits(goal))),
    el("span", { class: "small" }, `${whole(one.conversions)} / ${whole(one.participants)}`, onlyHeard(" conversions of participants")));
}

function comparisonCells(versus, scale, axis) {
  const compared = comparison(versus, scale);
  const { point, interval } = compared;
  const digits = percentDigits([point, ...(interval ?? [])]);
  const shown = (value) => change(value, scale, digits);
  return [
    cell("chance", chanceOf(versus.chance_to_win)),
    cell("interval", intervalBar(compared, axis)),
    cell(`change ${directionOf(compared)}`, el("span", { class: "value" }, shown(point)), el("span", { class: "small" }, range(interval, shown) || "no interval yet")),
  ];
}

function chanceOf(value) {
  if (!present(value)) return el("span", { class: "value" }, ABSENT);
  const tone = value >= TARGETS.good ? "good" : value <= TARGETS.bad ? "bad" : "calm";
  return el("span", { class: `pill ${tone}` }, tone !== "calm" && mark(tone === "good" ? "up" : "down"), chance(value));
}

// Most readers never open them: they are made when asked for.
function pairsWhenThere(goal, context) {
  const place = el("div", { role: "status" }, el("p", { class: "small" }, "Loading…"));
  const fill = async () => {
    try {
      const pairs = goal.pairs ?? (await context.pairs(goal.goal)).pairs;
      place.replaceChildren(pairMatrix(goal, pairs, context));
    } catch (error) {
      place.replaceChildren(el("p", { class: "error" }, visible(error.message)));
    }
  };
  fill();
  return place;
}

function pairMatrix(goal, pairs, { classOf, scale: wanted, detail }) {
  const scale = scaleFor(pairs, wanted);
  const paired = new Set(pairs.map(({ variant }) => variant));
  const variants = controlFirst(goal.variants, detail.control).map(({ variant }) => variant).filter((variant) => paired.has(variant));
  const against = new Map(pairs.map((pair) => [JSON.stringify([pair.variant, pair.versus]), pair]));
  const square = (variant, versus) => {
    const pair = against.get(JSON.stringify([variant, versus]));
    if (!pair) return el("td", { class: "self" }, ABSENT);
    const compared = comparison(pair, scale);
    const { point, interval } = compared;
    const tone = directionOf(compared);
    const digits = percentDigits([point, ...(interval ?? [])]);
    const shown = (value) => change(value, scale, digits);
    return el("td", { class: tone, "data-pair": `${variant} / ${versus}` },
      el("span", { class: "value" }, tone !== "calm" && mark(tone === "good" ? "up" : "down"), shown(point)),
      el("span", { class: "small" }, range(interval, shown)),
      el("span", { class: "small" }, `wins ${chance(pair.chance_to_win)}, Holm p ${pValue(pair.p_holm)}`));
  };
  return scrolling(`All pairs for ${visibleText(goal.goal)}`, el("table", { class: "figures pairs", "data-table": "pairs" },
    el("caption", {}, "Each cell compares the variant of its row with the variant of its column; p is adjusted for all pairs of the goal.",
      variants.length < goal.variants.filter((one) => one.interval).length && ` Only the ${whole(variants.length)} largest variants are shown.`),
    el("thead", {}, el("tr", {}, el("td", {}), variants.map((name) => el("th", { scope: "col" }, named(name))))),
    el("tbody", {}, variants.map((name) => el("tr", { class: classOf(name) },
      el("th", { scope: "row" }, swatch(), named(name)), variants.map((versus) => square(name, versus)))))));
}

function figuresTable(goal, { classOf, detail }) {
  const line = (one) => {
    const versus = one.versus_control;
    const digits = percentDigits([versus?.difference, ...(versus?.difference_interval ?? [])]);
    const points = (value) => change(value, "absolute", digits);
    const figures = versus ? [
      [points(versus.difference), range(versus.difference_interval, points)],
      [pValue(versus.p_value), versus.method === "fisher" ? "Fisher’s exact" : `z ${significant(versus.z)}`],
      [points(versus.difference), range(versus.sequential_interval, points)],
      [pValue(versus.sequential_p_value)], [pValue(versus.p_holm)],
      [present(versus.expected_loss) ? `${significant(versus.expected_loss * 100)} pp` : ABSENT],
      [whole(versus.participants_needed?.for_effect_seen), "for the observed effect"],
      [whole(versus.participants_needed?.for_minimum_effect), "for the minimum effect"],
    ] : Array(8).fill([""]);
    const rate = (value) => percent(value, rateDigits(goal));
    return el("tr", { class: classOf(one.variant) }, el("th", { scope: "row" }, swatch(), named(one.variant)),
      [[rate(one.rate), range(one.interval, rate)], [chance(one.chance_to_be_best)], ...figures]
        .map(([value, small]) => el("td", {}, value, small && el("span", { class: "small" }, small))));
  };
  const titles = ["Variant", "Rate, 95 % interval", "Chance to be best", "Difference, single look", "p, single look", "Difference, any time",
    "p, any time", "p, Holm", "Expected loss", "Still needed per variant", "Still needed per variant"];
  return scrolling(`All figures of ${visibleText(goal.goal)}`, el("table", { class: "figures", "data-table": "figures" },
    el("caption", {}, "Compared with ", detail.control === null ? "no control" : named(detail.control), "."),
    el("thead", {}, el("tr", {}, titles.map((title) => el("th", { scope: "col" }, title)))),
    el("tbody", {}, controlFirst(goal.variants, detail.control).map(line))));
}

function participantsSection({ detail, classOf, remove }) {
  const others = othersOf(detail);
  const total = detail.variants.reduce((sum, one) => sum + one.participants, others.participants);
  const weights = detail.variants.reduce((sum, one) => sum + (one.weight ?? 0), 0);
  const line = ({ variant, participants, weight }) => {
    const share = total ? participants / total : null;
    const declared = weights ? (weight ?? 0) / weights : null;
    return row({ class: classOf(variant), "data-variant": variant },
      rowHead(classOf, variant, variant === detail.control && detail.variants.length > 1 && el("span", { class: "tag" }, "control")),
      cell("count", whole(participants)),
      cell("part", percent(share, 1), present(declared) && el("span", { class: "small" }, `declared ${percent(declared, 1)}`)),
      cell("share", shareBar(share, declared)),
      remove && cell("do", deleteButton(`Delete variant ${visibleText(variant)}`, remove, { experiment: detail.experiment, variant })));
  };
  return el("section", { class: "card", id: "participants", "aria-labelledby": "participants-title" },
    el("header", {}, el("h2", { id: "participants-title" }, "Participants")),
    detail.variants.length > 0 && scrolling("Participants by variant", el("table", { class: "figures split", role: "table" },
      el("thead", { role: "rowgroup" }, row({}, head("variant", "Variant"), head("count", "Participants"), head("part", "Share"), cell("share"), remove && cell("do"))),
      el("tbody", { role: "rowgroup" }, detail.variants.map(line), others.variants > 0 && row({ class: "others" },
        el("th", { role: "rowheader", scope: "row", class: "variant" }, plural(others.variants, "other")),
        cell("count", whole(others.participants)), cell("part", percent(total ? others.participants / total : null, 1)), cell("share"), remove && cell("do"))))),
    detail.srm && el("p", { class: "small foot" }, `The split is ${detail.srm.alarm ? "not " : ""}${weights ? "as declared" : "even"}: `, ratioFigures(detail.srm), "."));
}

function shareBar(share, declared) {
  return svg("svg", { class: "meter", "aria-hidden": "true" },
    svg("rect", { class: "full", width: "100%", height: "100%", rx: 3 }),
    present(share) && svg("rect", { class: "part", width: `${share * 100}%`, height: "100%", rx: 3 }),
    present(declared) && svg("line", { x1: `${declared * 100}%`, x2: `${declared * 100}%`, y1: 0, y2: "100%" }));
}

function howToRead() {
  const terms = [
    ["Chance to win", "The probability that the variant’s rate is better than the control’s: higher, or lower where lower is better. Green from 95 %, red to 5 %."],
    ["Interval", "A 95 % interval that is valid any time, however often you look at the results. It is wider than an interval for a single look. It is for one comparison alone; green and red, like the verdict, take all comparisons of the experiment into account."],
    ["Change", "Relative: in percent of the control’s rate. Absolute: in percentage points (pp)."],
    ["Expected loss", "The average loss if you choose the variant and it is worse than the control, in percentage points."],
    ["p, Holm", "The p-value, adjusted for all comparisons of the experiment. It is the lowest value at the end of any day, or now: a verdict at the end of a day stays."],
  ];
  return disclosure("read", "How to read this", () => el("dl", {}, terms.map(([term, text]) => [el("dt", {}, term), el("dd", {}, text)])));
}
