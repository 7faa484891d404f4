// Building the document. Names only ever become text nodes or attribute values, never markup.

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Copied, not referred to: a thousand <use> elements would cost a thousand shadow trees.
const mark = (name) => svg("svg", { class: "mark", viewBox: "0 0 16 16", "aria-hidden": "true" }, ...byId(`mark-${name}`).cloneNode(true).children);

// A name may be written from right to left: it must not reorder the sentence it stands in.
const named = (name, attributes = {}) => el("bdi", { class: "name", ...attributes }, visible(name));

const onlyHeard = (...children) => el("span", { class: "hidden" }, ...children);

const TONES = {
  sample_ratio: "bad", changed: "bad", too_many_conversions: "bad", goal_missing: "note", winner: "good", loser: "bad", control_best: "note", equivalent: "note", keep_going: "calm",
  too_early: "calm", count: "calm", no_comparison: "calm", no_goal: "calm", no_participants: "calm",
};
const LABELS = {
  sample_ratio: "Sample ratio mismatch", changed: "Changed while running", too_many_conversions: "More conversions than participants", goal_missing: "No conversions", winner: "Winner", loser: "Loser", control_best: "Control is best",
  equivalent: "No relevant difference", keep_going: "Keep going", too_early: "Too early", count: "Counts only",
  no_comparison: "Only one variant", no_goal: "No conversions yet", no_participants: "No participants yet",
};

// A kind that a newer server knows and this page does not is shown plainly.
const kindOf = (verdict) => (Object.hasOwn(LABELS, verdict?.kind ?? "") ? verdict.kind : "keep_going");

// A verdict names variants in the middle of English words: names written from right to left are set apart.
const RIGHT_TO_LEFT = /([\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]+(?:\s+[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]+)*)/u;
const sentence = (text) => visible(text, (seen) => seen.split(RIGHT_TO_LEFT).map((part, index) => (index % 2 ? named(part) : part)));

// Rebuilding must not lose the place of who reads or types: focusable parts carry a key.
function keepingPlace(rebuild) {
  const key = document.activeElement?.dataset?.key;
  const [x, y] = [scrollX, scrollY];
  rebuild();
  if (key) document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  scrollTo(x, y);
}

// Steps of 1, 2 or 5 times a power of ten, about `count` of them, over low…high.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}
