// Deleting counters: for good, so it asks for the name of what is to go.

let removal = null;

const plain = (text) => text.normalize("NFC").replace(/\s+/g, " ").trim();

// A name may hold what nobody can see or type.
const wordFor = (name) => (plain(name) && !UNSEEN.test(plain(name)) ? plain(name) : "delete");

// What was counted under it as far as the page knows: how many counters, and of how many events.
function countedOf(detail, { goal, variant }) {
  const sides = (all) => all.filter((one) => variant === undefined || one.variant === variant);
  const counts = [
    ...(goal === undefined ? sides(detail.variants).map(({ participants }) => participants) : []),
    ...detail.goals.filter((one) => goal === undefined || one.goal === goal).flatMap((one) => sides(one.variants).map(({ conversions }) => conversions)),
  ].filter((count) => count > 0);
  return [counts.length, counts.reduce((sum, count) => sum + count, 0)];
}

const GONE = {
  experiment: "This deletes the whole experiment forever: its participants, its variants and its goals.",
  goal: "This deletes the conversions of this goal forever. Participants and other goals stay.",
  variant: "This deletes the participants and conversions of this variant forever. Other variants stay.",
};

function askToRemove({ detail, namespace }, removed) {
  const parts = [
    { kind: "experiment" },
    ...detail.goals.map(({ goal }) => ({ kind: "goal", goal })),
    ...detail.variants.map(({ variant }) => ({ kind: "variant", variant })),
  ];
  const text = ({ kind, goal, variant }) => (kind === "experiment" ? "The whole experiment" : `${kind === "goal" ? "The goal" : "The variant"} ${visibleText(goal ?? variant)}`);
  removal = { detail, namespace, parts, removed };
  byId("remove-part").replaceChildren(...parts.map((part, index) => el("option", { value: index }, text(part))));
  choosePart();
  byId("remove").showModal();
}

function choosePart() {
  const { detail, namespace, parts } = removal;
  const { kind, ...part } = parts[byId("remove-part").value];
  const name = part.goal ?? part.variant ?? detail.experiment;
  const [counters, events] = countedOf(detail, part);
  const facts = [
    ["Namespace", named(namespace)], ["Experiment", named(detail.experiment)],
    kind !== "experiment" && [kind === "goal" ? "Goal" : "Variant", named(name)],
    ["Deletes", `${plural(counters, "counter")} of ${plural(events, "event")}`],
  ].filter(Boolean);
  Object.assign(removal, { what: { ...part, experiment: detail.experiment, namespace }, word: wordFor(name), kind });
  byId("remove-title").textContent = `Delete this ${kind}?`;
  byId("remove-what").replaceChildren(...facts.flatMap(([term, fact]) => [el("dt", {}, term), el("dd", {}, fact)]));
  const remembered = kind === "goal" ? "" : " Browsers remember their variant: lamed does not count them as participants again, but it counts their conversions. To start again, run “lamed restart”.";
  byId("remove-text").textContent = `${GONE[kind]} Pages that still run the experiment continue to count.${remembered}`;
  byId("remove-word").textContent = removal.word;
  byId("remove-name").value = "";
  byId("remove-error").textContent = "";
  setRemoving(false);
}

function setRemoving(busy) {
  byId("remove-confirm").disabled = busy || plain(byId("remove-name").value) !== removal.word;
  byId("remove-confirm").textContent = busy ? "Deleting…" : `Delete ${removal.kind}`;
  byId("remove-name").readOnly = busy;
  byId("remove-part").disabled = busy;
}

async function confirmRemoval(event) {
  event.preventDefault();
  if (byId("remove-confirm").disabled) return;
  setRemoving(true);
  byId("remove-error").textContent = "";
  try {
    const { deleted } = await deleteCounters(removal.what);
    byId("remove").close();
    removal.removed(removal.what, deleted);
  } catch (error) {
    byId("remove-error").textContent = visibleText(error.message);
    setRemoving(false);
    if (error.status === 401) { byId("remove").close(); removal.removed(removal.what, null, error); }
  }
}

byId("remove-form").addEventListener("submit", confirmRemoval);
byId("remove-part").addEventListener("change", choosePart);
byId("remove-name").addEventListener("input", () => setRemoving(false));
byId("remove-cancel").addEventListener("click", () => byId("remove").close());
