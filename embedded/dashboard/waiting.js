// Before the first visitor: the script to paste, and a line that turns green by itself.

let hasWaited = false;

// A name as the script has it.
const literal = (name) => `"${name.replace(/["\\]/g, "\\$&").replace(/[^ -~]|[<>&{]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`;

// What `lamed snippet` prints; on the page of one experiment, of that one. Behind a proxy only the browser knows the host.
function snippetOf(list, experiment) {
  const lines = (list?.snippet ?? "").replace('src="/', `src="${location.origin}/`).trimEnd().split("\n");
  const isOther = (line) => experiment && line.startsWith("lamed.run(") && !line.startsWith(`lamed.run(${literal(experiment)},`);
  return lines.filter((line) => !isOther(line)).join("\n");
}

// `waits` while there are no visitors; what has waited says that they came, until the page shows something else.
function waitingBox(list, waits, { title = "h1", experiment } = {}) {
  if (snapshot && waits) return title === "h1" && [el("section", { class: "notice" }, el("h1", { tabindex: -1 }, "No participants"), el("p", {}, "No experiment had participants when this page was saved."))];
  if (!waits && !hasWaited) return [];
  hasWaited = true;
  const code = snippetOf(list, experiment);
  const status = el("p", { class: waits ? "signal" : "signal good", id: "signal", "data-arrived": waits ? null : "" },
    waits ? el("span", { class: "dot-of", "aria-hidden": "true" }) : mark("check"),
    waits ? "Waiting for the first visitor…" : "lamed counted the first visitor.");
  if (!waits) return [el("section", { class: "waiting arrived", id: "waiting" }, status)];
  return [el("section", { class: "waiting", id: "waiting" },
    el(title, { tabindex: -1 }, "Put lamed on your page"),
    el("ol", {},
      code && el("li", {}, el("p", {}, "Paste this into the ", el("code", {}, "<head>"), " of your page, and your code into the functions. Mark the goal with ", el("code", {}, "data-lamed-goal"), "."), codeBox("snippet", code)),
      el("li", {}, el("p", {}, "Open that page in a browser. This page then changes by itself.")),
      el("li", {}, el("p", {}, "lamed counts each browser once. To test again, use a private window, or clear the storage of the site."))),
    status)];
}
