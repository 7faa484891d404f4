// What a reader can do with an experiment. Commands change the config, which the page cannot: it shows them to copy.

// A word of a command line, quoted where a shell would take it apart.
function shellWord(text) {
  if (/^[\w./:@%+,][\w./:@%+,=-]*$/.test(text)) return text;
  return /["$`\\!\x00-\x1f]/.test(text) ? `'${text.replaceAll("'", `'\\''`)}'` : `"${text}"`;
}

// A name that begins like an option is none behind `--`.
const commandOf = (verb, ...names) => ["lamed", verb, ...(names.some((name) => name.startsWith("-")) ? ["--"] : []), ...names.map(shellWord)].join(" ");

// A variant of several words would read as words of the sentence.
const called = (variant) => (/\s/.test(variant) ? `“${visibleText(variant)}”` : visibleText(variant));

const VERBS = {
  start: { title: () => "Start", text: "Visitors take part from now on." },
  stop: { title: () => "Stop", text: "All visitors see the control from now on. Counting ends, the results stay." },
  ship: { title: (variant) => `Ship ${called(variant)}`, text: "All visitors see this variant from now on. Counting ends, the results stay." },
  restart: { title: () => "Restart", text: "A new run begins: its counts start at 0. Each visitor gets a variant again. The results of this run stay as an earlier run." },
  archive: { title: () => "Archive", text: "The experiment leaves the list. Its results stay: choose “Archived and earlier runs” to see them." },
};

// What to do next by verdict and state, the best first; the rest belongs into the menu.
function verbsOf({ detail, archived }) {
  const { state, verdict, name } = detail;
  if (!state || archived) return { shown: [], more: [] };
  const verb = (word, variant) => ({ word, variant, title: VERBS[word].title(variant), command: commandOf(word, name, ...(variant === undefined ? [] : [variant])) });
  const ships = detail.variants.filter(({ weight }) => weight !== null).map(({ variant }) => verb("ship", variant));
  const ship = (variant) => ships.filter((one) => one.variant === variant);
  const ways = {
    draft: [verb("start"), verb("archive")],
    stopped: [verb("archive"), verb("restart"), verb("start")],
    shipped: [verb("archive"), verb("restart")],
  };
  const kind = kindOf(verdict);
  const running = { winner: [...ship(verdict.variant), verb("stop")], sample_ratio: [verb("restart"), verb("stop")], changed: [verb("restart"), verb("stop")] }[kind]
    ?? [verb("stop")];
  const shown = ways[state]?.slice(0, 1) ?? running;
  const all = [...(ways[state] ?? [verb("stop"), verb("restart")]), ...(state === "draft" ? [] : ships)];
  const isShown = ({ command }) => shown.some((one) => one.command === command);
  return { shown, more: all.filter((one) => !isShown(one)), urgent: state !== "running" || DECISIVE.has(kind) };
}

// With these verdicts there is something to do now.
const DECISIVE = new Set(["winner", "control_best", "equivalent", "ruled_out", "undecidable", "sample_ratio", "changed"]);

function actions(context) {
  const { shown, more, urgent } = verbsOf(context);
  const button = (one, name) => el("button", { type: "button", class: name, "data-verb": one.word, "data-variant": one.variant, "data-key": `verb ${one.command}`, click: () => showCommand(one) }, visible(one.title), "…");
  const quiet = (key, icon, text, click) => el("button", { type: "button", class: "quiet", "data-key": key, "data-do": key, click }, mark(icon), text);
  return el("div", { class: "do" },
    shown.map((one, index) => button(one, index === 0 && urgent ? "primary" : "")),
    el("div", { class: "do" },
      quiet("link", "link", "Copy link", (event) => copyFrom(event.currentTarget, location.href)),
      quiet("csv", "download", "CSV", () => saveCsv(context)),
      menu([
        ...more.map((one) => button(one, "item")),
        context.remove && el("button", { type: "button", class: "item danger", "data-do": "delete", "data-key": "delete", click: context.remove }, "Delete…"),
      ].filter(Boolean))));
}

// Closes by Escape, by a click elsewhere, and after a choice.
function menu(items) {
  if (!items.length) return null;
  const box = el("details", { class: "menu" },
    el("summary", { "aria-label": "More actions", title: "More actions", "data-key": "menu" }, mark("dots")),
    el("div", { class: "items" }, items));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !box.open) return;
    box.open = false;
    box.firstChild.focus();
  });
  box.addEventListener("click", (event) => { if (event.target.closest(".item")) box.open = false; });
  box.addEventListener("focusout", (event) => { if (event.relatedTarget && !box.contains(event.relatedTarget)) box.open = false; });
  return box;
}
document.addEventListener("pointerdown", (event) => {
  for (const box of document.querySelectorAll(".menu[open]")) if (!box.contains(event.target)) box.open = false;
});

function showCommand({ word, title, command }) {
  byId("command-title").replaceChildren(...visible(title));
  byId("command-text").textContent = VERBS[word].text;
  byId("command-lines").replaceChildren(
    el("p", {}, "Run this command on the machine with your config file:"),
    codeBox("command", command),
    el("p", {}, "A running ", el("code", {}, "lamed serve"), " uses the change within seconds. On AWS, deploy it, too:"),
    codeBox("deploy", "lamed deploy"));
  byId("command").showModal();
  byId("command-lines").querySelector("button").focus();
}

// Text to copy, with the button that does.
function codeBox(key, text) {
  return el("div", { class: "code", "data-code": key },
    el("pre", { tabindex: 0, role: "region", "aria-label": `Text to copy: ${key}` }, el("code", {}, text)),
    el("button", { type: "button", "data-copy": key, "data-key": `copy ${key}`, click: (event) => copyFrom(event.currentTarget, text) }, mark("copy"), el("span", {}, "Copy")));
}

// Without HTTPS a browser has no clipboard for pages: then by the way of before.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "hidden", "aria-hidden": "true" });
    area.value = text;
    const [focused, place] = [document.activeElement, document.querySelector("dialog[open]") ?? document.body];
    place.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }
}

async function copyFrom(button, text) {
  const done = await copy(text);
  hear(done ? "Copied" : "Cannot copy: select the text and copy it yourself");
  const label = button.lastChild;
  const before = label.textContent;
  if (button.dataset.copied !== undefined) return;
  button.dataset.copied = done ? "yes" : "no";
  label.textContent = done ? "Copied" : "Cannot copy";
  setTimeout(() => { label.textContent = before; delete button.dataset.copied; }, 2000);
}

async function saveCsv({ detail, state }) {
  try {
    const address = URL.createObjectURL(new Blob([await fetchCsv(state)], { type: "text/csv" }));
    el("a", { href: address, download: `${detail.experiment.replace(/[^\p{L}\p{N} ._#-]/gu, "_").slice(0, 100)}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    hear("Saved the table");
  } catch (error) {
    hear(`Cannot save the table: ${visibleText(error.message)}`);
  }
}
