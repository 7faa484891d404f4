// Names as they can be told apart: what nobody would see in one is spelled out. src/cli/visible.rs does the same, by
// the same rule, for terminals.

const UNSEEN = (() => {
  // Control characters, spaces but the usual one, and what leaves no trace.
  const trace = String.raw`[\p{Cc}\p{Zl}\p{Zp}\p{DI}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u2800\ufff9-\ufffb]`;
  // Within an emoji, and within a word of a script whose letters join, these do their work.
  const emoji = String.raw`[©®‼⁉™ℹ\u2190-\u2bff〰〽㊗㊙\u{1f000}-\u{1faff}]`;
  const letter = String.raw`[\u0600-\u0dff]`;
  const joined = [
    String.raw`(?<=${emoji})[\ufe0e\ufe0f]`, String.raw`[\ufe0e\ufe0f](?=\u20e3)`,
    String.raw`(?<=${letter})[\u200c\u200d](?=${letter})`, String.raw`(?<=${emoji}|\ufe0f)\u200d(?=${emoji})`,
  ];
  // A space at an end of the name or beside another one.
  return new RegExp(String.raw`(^ +| +$| {2,}|(?!${joined.join("|")})${trace})`, "u");
})();

const codeOf = (text) => (text.startsWith(" ") ? "␣".repeat(text.length) : `U+${text.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`);

// A text, and what is unseen of it set apart; `show` gives nodes for the rest.
const visible = (text, show = (seen) => seen) =>
  text.split(UNSEEN).map((part, index) => (index % 2 ? el("span", { class: "unseen", dir: "ltr" }, codeOf(part)) : show(part)));

// The same where there can be no elements: in a list to choose from, in what is read aloud.
const visibleText = (text) => text.split(UNSEEN).map((part, index) => (index % 2 ? codeOf(part).replace(/^U.*/, "<$&>") : part)).join("");
