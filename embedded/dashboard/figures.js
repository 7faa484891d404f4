// What is opened on demand: comparisons of all variants, statistics, participants.

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

function pairMatrix(goal, pairs, { classOf, scale: wanted, detail, trusted }) {
  const scale = scaleFor(pairs, wanted);
  const paired = new Set(pairs.map(({ variant }) => variant));
  const variants = controlFirst(goal.variants, detail.control).map(({ variant }) => variant).filter((variant) => paired.has(variant));
  const against = new Map(pairs.map((pair) => [JSON.stringify([pair.variant, pair.versus]), pair]));
  const square = (variant, versus) => {
    const pair = against.get(JSON.stringify([variant, versus]));
    if (!pair) return el("td", { class: "self" }, ABSENT);
    const compared = comparison(pair, scale, measureOf(goal), figureOf(goal, versus));
    const tone = trusted ? directionOf(compared) : "calm";
    return el("td", { class: tone, "data-pair": `${variant} / ${versus}` },
      compared.told
        ? [el("span", { class: "value" }, tone !== "calm" && mark(tone === "good" ? "check" : "cross"), changeText(compared)), el("span", { class: "small" }, rangeText(compared))]
        : el("span", { class: "small" }, "too early to say"));
  };
  return scrolling(`All variants compared for ${visibleText(goal.goal)}`, el("table", { class: "figures pairs", "data-table": "pairs" },
    el("caption", {}, "Each cell compares the variant of its row with the variant of its column. Green (better) and red (worse) are decided: they take all pairs of the goal into account.",
      variants.length < goal.variants.filter((one) => one.interval).length && ` Only the ${whole(variants.length)} largest variants are shown.`),
    el("thead", {}, el("tr", {}, el("td", {}), variants.map((name) => el("th", { scope: "col" }, named(name))))),
    el("tbody", {}, variants.map((name) => el("tr", { class: classOf(name) },
      el("th", { scope: "row" }, swatch(), named(name)), variants.map((versus) => square(name, versus)))))));
}

// In points; so little that nobody would miss it is not spelled out.
function loss(value) {
  if (!present(value)) return ABSENT;
  return `${value < 1e-5 ? "< 0.001" : significant(value * 100)}${NARROW}points`;
}

// A row for each figure, a column for each variant.
function figuresTable(goal, { classOf, detail }) {
  const variants = controlFirst(goal.variants, detail.control);
  const measure = measureOf(goal);
  const { unit } = measure;
  const points = (value, interval) => [changeText({ point: value, interval, unit }), interval && rangeText({ interval, unit })];
  const inUnits = unit.text.trim();
  const needed = (versus) => versus.participants_needed ?? {};
  const lines = [
    [`${measure.head}, usual 95${NARROW}% range`, (one) => [measure.write(measure.of(one)), measure.range(one)], true],
    goal.value && ["Total", (one) => [amount(one.worth?.total, goal.value.unit)], true],
    goal.value && ["Conversions, and their average value", (one) => [whole(one.conversions), amount(one.worth?.per_conversion, goal.value.unit)], true],
    !goal.value && ["Chance to be the best", (one) => [chance(one.chance_to_be_best)], true],
    !goal.value && ["Chance to win against the control", (_, versus) => [chance(versus.chance_to_win)]],
    [`Change in ${inUnits}, safe range`, (_, versus) => points(versus.difference, versus.sequential_interval)],
    ["p-value, safe at any time", (_, versus) => [pValue(versus.sequential_p_value)]],
    ["p-value for all comparisons together (Holm)", (_, versus) => [pValue(versus.p_holm), versus.decided_on && `decided on ${dayFormat.format(timeOf(versus.decided_on))}`]],
    [`Change in ${inUnits}, if you look only once`, (_, versus) => points(versus.difference, versus.difference_interval)],
    ["p-value, if you look only once", (_, versus) => [pValue(versus.p_value), { fisher: "Fisher’s exact test", welch: `Welch’s test, t ${significant(versus.z)}` }[versus.method] ?? `z ${significant(versus.z)}`]],
    !goal.value && ["Expected loss", (_, versus) => [loss(versus.expected_loss)]],
    ["Participants still needed per variant, for the change so far", (_, versus) => [whole(needed(versus).for_effect_seen)]],
    ["Participants still needed per variant, for the minimum effect", (_, versus) => [whole(needed(versus).for_minimum_effect)]],
  ].filter(Boolean);
  const square = (one, [, write, always]) => {
    const [value, small] = one.versus_control || always ? write(one, one.versus_control) : [""];
    return el("td", {}, value, small && el("span", { class: "small" }, small));
  };
  return scrolling(`Statistics of ${visibleText(goal.goal)}`, el("table", { class: "figures", "data-table": "figures" },
    el("caption", {}, "Compared with ", detail.control === null ? "no control" : named(detail.control), "."),
    el("thead", {}, el("tr", {}, el("td", {}), variants.map(({ variant }) => el("th", { scope: "col", class: classOf(variant) }, swatch(), named(variant))))),
    el("tbody", {}, lines.map((line) => el("tr", {}, el("th", { scope: "row" }, line[0]), variants.map((one) => square(one, line)))))));
}

