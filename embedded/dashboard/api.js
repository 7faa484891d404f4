// Where data comes from: the server, or the snapshot that is part of the document.

const SESSION = "lamed-session";

const snapshot = (() => {
  const text = document.getElementById("snapshot").textContent.trim();
  return text ? JSON.parse(text) : null;
})();

class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let session = takeSession();

// The address must not keep the session: it would end up in bookmarks and shared links.
function takeSession() {
  const pairs = new URLSearchParams(location.hash.slice(1));
  const given = pairs.get("session");
  if (!given) return stored("sessionStorage", SESSION);
  pairs.delete("session");
  history.replaceState(null, "", pairs.size ? `#${pairs}` : location.pathname + location.search);
  return stored("sessionStorage", SESSION, given);
}

function setSession(value) {
  session = value;
  stored("sessionStorage", SESSION, value);
}

async function send(method, path, { query = {}, body, signal } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const headers = body ? { "Content-Type": "application/json" } : { Authorization: `Bearer ${session}` };
  let reply, text;
  try {
    const address = given.length ? `/dashboard/${path}?${new URLSearchParams(given)}` : `/dashboard/${path}`;
    reply = await fetch(address, { method, headers, body: body && JSON.stringify(body), signal, cache: "no-store" });
    text = await reply.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, "The server does not answer: check that lamed is running");
  }
  let data = null;
  try { data = JSON.parse(text); } catch { /* said below */ }
  if (!reply.ok) throw new Failure(reply.status, data?.message || `The server answered ${reply.status}`);
  if (!data) throw new Failure(reply.status, "The server's answer is not JSON");
  return data;
}

async function fetchExperiments(namespace, signal) {
  if (snapshot) return snapshot.experiments;
  return send("GET", "experiments", { query: { namespace: namespace || null }, signal });
}

async function fetchExperiment({ namespace, experiment, control }, signal) {
  if (!snapshot) return send("GET", "experiment", { query: { experiment, namespace: namespace || null, control }, signal });
  if (!Object.hasOwn(snapshot.details, experiment)) throw new Failure(404, `This saved page has no experiment “${experiment}”`);
  const { usual, others } = snapshot.details[experiment];
  return control !== null && Object.hasOwn(others, control) ? against(usual, control, others[control]) : usual;
}

// As text, for spreadsheets.
const fetchCsv = async ({ namespace, experiment }) =>
  (snapshot ? snapshot.details[experiment] : await send("GET", "experiment", { query: { experiment, namespace: namespace || null, csv: 1 } })).csv;

const fetchPairs = ({ namespace, experiment }, goal) => send("GET", "experiment", { query: { experiment, namespace: namespace || null, pairs: goal } });

// A snapshot holds some controls only.
const canControl = ({ experiment, control }, variant) =>
  !snapshot || variant === control || variant === snapshot.details[experiment].usual.control || Object.hasOwn(snapshot.details[experiment].others, variant);

// An experiment with another control: all that it does not change is the same.
function against(usual, control, { verdict, goals }) {
  const versus = (goal, index) => goal.variants.map((one, place) => ({ ...one, versus_control: goals[index].versus_control[place] }));
  const ranges = (goal, index, day) => goal.variants.map((one, place) => ({ ...one, safe_interval: goals[index].safe_intervals[day][place] }));
  return {
    ...usual, control, verdict,
    goals: usual.goals.map((goal, index) => ({ ...goal, verdict: goals[index].verdict, variants: versus(goal, index) })),
    days: usual.days.map((one, day) => ({ ...one, goals: one.goals.map((goal, index) => ({ ...goal, variants: ranges(goal, index, day) })) })),
  };
}

const deleteCounters = ({ namespace, experiment, goal, variant }) =>
  send("DELETE", "experiment", { query: { experiment, goal, variant, namespace: namespace || null } });

async function signIn(key) {
  setSession((await send("POST", "session", { body: { key } })).session);
}
