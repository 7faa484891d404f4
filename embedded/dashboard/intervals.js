// Bars around a zero line, all bars of a table on one axis.

function axisOf(bars, scale) {
  const points = bars.map((bar) => bar.point).filter(present);
  const bounds = bars.flatMap((bar) => bar.interval ?? []).filter(present);
  // A variant with few participants must not squeeze all others: its bar is cut, with an arrow.
  const sizes = bounds.map(Math.abs).sort((a, b) => a - b);
  const limit = Math.max(3 * (sizes[sizes.length >> 1] ?? 0), 1.5 * Math.max(0, ...points.map(Math.abs))) || 0.01;
  const held = [0, ...points, ...bounds.map((bound) => Math.max(-limit, Math.min(limit, bound)))];
  const margin = (Math.max(...held) - Math.min(...held) || 0.02) * 0.1;
  const low = Math.min(...held) - margin;
  const high = Math.max(...held) + margin;

  const at = (value) => Math.max(0, Math.min(100, ((value - low) / (high - low)) * 100));
  const marks = ticks(low, high, 4).filter((tick) => at(tick) > 8 && at(tick) < 92);
  const step = marks.length > 1 ? marks[1] - marks[0] : high;
  const digits = Math.max(0, -Math.floor(Math.log10(step * 100) + 1e-9));
  return { low, high, at, scale, marks: marks.map((value) => ({ value, text: change(value, scale, digits) })) };
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
  const { point, interval } = compared;
  const parts = [];
  if (interval) {
    const [from, to] = interval.map(axis.at);
    parts.push(svg("rect", { x: `${from}%`, y: "50%", width: `${Math.max(to - from, 0.4)}%`, height: 12, rx: 4, transform: "translate(0 -6)" }));
    if (interval[0] < axis.low) parts.push(cut("0%", "M7 -4 2 0 7 4"));
    if (interval[1] > axis.high) parts.push(cut("100%", "M-7 -4 -2 0 -7 4"));
  }
  if (present(point)) parts.push(svg("circle", { cx: `${axis.at(point)}%`, cy: "50%", r: 4 }));
  const shown = (value) => change(value, axis.scale, percentDigits(interval ?? []));
  const said = interval ? `Interval from ${range(interval, shown)}` : "No interval yet";
  return svg("svg", { class: `bar ${directionOf(compared)}`, role: "img", "aria-label": said }, axisLines(axis), parts);
}

const cut = (x, path) => svg("svg", { x, y: "50%", class: "cut" }, svg("path", { d: path }));

const emptyBar = (axis) => svg("svg", { class: "bar empty", "aria-hidden": "true" }, axisLines(axis));
