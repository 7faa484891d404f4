// Figures over days: a line for each variant, read with the pointer or by arrow keys.

const CHART = { top: 10, bottom: 24, label: 15 };
// Which day is read, and which of its views a chart shows: a page that is drawn anew keeps both.
const readings = new Map();

// Somebody tries the page, and visitors come weeks later: such a beginning is left out of the drawing.
function firstDay(detail) {
  const counts = detail.days.map(({ variants }) => variants.reduce((sum, one) => sum + one.participants, 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  let before = 0;
  const first = counts.findIndex((count) => (before += count) >= total * 0.01);
  return Math.max(0, Math.min(first, counts.length - 2));
}

// What each day has of a variant: of the goal, and of its participants.
function seriesOf(detail, goal, classOf, pointOf) {
  const from = firstDay(detail);
  const beside = (day) => day.goals.find((one) => one.goal === goal?.goal)?.variants ?? [];
  return (goal ?? detail).variants.map(({ variant }) => ({
    variant,
    color: classOf(variant),
    decided: goal?.variants.find((one) => one.variant === variant)?.versus_control?.decided ?? null,
    points: detail.days.slice(from).flatMap((day, index) => {
      const entry = beside(day).find((one) => one.variant === variant);
      const control = beside(day).find((one) => one.variant === detail.control);
      const participants = day.variants.find((one) => one.variant === variant)?.participants ?? 0;
      const point = goal && !entry ? null : pointOf({ entry, control, participants, measure: goal && measureOf(goal) });
      return point ? [{ ...point, index, time: timeOf(day.day) }] : [];
    }),
  }));
}

const dayCounts = (entry, participants) => `${whole(entry.conversions)} of ${whole(participants)} that day`;

// The band is the safe range of the change, drawn from the control's line: where it leaves that line, the two differ.
const soFar = ({ entry, control, participants, measure }) => ({
  value: measure.ofDay(entry),
  band: bandOf(entry, control && measure.ofDay(control), measure),
  counts: dayCounts(entry, participants),
});
const ofTheDay = ({ entry, participants, measure }) => ({ value: participants ? measure.alone(entry, participants) : null, counts: dayCounts(entry, participants) });

const bandOf = ({ safe_interval: range }, beside, { most }) => (range && present(beside) ? range.map((end) => Math.max(0, Math.min(most, beside + end))) : null);
const ofParticipants = ({ participants }) => ({ value: participants, counts: "" });

function goalChart(detail, goal, classOf, trusted) {
  const { write, axis } = measureOf(goal);
  const compared = trusted && comparisonsOf(goal).some((one) => one.sequential_interval);
  const bandNote = compared ? " The shaded area is the safe range of the change. While it touches the line of the control, the change may be random." : "";
  const views = [
    { key: "so-far", title: "So far", pointOf: soFar, note: `${goal.value ? "The average" : "The rate"} of all participants up to each day.${bandNote}` },
    { key: "by-day", title: "By day", pointOf: ofTheDay, note: "Only the participants of each day. Single days go up and down at random." },
  ];
  return chartWithViews(`goal ${goal.goal}`, visibleText(goal.goal), detail, views.map((view) => ({
    ...view, write, axis, series: seriesOf(detail, goal, classOf, view.pointOf),
  })));
}

const participantsChart = (detail, classOf) => chartWithViews("participants", "Participants", detail, [{
  key: "participants", title: "Participants by day", write: whole, axis: (value) => whole(value), fromZero: true, note: "",
  series: seriesOf(detail, null, classOf, ofParticipants),
}]);

function chartWithViews(key, name, detail, views) {
  const place = el("div", { class: "chart-place" });
  const kept = readings.get(key) ?? readings.set(key, { view: views[0].key, index: null, visible: false }).get(key);
  const draw = () => {
    const view = views.find((one) => one.key === kept.view) ?? views[0];
    place.replaceChildren(drawnChart(key, name, detail, view, kept), el("p", { class: "small" }, view.note, leftOut(detail)));
  };
  const choose = (value) => { kept.view = value; draw(); };
  draw();
  return el("div", {}, views.length > 1 && segments(`Chart of ${name}`, `view ${key}`, views.map((view) => [view.key, view.title]), kept.view, choose), place);
}

function leftOut(detail) {
  const days = firstDay(detail);
  return days > 0 && ` The chart begins on ${dateFormat.format(timeOf(detail.days[days].day))}: ${plural(days, "earlier day")} with few participants ${days === 1 ? "is" : "are"} in “Daily numbers”.`;
}

function drawnChart(key, name, detail, view, kept) {
  const { series, write } = view;
  const days = detail.days.slice(firstDay(detail));
  const last = days.length - 1;
  const tip = el("div", { class: "tip", hidden: true });
  const plot = el("div", { class: "plot" });
  // Known before it is drawn, so that the page does not jump.
  plot.style.height = `${heightOf(series)}px`;
  const chart = el("div", {
    class: "chart", role: "slider", tabindex: 0, "data-key": `chart ${key}`, "data-chart": key, "data-view": view.key, "aria-orientation": "horizontal",
    "aria-label": `${name}: ${view.title}, one day per step`, "aria-valuemin": 0, "aria-valuemax": Math.max(last, 0),
  }, plot, tip);
  let frame = null;
  let current = Math.min(kept.index ?? last, last);

  function point(index, visible = true) {
    current = Math.max(0, Math.min(last, index));
    Object.assign(kept, { index: visible ? current : null, visible });
    const day = dateFormat.format(timeOf(days[current].day));
    const rows = series.map((one) => ({ ...one, at: one.points.find((entry) => entry.index === current) }));
    const spoken = rows.map(({ variant, at }) => [`${visibleText(variant)} ${write(at?.value)}`, at?.counts].filter(Boolean).join(", "));
    chart.setAttribute("aria-valuenow", current);
    chart.setAttribute("aria-valuetext", `${day}: ${spoken.join("; ")}`);
    tip.replaceChildren(el("p", {}, day), tipTable(rows, write));
    tip.hidden = !visible;
    frame?.place(current, visible, tip);
  }

  chart.addEventListener("pointermove", (event) => frame && point(frame.nearest(event.clientX - chart.getBoundingClientRect().left)));
  chart.addEventListener("pointerleave", () => document.activeElement !== chart && point(last, false));
  chart.addEventListener("focus", () => chart.matches(":focus-visible") && point(current));
  chart.addEventListener("blur", () => chart.isConnected && point(last, false));
  chart.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: current - 1, ArrowDown: current - 1, ArrowRight: current + 1, ArrowUp: current + 1, PageUp: current + 7, PageDown: current - 7, Home: 0, End: last };
    if (event.key === "Escape") return point(current, false);
    if (!(event.key in moves)) return;
    event.preventDefault();
    point(moves[event.key]);
  });

  point(current, kept.visible);
  new ResizeObserver(([entry]) => {
    frame = drawSeries(view, days, Math.round(entry.contentRect.width));
    plot.replaceChildren(...frame.nodes);
    frame.place(current, !tip.hidden, tip);
  }).observe(plot);
  return chart;
}

