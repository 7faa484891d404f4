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

// What a kind of verdict looks like, and what a list calls it in two words.
const KINDS = {
  sample_ratio: ["bad", "alarm", "Uneven split"], changed: ["bad", "alarm", "Changed while running"],
  too_many_conversions: ["bad", "alarm", "Too many conversions"], goal_missing: ["note", "flag", "Goal never reached"],
  winner: ["good", "check", "Winner"], loser: ["bad", "cross", "Loser"], control_best: ["bad", "cross", "Control wins"],
  equivalent: ["note", "equal", "No real difference"], ruled_out: ["note", "equal", "Effect ruled out"],
  undecidable: ["note", "hourglass", "Too little traffic"], keep_going: ["calm", "dots", "Not decided yet"], too_early: ["calm", "clock", "Too early"],
  count: ["calm", "hash", "Averages only"], no_comparison: ["calm", "one", "Only one variant"], no_goal: ["calm", "flag", "No conversions yet"],
  no_participants: ["calm", "nothing", "No visitors yet"],
};
// A kind that a newer server knows and this page does not is shown plainly.
const kindOf = (verdict) => (Object.hasOwn(KINDS, verdict?.kind ?? "") ? verdict.kind : "keep_going");
const toneOf = (kind) => KINDS[kind][0];
const markOf = (kind) => mark(KINDS[kind][1]);
const labelOf = (kind) => KINDS[kind][2];

// What is said of an experiment: before its first visitor there is nothing to judge.
function verdictOf({ verdict, participants, state }) {
  if (participants > 0) return { ...verdict, kind: kindOf(verdict) };
  const text = state === "draft" ? "A draft: visitors do not see it. Start it when it is ready" : state === "running" ? "No visitors yet" : "No visitors came";
  return { kind: "no_participants", variant: null, text };
}

// With these no figure of the experiment can be trusted.
const DOUBTS = new Set(["sample_ratio", "changed"]);

// A verdict names variants in the middle of English words: names written from right to left are set apart.
const RIGHT_TO_LEFT = /([\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]+(?:\s+[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]+)*)/u;
const sentence = (text) => visible(text, (seen) => seen.split(RIGHT_TO_LEFT).map((part, index) => (index % 2 ? named(part) : part)));

// A sentence with commands between backticks.
const prose = (text) => text.split("`").map((part, index) => {
  if (index % 2) return el("code", {}, visible(part));
  // The spaces around a command are those between words.
  const [, before, words, after] = /^( ?)(.*?)( ?)$/s.exec(part);
  return [before, sentence(words), after];
});

// Rebuilding must not lose the place of who reads or types: focusable parts carry a key.
function keepingPlace(rebuild) {
  const { dataset, selectionStart, selectionEnd } = document.activeElement ?? {};
  const [x, y] = [scrollX, scrollY];
  rebuild();
  const again = dataset?.key && document.querySelector(`[data-key="${CSS.escape(dataset.key)}"]`);
  again?.focus({ preventScroll: true });
  if (again && typeof selectionStart === "number") again.setSelectionRange(selectionStart, selectionEnd);
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
