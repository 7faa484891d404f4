// Deleting counters: for good, so it asks for the name of what is to go.

let removal = null;

// Names may hold spaces that nobody can see or type.
const typeable = (name) => name.normalize("NFC").replace(/\s+/g, " ").trim() || "delete";

function askToRemove(what, state, removed) {
  const { experiment, goal, variant } = what;
  const name = goal ?? variant ?? experiment;
  const kind = goal !== undefined ? "goal" : variant !== undefined ? "variant" : "experiment";
  const gone = {
    experiment: ["All counters of this experiment are deleted for good: its participants, its variants and its goals."],
    goal: ["The conversions of this goal in ", named(experiment), " are deleted for good. Participants and other goals stay."],
    variant: ["The participants and conversions of this variant in ", named(experiment), " are deleted for good. Other variants stay."],
  };
  removal = { what: { ...what, namespace: state.namespace }, word: typeable(name), kind, removed };
  byId("remove-title").replaceChildren(`Delete ${kind} “`, named(name), "”?");
  byId("remove-text").replaceChildren(...gone[kind], " Pages that still run the experiment go on counting.");
  byId("remove-word").textContent = removal.word;
  byId("remove-name").value = "";
  byId("remove-error").textContent = "";
  setRemoving(false);
  byId("remove").showModal();
}

function setRemoving(busy) {
  byId("remove-confirm").disabled = busy || typeable(byId("remove-name").value) !== removal.word;
  byId("remove-confirm").textContent = busy ? "Deleting…" : `Delete ${removal.kind}`;
  byId("remove-name").readOnly = busy;
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
    byId("remove-error").textContent = error.message;
    setRemoving(false);
    if (error.status === 401) { byId("remove").close(); removal.removed(removal.what, null, error); }
  }
}

byId("remove-form").addEventListener("submit", confirmRemoval);
byId("remove-name").addEventListener("input", () => setRemoving(false));
byId("remove-cancel").addEventListener("click", () => byId("remove").close());
