// Numbers and dates in the reader's locale. What is absent is a dash, never NaN.

const ABSENT = "–";
const formatters = new Map();

// Constructing a formatter costs more than a thousand uses of it.
function formatter(options) {
  const key = JSON.stringify(options);
  if (!formatters.has(key)) formatters.set(key, new Intl.NumberFormat(undefined, options));
  return formatters.get(key);
}

const present = (value) => typeof value === "number" && Number.isFinite(value);

const whole = (value) => (present(value) ? formatter({ maximumFractionDigits: 0 }).format(value) : ABSENT);

const plural = (value, one, many = `${one}s`) => `${whole(value)} ${value === 1 ? one : many}`;

// Three significant digits of the largest value, so that values side by side have the same precision.
function percentDigits(values, least = 0) {
  const largest = Math.max(0, ...values.filter(present).map(Math.abs)) * 100;
  if (largest === 0) return 0;
  return Math.min(8, Math.max(least, 2 - Math.floor(Math.log10(largest))));
}

function percent(value, digits = percentDigits([value]), signDisplay = "auto") {
  if (!present(value)) return ABSENT;
  const fixed = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return formatter({ style: "percent", signDisplay, ...fixed }).format(value);
}

// A hyphen before a digit is easily overlooked.
const minus = (text) => text.replace("-", "−");

// A change against the control: relative in per cent, absolute in percentage points.
function change(value, scale, digits = percentDigits([value])) {
  if (!present(value)) return ABSENT;
  if (scale === "relative") return minus(percent(value, digits, "exceptZero"));
  const fixed = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return minus(`${formatter({ signDisplay: "exceptZero", ...fixed }).format(value * 100)} pp`);
}

function range(interval, shown) {
  return interval ? `${shown(interval[0])} to ${shown(interval[1])}` : "";
}

function perParticipant(value) {
  return present(value) ? formatter({ minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value) : ABSENT;
}

// Rounding must not turn nearly sure into sure.
function chance(value) {
  if (!present(value)) return ABSENT;
  if (value > 0.999) return `> ${percent(0.999, 1)}`;
  if (value < 0.001) return `< ${percent(0.001, 1)}`;
  return percent(value, 1);
}

function pValue(value) {
  if (!present(value)) return ABSENT;
  const fixed = formatter({ minimumFractionDigits: 3, maximumFractionDigits: 3 });
  return value < 0.001 ? `< ${fixed.format(0.001)}` : fixed.format(value);
}

const significant = (value) => (present(value) ? formatter({ maximumSignificantDigits: 3 }).format(value) : ABSENT);

// Days are counted in UTC, so they are shown in UTC.
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const momentFormat = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC", timeZoneName: "short",
});
const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC", timeZoneName: "short",
});

const timeOf = (day) => Date.parse(`${day}T00:00:00Z`);
