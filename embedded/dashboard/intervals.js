// Bars around a zero line, all bars of a table on one axis.

// How a variant compares with one of this figure, relatively or in the goal's own unit.
function comparison(versus, scale, measure, beside) {
  const relative = scale === "relative";
  const [point, interval] = relative ? [versus.lift, versus.lift_interval] : [versus.difference, versus.sequential_interval];
  const [least, most] = relative ? [-1, Infinity] : [-beside, measure.most - beside];
  // What no rate can be is never shown. A range that reaches so far, or over more than 1,000 %, says nothing yet.
  const isWide = interval && interval[0] <= 0 && interval[1] >= 0 && (interval[0] <= least || interval[1] >= most || interval[1] - interval[0] > 10 * (relative || measure.most === 1 ? 1 : beside));
  return {
    unit: relative ? PERCENT : measure.unit, point, decided: versus.decided,
    interval: interval && [Math.max(least, interval[0]), Math.min(most, interval[1])],
    told: Boolean(interval) && (Boolean(versus.decided) || !isWide),
  };
}

// The figure of the variant of this name.
const figureOf = (goal, variant) => {
  const found = goal.variants.find((one) => one.variant === variant);
  return (found && measureOf(goal).of(found)) ?? 0;
};

// Beyond these a bar without a decision goes on unseen: an arrow says so.
const reachOf = (unit) => (unit === PERCENT ? 1 : unit === POINTS ? 0.5 : Infinity);

function axisOf(bars, unit) {
  const told = bars.filter(({ told }) => told);
  const points = told.map((bar) => bar.point).filter(present);
  const bounds = told.flatMap((bar) => bar.interval).filter(present);
  // A variant with few participants must not squeeze all others: its bar is cut, with an arrow.
  const sizes = bounds.map(Math.abs).sort((a, b) => a - b);
  const usual = told.length > 1 ? 3 * sizes[(sizes.length - 1) >> 1] : Infinity;
  const farthest = Math.min(unit.factor === 1 ? Infinity : 10, Math.max(0, ...points.map(Math.abs)));
  const limit = Math.max(Math.min(usual, reachOf(unit)), 2 * farthest, 0.01);
  const held = [0, ...[...points, ...bounds].map((bound) => Math.max(-limit, Math.min(limit, bound)))];
  const margin = (Math.max(...held) - Math.min(...held) || 0.02) * 0.1;
  const low = Math.max(unit === PERCENT ? -1.05 : unit === POINTS ? -1 : -Infinity, Math.min(...held) - margin);
  const high = Math.max(...held) + margin;

  const at = (value) => Math.max(0, Math.min(100, ((value - low) / (high - low)) * 100));
  const marks = told.length ? ticks(low, high, 4).filter((tick) => at(tick) > 8 && at(tick) < 86) : [];
  const step = marks.length > 1 ? marks[1] - marks[0] : high;
  const digits = Math.max(0, -Math.floor(Math.log10(step * unit.factor) + 1e-9));
  return { low, high, at, marks: marks.map((value) => ({ value, text: value === 0 ? "0" : changeText({ point: value, unit }, digits) })) };
}

function axisLabels(axis) {
  const labels = axis.marks.map(({ value, text }) => svg("text", { x: `${axis.at(value)}%`, y: 13, "text-anchor": "middle" }, text));
  return svg("svg", { class: "axis", "aria-hidden": "true" }, labels);
}

function axisLines(axis) {
  const line = (value, name) => svg("line", { class: name, x1: `${axis.at(value)}%`, x2: `${axis.at(value)}%`, y1: 0, y2: "100%" });
  return [axis.marks.filter(({ value }) => value !== 0).map(({ value }) => line(value, "grid")), line(0, "zero")];
}

// Better or worse by the test that counts all comparisons, not by the interval, which stands for its own alone.
const directionOf = ({ decided }) => ({ better: "good", worse: "bad" })[decided] ?? "calm";

function intervalBar(compared, axis) {
  const { point, interval, told } = compared;
  const parts = [];
  if (told) {
    const [from, to] = interval.map(axis.at);
    parts.push(svg("rect", { x: `${from}%`, y: "50%", width: `${Math.max(to - from, 0.4)}%`, height: 12, rx: 4, transform: "translate(0 -6)" }));
    if (interval[0] < axis.low) parts.push(cut("0%", "M7 -4 2 0 7 4", "low"));
    if (interval[1] > axis.high) parts.push(cut("100%", "M-7 -4 -2 0 -7 4", "high"));
  }
  if (told && present(point)) parts.push(svg("circle", { cx: `${axis.at(point)}%`, cy: "50%", r: 4 }));
  const said = told ? `Safe range: ${rangeText(compared)}` : "No safe range yet";
  return svg("svg", { class: "bar", role: "img", "aria-label": said }, axisLines(axis), parts);
}

const cut = (x, path, end) => svg("svg", { x, y: "50%", class: "cut", "data-cut": end }, svg("path", { d: path }));

const emptyBar = (axis) => svg("svg", { class: "bar empty", "aria-hidden": "true" }, axisLines(axis));