const ratioFigures = (srm) => `χ² ${significant(srm.chi_square)}, p ${pValue(srm.p_value)} if you look only once, p ${pValue(srm.sequential_p_value)} safe at any time`;

function participantsSection({ detail, classOf }) {
  const others = othersOf(detail);
  const total = participantsOf(detail);
  const weights = detail.variants.reduce((sum, one) => sum + (one.weight ?? 0), 0);
  const line = ({ variant, participants, weight }) => {
    const share = total ? participants / total : null;
    const declared = weights ? (weight ?? 0) / weights : null;
    return row({ class: classOf(variant), "data-variant": variant },
      rowHead(variant, variant === detail.control && detail.variants.length > 1 && el("span", { class: "tag" }, "control")),
      cell("count", whole(participants)),
      cell("part", percent(share, 1), present(declared) && el("span", { class: "small" }, `declared ${percent(declared, 1)}`)),
      cell("share", shareBar(share, declared)));
  };
  const chart = detail.days.length > 1 && detail.variants.length > 0;
  return el("section", { class: "card", id: "participants", "aria-labelledby": "participants-title" },
    el("header", {}, el("h2", { id: "participants-title" }, "Participants")),
    detail.variants.length > 0 && scrolling("Participants by variant", el("table", { class: "figures split", role: "table" },
      el("thead", { role: "rowgroup" }, row({}, head("variant", "Variant"), head("count", "Participants"), head("part", "Share"), cell("share"))),
      el("tbody", { role: "rowgroup" }, controlFirst(detail.variants, detail.control).map(line), others.variants > 0 && row({ class: "others" },
        el("th", { role: "rowheader", scope: "row", class: "variant" }, plural(others.variants, "other")),
        cell("count", whole(others.participants)), cell("part", percent(total ? others.participants / total : null, 1)), cell("share"))))),
    chart && disclosure(`participants ${detail.experiment}`, "Participants by day", () => participantsChart(detail, classOf), true),
    detail.srm && disclosure(`srm ${detail.experiment}`, "Statistics", () => el("p", {},
      `The split is ${detail.srm.alarm ? "not " : ""}${weights ? "as declared" : "even"}: `, ratioFigures(detail.srm), ".")));
}

function shareBar(share, declared) {
  return svg("svg", { class: "meter", "aria-hidden": "true" },
    svg("rect", { class: "full", width: "100%", height: "100%", rx: 3 }),
    present(share) && svg("rect", { class: "part", width: `${share * 100}%`, height: "100%", rx: 3 }),
    present(declared) && svg("line", { x1: `${declared * 100}%`, x2: `${declared * 100}%`, y1: 0, y2: "100%" }));
}

function howToRead() {
  const terms = [
    ["Change", "How much higher or lower the rate is than the rate of the control. If the control has 4 % and the variant has 5 %, the change is 25 percent, or 1 point."],
    ["Safe range", "The true change is very likely in this range (95 %). You can look as often as you like: the range stays valid."],
    ["Result", "“Better” and “Worse” take all comparisons of the experiment into account. You can act on them. “Not decided” means that the change may be random."],
    ["Chance to win", "The probability that the variant is better than the control. It is valid only if you look once: read it together with the result."],
    ["Expected loss", "What you lose on average if you choose the variant and it is worse than the control."],
    ["p-value", "How surprising the change would be if the variants were equal. “Holm” takes all comparisons of the experiment into account."],
  ];
  return disclosure("read", "How to read this", () => el("dl", {}, terms.map(([term, text]) => [el("dt", {}, term), el("dd", {}, text)])));
}
