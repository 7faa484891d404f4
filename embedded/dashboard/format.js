// Numbers and dates, written as everywhere in lamed: 1,234 and 5.3 %. What is absent is a dash, never NaN.

const ABSENT = "–";
const NARROW = "\u00a0";
const formatters = new Map();

// Constructing a formatter costs more than a thousand uses of it.
function formatter(least, most) {
  const key = `${least} ${most}`;
  if (!formatters.has(key)) formatters.set(key, new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most }));
  return formatters.get(key);
}

const present = (value) => typeof value === "number" && Number.isFinite(value);

// A minus sign that is one, and none before a zero.
function fixed(value, digits) {
  const text = formatter(digits, digits).format(value);
  return /^-[0.,]*$/.test(text) ? text.slice(1) : text.replace("-", "−");
}

const signed = (value, digits) => (/[1-9]/.test(fixed(value, digits)) && value > 0 ? `+${fixed(value, digits)}` : fixed(value, digits));

const whole = (value) => (present(value) ? fixed(value, 0) : ABSENT);

const plural = (value, one, many = `${one}s`) => `${whole(value)} ${value === 1 ? one : many}`;

// Three digits that count of the largest value, so that values side by side have the same precision.
function percentDigits(values, least = 0) {
  const largest = Math.max(0, ...values.filter(present).map(Math.abs)) * 100;
  if (largest === 0) return 0;
  return Math.min(8, Math.max(least, 2 - Math.floor(Math.log10(largest))));
}

const percent = (value, digits = percentDigits([value])) => (present(value) ? `${fixed(value * 100, digits)}${NARROW}%` : ABSENT);

const perParticipant = (value) => (present(value) ? fixed(value, 2) : ABSENT);

// 21–99 %, −73 to −45 %, −30 to +347 %
function range([low, high], write, unit) {
  const ends = low < 0 ? [write(low, high > 0), write(high, high > 0)] : [write(low), write(high)];
  return `${ends.join(low < 0 ? " to " : "–")}${unit}`;
}

const percentRange = (interval, digits) => (interval ? range(interval, (value) => fixed(value * 100, digits), `${NARROW}%`) : "");

// In what a change is written: by how much the figure is to be multiplied, and what stands behind it.
const PERCENT = { factor: 100, text: `${NARROW}%` };
const POINTS = { factor: 100, text: `${NARROW}points` };
const unitsOf = (unit) => ({ factor: 1, text: `${NARROW}${visibleText(unit)}` });

// A change has as many decimals as so wide a range deserves, as the verdict writes it, too.
function changeDigits({ point, interval, unit }) {
  if (!interval) return Math.abs((point ?? 0) * unit.factor) < 10 ? 1 : 0;
  const half = ((interval[1] - interval[0]) / 2) * unit.factor;
  return half >= 2 && unit === PERCENT ? 0 : half >= 0.2 ? 1 : 2;
}

const changeText = (compared, digits = changeDigits(compared)) =>
  (present(compared.point) ? `${signed(compared.point * compared.unit.factor, digits)}${compared.unit.text}` : ABSENT);

function rangeText(compared) {
  const digits = changeDigits(compared);
  return range(compared.interval, (value, sign) => (sign ? signed : fixed)(value * compared.unit.factor, digits), compared.unit.text);
}

// An amount, such as 23.50 EUR; of large ones nobody reads the cents.
const amount = (value, unit) => (present(value) ? `${fixed(value, Math.abs(value) < 1000 ? 2 : 0)}${NARROW}${visibleText(unit)}` : ABSENT);

// Rounding must not turn nearly sure into sure.
function chance(value) {
  if (!present(value)) return ABSENT;
  if (value > 0.999) return `> ${percent(0.999, 1)}`;
  if (value < 0.001) return `< ${percent(0.001, 1)}`;
  return percent(value, 1);
}

function pValue(value) {
  if (!present(value)) return ABSENT;
  return value < 0.001 ? "< 0.001" : fixed(value, 3);
}

const significant = (value) => (present(value) ? new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 }).format(value).replace("-", "−") : ABSENT);

// Days are counted in UTC, so they are shown in UTC: 3 Dec, 3 Dec 2026.
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const dateFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const momentFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
const clockFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });

const DAY = 86_400_000;
const timeOf = (day) => Date.parse(`${day}T00:00:00Z`);

// How long ago a day was, for a list.
function ago(day, now) {
  const days = Math.floor(now / DAY) - timeOf(day) / DAY;
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  return days < 30 ? `${days} days ago` : dateFormat.format(timeOf(day));
}
