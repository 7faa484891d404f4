// A goal's rate over days: a line for each variant, within the band of its interval.

const CHART = { top: 10, bottom: 24, label: 15 };

// What is known of a goal's variants at each day, as series in the order of the table.
function seriesOf(detail, goal, classOf) {
  const days = detail.days.map(({ day }) => day);
  return goal.variants.map(({ variant }) => ({
    variant,
    color: classOf(variant),
    points: detail.days.flatMap((day, index) => {
      const entry = day.goals.find((one) => one.goal === goal.goal)?.variants.find((one) => one.variant === variant);
      const participants = day.variants.find((one) => one.variant === variant)?.participants ?? 0;
      return entry ? [{ ...entry, participants, index, time: timeOf(days[index]) }] : [];
    }),
  }));
}

function rateChart(detail, goal, classOf) {
  const series = seriesOf(detail, goal, classOf);
  const shown = goal.kind === "count" ? perParticipant : (rate) => percent(rate, rateDigits(goal));
  const last = detail.days.length - 1;
  const tip = el("div", { class: "tip", hidden: true });
  const plot = el("div", { class: "plot" });
  // Known before it is drawn, so that the page does not jump.
  plot.style.height = `${heightOf(series)}px`;
  const chart = el("div", {
    class: "chart", role: "slider", tabindex: 0, "data-key": `chart ${goal.goal}`, "data-chart": goal.goal, "aria-orientation": "horizontal",
    "aria-label": `Rate of ${visibleText(goal.goal)} over days, by day`, "aria-valuemin": 0, "aria-valuemax": Math.max(last, 0),
  }, plot, tip);
  let frame = null;
  let current = last;

  function point(index, visible = true) {
    current = Math.max(0, Math.min(last, index));
    const day = detail.days[current].day;
    const rows = series.map((one) => ({ ...one, at: one.points.find((entry) => entry.index === current) }));
    const spoken = rows.map(({ variant, at }) => `${visibleText(variant)} ${at ? shown(at.rate) : ABSENT}${at?.interval ? `, ${range(at.interval, shown)}` : ""}`);
    chart.setAttribute("aria-valuenow", current);
    chart.setAttribute("aria-valuetext", `${dateFormat.format(timeOf(day))}: ${spoken.join("; ")}`);
    tip.replaceChildren(el("p", {}, dateFormat.format(timeOf(day))), tipTable(rows, shown));
    tip.hidden = !visible;
    frame?.place(current, visible, tip);
  }

  chart.addEventListener("pointermove", (event) => frame && point(frame.nearest(event.clientX - chart.getBoundingClientRect().left)));
  chart.addEventListener("pointerleave", () => document.activeElement !== chart && point(current, false));
  chart.addEventListener("focus", () => chart.matches(":focus-visible") && point(current));
  chart.addEventListener("blur", () => point(current, false));
  chart.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: current - 1, ArrowDown: current - 1, ArrowRight: current + 1, ArrowUp: current + 1, PageUp: current + 7, PageDown: current - 7, Home: 0, End: last };
    if (event.key === "Escape") return point(current, false);
    if (!(event.key in moves)) return;
    event.preventDefault();
    point(moves[event.key]);
  });

  point(current, false);
  new ResizeObserver(([entry]) => {
    frame = drawSeries(series, detail.days, goal.kind, Math.round(entry.contentRect.width));
    plot.replaceChildren(...frame.nodes);
    frame.place(current, !tip.hidden, tip);
  }).observe(plot);
  return chart;
}

function tipTable(rows, shown) {
  return el("table", {}, rows.map(({ variant, color, at }) => el("tr", { class: color },
    el("th", { scope: "row" }, el("span", { class: "swatch" }), named(variant)),
    el("td", {}, at ? shown(at.rate) : ABSENT),
    el("td", { class: "small" }, at ? range(at.interval, shown) : ""),
    el("td", { class: "small" }, at ? `${whole(at.conversions)} / ${whole(at.participants)} that day` : ""))));
}

// The first days' bands may span everything; they are cut so that the rest can be read.
function extentOf(series) {
  const points = series.flatMap((one) => one.points);
  const rates = points.map(({ rate }) => rate).filter(present);
  const settled = points.filter(({ interval }) => interval).map(({ interval }) => interval)
    .sort((a, b) => (a[1] - a[0]) - (b[1] - b[0])).slice(0, Math.ceil(points.length * 0.8)).flat();
  const low = Math.min(...rates, ...settled);
  const high = Math.max(...rates, ...settled);
  if (!present(low) || !present(high)) return [0, 1];
  return low === high ? [Math.min(0, low), high * 2 || 1] : [Math.max(0, low - (high - low) * 0.05), high + (high - low) * 0.05];
}