function tipTable(rows, write) {
  return el("table", {}, rows.map(({ variant, color, at }) => el("tr", { class: color },
    el("th", { scope: "row" }, el("span", { class: "swatch" }), named(variant)),
    el("td", {}, write(at?.value)),
    el("td", { class: "small" }, at?.counts ?? ""))));
}

// The first days' bands may span everything; they are cut so that the rest can be read.
function extentOf({ series, fromZero }) {
  const points = series.flatMap((one) => one.points);
  const values = points.map(({ value }) => value).filter(present);
  const settled = points.filter(({ band }) => band).map(({ band }) => band)
    .sort((a, b) => (a[1] - a[0]) - (b[1] - b[0])).slice(0, Math.ceil(points.length * 0.5)).flat();
  const low = fromZero ? 0 : Math.min(...values, ...settled);
  const high = Math.max(...values, ...settled);
  if (!present(low) || !present(high)) return [0, 1];
  if (low === high) return [Math.min(0, low), high * 2 || 1];
  return [Math.max(0, low - (high - low) * 0.05), high + (high - low) * 0.05];
}

const heightOf = (series) => Math.max(220, series.length * CHART.label + 50);

function drawSeries(view, days, width) {
  const { series } = view;
  const height = heightOf(series);
  const longest = Math.max(0, ...series.map(({ variant }) => visibleText(variant).length));
  const right = Math.min(150, width * 0.24, 28 + longest * 8);
  const [low, high] = extentOf(view);
  const marks = valueMarks(low, high, view.axis);
  const left = 14 + 7 * Math.max(4, ...marks.map(({ text }) => text.length));
  const [first, last] = [timeOf(days[0].day), timeOf(days.at(-1).day)];
  const inner = Math.max(10, width - left - right);
  const x = (time) => left + (last === first ? inner / 2 : ((time - first) / (last - first)) * inner);
  const y = (value) => CHART.top + (1 - (Math.max(low, Math.min(high, value)) - low) / (high - low)) * (height - CHART.top - CHART.bottom);
  const cursor = svg("line", { class: "cursor", y1: CHART.top, y2: height - CHART.bottom, visibility: "hidden" });
  const dots = series.map(({ color }) => svg("circle", { class: `dot ${color}`, r: 4, visibility: "hidden" }));
  const frame = svg("svg", { width, height, "aria-hidden": "true" },
    valueAxis(marks, y, left, width - right), dayAxis(days, x, height, inner), series.map((one) => curve(one, x, y, series.length > 3)), cursor, dots);

  return {
    nodes: [frame, ...endLabels(series, y, width - right + 8, right - 8, height)],
    nearest(position) {
      const distances = days.map(({ day }) => Math.abs(x(timeOf(day)) - position));
      return distances.indexOf(Math.min(...distances));
    },
    place(index, visible, tip) {
      const at = x(timeOf(days[index].day));
      cursor.setAttribute("x1", at);
      cursor.setAttribute("x2", at);
      cursor.setAttribute("visibility", visible ? "visible" : "hidden");
      series.forEach(({ points }, number) => {
        const value = points.find((one) => one.index === index)?.value;
        const seen = visible && present(value);
        dots[number].setAttribute("visibility", seen ? "visible" : "hidden");
        if (seen) fill(dots[number], { cx: at, cy: y(value) }, []);
      });
      const wide = tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(width - wide, at > width / 2 ? at - wide - 12 : at + 12))}px`;
    },
  };
}

// Among many lines only those that are decided have their band: more of them would hide each other.
function curve({ color, points, decided }, x, y, isCrowded) {
  const path = (some, value) => some.map((one) => `${x(one.time).toFixed(1)} ${y(value(one)).toFixed(1)}`);
  const drawn = points.filter(({ value }) => present(value));
  const banded = isCrowded && !decided ? [] : drawn.filter(({ band }) => band);
  const band = [...path(banded, (one) => one.band[1]), ...path(banded, (one) => one.band[0]).reverse()];
  return svg("g", { class: `series ${color}` },
    banded.length > 1 && svg("path", { class: "band", d: `M${band.join("L")}Z` }),
    drawn.length > 0 && svg("path", { class: "line", d: `M${path(drawn, (one) => one.value).join("L")}` }),
    drawn.slice(-1).map((one) => svg("circle", { cx: x(one.time), cy: y(one.value), r: 3 })));
}

function valueMarks(low, high, write) {
  const marks = ticks(low, high, 6);
  const step = marks.length > 1 ? marks[1] - marks[0] : high;
  return marks.map((value) => ({ value, text: write(value, step) }));
}

function valueAxis(marks, y, left, right) {
  return marks.map(({ value, text }) => [
    svg("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
    svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, text),
  ]);
}

function dayAxis(days, x, height, inner) {
  const every = Math.max(1, Math.ceil(days.length / Math.max(2, Math.floor(inner / 76))));
  return days.filter((_, index) => index % every === 0).map(({ day }) =>
    svg("text", { x: x(timeOf(day)), y: height - 6, "text-anchor": "middle" }, dayFormat.format(timeOf(day))));
}

// Each line is named where it ends; names that would overlap are moved apart.
function endLabels(series, y, left, width, height) {
  const ends = series.flatMap(({ variant, color, points }) => {
    const end = points.filter(({ value }) => present(value)).at(-1);
    return end ? [{ variant, color, top: y(end.value) - CHART.label / 2 }] : [];
  }).sort((a, b) => a.top - b.top);
  ends.forEach((end, index) => { if (index) end.top = Math.max(end.top, ends[index - 1].top + CHART.label); });
  let lowest = height - CHART.bottom - CHART.label / 2;
  for (const end of ends.toReversed()) { end.top = Math.min(end.top, lowest); lowest = end.top - CHART.label; }
  return ends.map(({ variant, color, top }) => {
    const label = named(variant, { class: `label ${color}`, "aria-hidden": "true" });
    Object.assign(label.style, { left: `${left}px`, top: `${top}px`, maxWidth: `${width}px` });
    return label;
  });
}

// All days, also those that the chart leaves out.
function dayTable(detail, goal) {
  const measure = measureOf(goal);
  const cells = (day) => goal.variants.map(({ variant }) => {
    const entry = day.goals.find((one) => one.goal === goal.goal)?.variants.find((one) => one.variant === variant);
    const participants = day.variants.find((one) => one.variant === variant)?.participants ?? 0;
    return el("td", {}, entry ? measure.write(measure.ofDay(entry)) : ABSENT, entry && el("span", { class: "small" }, `${whole(entry.conversions)} / ${whole(participants)}`));
  });
  return scrolling(`${visibleText(goal.goal)} by day`, el("table", { class: "figures", "data-table": "days" },
    el("caption", {}, "The large number is for all participants up to that day. The small numbers are the conversions and participants of that day only."),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Day (UTC)"), goal.variants.map(({ variant }) => el("th", { scope: "col" }, named(variant))))),
    el("tbody", {}, detail.days.map((day) => el("tr", {}, el("th", { scope: "row" }, dateFormat.format(timeOf(day.day))), cells(day))))));
}
