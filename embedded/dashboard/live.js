// Asks again and again, so that the page shows what is counted now. It rests while nobody sees it, and asks less often the
// longer nothing changes: a deployed API costs money.

const PAUSE = { waiting: 2000, waited: 10_000, first: 5000, longest: 60_000 };

const live = { timer: null, pause: PAUSE.first, ask: null };

function startLive(ask) {
  live.ask = ask;
  document.addEventListener("visibilitychange", () => (document.hidden ? stopLive() : askNow()));
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => { if (live.pause > PAUSE.first) again(PAUSE.first); }, { passive: true });
}

const stopLive = () => { clearTimeout(live.timer); live.timer = null; };

function again(pause) {
  stopLive();
  live.pause = pause;
  if (!snapshot && !document.hidden) live.timer = setTimeout(askNow, pause);
}

async function askNow() {
  stopLive();
  const before = performance.now();
  const { changed, waits } = await live.ask();
  // What takes long to answer is asked less often.
  const least = 20 * (performance.now() - before);
  if (waits) return again(Math.max(least, PAUSE.waiting, Math.min(PAUSE.waited, live.pause * 1.05)));
  again(Math.min(PAUSE.longest, Math.max(least, PAUSE.first, changed ? 0 : live.pause * 1.5)));
}