const heightOf = (series) => Math.max(220, series.length * CHART.label + 50);

function drawSeries(series, days, kind, width) {
  const height = heightOf(series);
  const longest = Math.max(0, ...series.map(({ variant }) => visibleText(variant).length));
  const right = Math.min(150, width * 0.24, 28 + longest * 8);
  const [low, high] = extentOf(series);
  const marks = rateMarks(low, high, kind);
  const left = 14 + 7 * Math.max(4, ...marks.map(({ text }) => text.length));
  const [first, last] = [timeOf(days[0].day), timeOf(days.at(-1).day)];
  const inner = Math.max(10, width - left - right);
  const x = (time) => left + (last === first ? inner / 2 : ((time - first) / (last - first)) * inner);
  const y = (rate) => CHART.top + (1 - (Math.max(low, Math.min(high, rate)) - low) / (high - low)) * (height - CHART.top - CHART.bottom);
  const path = (points, rate) => points.map((one) => `${x(one.time).toFixed(1)} ${y(rate(one)).toFixed(1)}`);

  const lines = series.map(({ color, points }) => {
    const drawn = points.filter(({ rate }) => present(rate));
    const banded = drawn.filter(({ interval }) => interval);
    const band = [...path(banded, (one) => one.interval[1]), ...path(banded, (one) => one.interval[0]).reverse()];
    return svg("g", { class: `series ${color}` },
      banded.length > 1 && svg("path", { class: "band", d: `M${band.join("L")}Z` }),
      drawn.length > 0 && svg("path", { class: "line", d: `M${path(drawn, (one) => one.rate).join("L")}` }),
      drawn.slice(-1).map((one) => svg("circle", { cx: x(one.time), cy: y(one.rate), r: 3 })));
  });
  const cursor = svg("line", { class: "cursor", y1: CHART.top, y2: height - CHART.bottom, visibility: "hidden" });
  const dots = series.map(({ color }) => svg("circle", { class: `dot ${color}`, r: 4, visibility: "hidden" }));
  const frame = svg("svg", { width, height, "aria-hidden": "true", class: series.length > 3 ? "crowded" : "" },
    rateAxis(marks, y, left, width - right), dayAxis(days, x, height, inner), lines, cursor, dots);

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
        const rate = points.find((one) => one.index === index)?.rate;
        const seen = visible && present(rate);
        dots[number].setAttribute("visibility", seen ? "visible" : "hidden");
        if (seen) fill(dots[number], { cx: at, cy: y(rate) }, []);
      });
      const wide = tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(width - wide, at > width / 2 ? at - wide - 12 : at + 12))}px`;
    },
  };
}

function rateMarks(low, high, kind) {
  const marks = ticks(low, high, 5);
  const step = marks.length > 1 ? marks[1] - marks[0] : high;
  const digits = Math.max(0, -Math.floor(Math.log10(step * (kind === "count" ? 1 : 100)) + 1e-9));
  const text = (value) => (kind === "count" ? formatter({ maximumFractionDigits: digits }).format(value) : percent(value, digits));
  return marks.map((value) => ({ value, text: text(value) }));
}

function rateAxis(marks, y, left, right) {
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
    const end = points.filter(({ rate }) => present(rate)).at(-1);
    return end ? [{ variant, color, top: y(end.rate) - CHART.label / 2 }] : [];
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

function dayTable(detail, goal, classOf) {
  const series = seriesOf(detail, goal, classOf);
  const shown = goal.kind === "count" ? perParticipant : (rate) => percent(rate, rateDigits(goal));
  const cell = (at) => el("td", {}, at ? shown(at.rate) : ABSENT,
    el("span", { class: "small" }, at ? [at.interval && `${range(at.interval, shown)}, `, `${whole(at.conversions)} / ${whole(at.participants)}`] : ""));
  return scrolling(`${visibleText(goal.goal)} by day`, el("table", { class: "figures", "data-table": "days" },
    el("caption", {}, "Rate and interval of all counts up to that day; conversions / participants of that day alone."),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Day (UTC)"), series.map(({ variant }) => el("th", { scope: "col" }, named(variant))))),
    el("tbody", {}, detail.days.map(({ day }, index) => el("tr", {},
      el("th", { scope: "row" }, dateFormat.format(timeOf(day))),
      series.map(({ points }) => cell(points.find((one) => one.index === index))))))));
}
