// A goal's variants, one story for each row: its rate, the change with its safe range, and what is decided.

// What is measured of a kind of goal, and how it is written: of a variant, up to the end of a day, and of a day alone.
const RATES = {
  of: ({ rate }) => rate,
  ofDay: ({ rate }) => rate,
  alone: ({ conversions }, participants) => conversions / participants,
  below: (one) => whole(one.conversions),
};
const MEASURES = {
  proportion: (goal) => {
    const digits = percentDigits(goal.variants.map(({ rate }) => rate), 1);
    return {
      ...RATES, head: "Rate", unit: POINTS, most: 1, write: (value) => percent(value, digits), axis: axisDigits((value, n) => percent(value, n), 100),
      range: ({ interval }) => percentRange(interval, digits),
    };
  },
  count: () => ({ ...RATES, head: "Per participant", unit: POINTS, most: Infinity, write: perParticipant, range: () => "", axis: axisDigits(fixed, 1) }),
  value: ({ value }) => ({
    head: `${visibleText(value.unit)} per visitor`, unit: unitsOf(value.unit), most: Infinity, write: perParticipant, axis: axisDigits(fixed, 1),
    of: ({ worth }) => worth?.mean,
    ofDay: ({ worth }) => worth?.mean,
    alone: ({ worth }, participants) => (worth ? worth.total / participants : null),
    below: ({ worth }) => amount(worth?.total, value.unit),
    range: ({ worth }) => (worth?.interval ? range(worth.interval, perParticipant, "") : ""),
  }),
};
const measureOf = (goal) => (MEASURES[goal.kind] ?? MEASURES.count)(goal);
const axisDigits = (write, factor) => (value, step) => write(value, Math.max(0, -Math.floor(Math.log10(step * factor) + 1e-9)));

// Roles are spelled out because on a narrow page rows are laid out as cards, which hides them otherwise.
const row = (attributes, ...cells) => el("tr", { role: "row", ...attributes }, cells);
const head = (name, ...content) => el("th", { role: "columnheader", scope: "col", class: name }, content);
const cell = (name, ...content) => el("td", { role: "cell", class: name }, content);
const rowHead = (variant, ...more) => el("th", { role: "rowheader", scope: "row", class: "variant" }, swatch(), named(variant), more);

const swatch = () => el("span", { class: "swatch", "aria-hidden": "true" });

// A part that is scrolled sideways must be reachable by keyboard.
const scrolling = (label, ...children) => el("div", { class: "scrolling", role: "region", tabindex: 0, "aria-label": label }, children);

function controlFirst(variants, control) {
  return [...variants.filter(({ variant }) => variant === control), ...variants.filter(({ variant }) => variant !== control)];
}

// A ratio to a rate that may well be nothing says nothing: then all of the goal is compared absolutely.
function scaleFor(all, scale) {
  return scale === "relative" && all.every((one) => one.lift_interval || !one.sequential_interval) ? "relative" : "absolute";
}

const comparisonsOf = (goal) => goal.variants.map((one) => one.versus_control).filter(Boolean);

function resultsTable(goal, { detail, classOf, scale: wanted, trusted }) {
  const scale = scaleFor(comparisonsOf(goal), wanted);
  const measure = measureOf(goal);
  const variants = controlFirst(goal.variants, detail.control);
  const compared = variants.some((one) => one.versus_control);
  const beside = figureOf(goal, detail.control);
  const side = (versus) => comparison(versus, scale, measure, beside);
  const axis = compared && axisOf(comparisonsOf(goal).map(side), scale === "relative" ? PERCENT : measure.unit);
  const control = (one) => compared && one.variant === detail.control && el("span", { class: "tag" }, "control");
  const cells = (one) => (one.versus_control ? comparisonCells(one.versus_control, side(one.versus_control), axis, trusted) : [cell("interval", emptyBar(axis)), cell("change"), cell("decided")]);
  const line = (one) => {
    const tone = compared && trusted && one.versus_control ? directionOf(one.versus_control) : "calm";
    return row({ class: `${classOf(one.variant)} ${tone}`, "data-variant": one.variant, "data-decided": tone },
      rowHead(one.variant, control(one)), rateCell(one, measure), compared && cells(one));
  };
  return el("table", { class: compared ? "results" : "results plain", role: "table", "data-scale": compared ? scale : null },
    el("caption", { class: "hidden" }, visibleText(compared ? `${goal.goal}: variants compared with ${detail.control}` : goal.goal)),
    el("thead", { role: "rowgroup" }, row({},
      head("variant", "Variant"),
      head("rate", measure.head),
      compared && [
        head("interval", onlyHeard("Chart of the change"), axisLabels(axis)),
        head("change", "Change (safe range)", scale !== wanted && el("span", { class: "small" }, `in ${measure.unit.text.trim()}: too few conversions for a percentage`)),
        head("decided", "Result"),
      ])),
    el("tbody", { role: "rowgroup" }, variants.map(line), othersRow(goal, detail, compared)));
}

function othersRow(goal, detail, compared) {
  const { variants, participants } = othersOf(detail);
  return variants > 0 && row({ class: "others", "data-others": variants },
    el("th", { role: "rowheader", scope: "row", class: "variant" }, plural(variants, "other")),
    cell("rate", el("span", { class: "small" }, `${whole(goal.other_conversions)} / ${whole(participants)}`, onlyHeard(" conversions / participants"))),
    compared && [cell("interval"), cell("change"), cell("decided")]);
}

function rateCell(one, measure) {
  return cell("rate",
    el("span", { class: "value" }, measure.write(measure.of(one))),
    el("span", { class: "small" }, `${measure.below(one)} / ${whole(one.participants)}`, onlyHeard(" participants")));
}

function comparisonCells(versus, compared, axis, trusted) {
  return [
    cell("interval", intervalBar(compared, axis)),
    cell("change", compared.told
      ? [el("span", { class: "value" }, changeText(compared)), el("span", { class: "small" }, rangeText(compared))]
      : el("span", { class: "small" }, "too early to say")),
    cell("decided", decidedOf(versus, trusted)),
  ];
}

// The chance to win stands here only where it says what the verdict says; else it is a figure among the statistics.
function decidedOf({ decided, chance_to_win: chances }, trusted) {
  const tone = trusted ? directionOf({ decided }) : "calm";
  if (tone === "calm") return el("span", { class: "small" }, trusted ? "Not decided" : ABSENT);
  const agrees = present(chances) && (tone === "good" ? chances >= 0.95 : chances <= 0.05);
  return [
    el("span", { class: `pill ${tone}` }, mark(tone === "good" ? "check" : "cross"), tone === "good" ? "Better" : "Worse"),
    agrees && el("span", { class: "small chance" }, `${chance(chances)} to win`),
  ];
}
