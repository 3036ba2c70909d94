/* Ranks and numbers in words, and which numbers an axis names. */

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const rankName = (rank) => (rank === 0 ? "tracker" : `client ${rank}`);
const count = (n) => n.toLocaleString("en");
const plural = (n, thing) => `${count(n)} ${thing}${n === 1 ? "" : "s"}`;
const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)} %`;
const significant = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });

const unitOf = (time) => (time < 1e-3 ? ["µs", 1e-6] : time < 1 ? ["ms", 1e-3] : ["s", 1]);

/** A length of time: "19.3 ms". */
function duration(time) {
  if (time === 0) return "0 s";
  const [unit, size] = unitOf(Math.abs(time));
  return `${significant(time / size)} ${unit}`;
}

/** A moment of the run, exact to the microsecond: "12.345 ms". */
const moment = (time) => (Math.abs(time) < 10 ? `${(time * 1e3).toFixed(3)} ms` : `${time.toFixed(6)} s`);

/** At most about `most` round values from `low` to `high`, and how to write them. */
function ticks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.75);
  const values = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-12); i++) values.push(i * step);
  return { values, step };
}

function timeLabels({ values, step }, unitTime) {
  const [unit, size] = unitOf(unitTime);
  const digits = clamp(Math.ceil(-Math.log10(step / size) - 1e-9), 0, 9);
  return values.map((value) => `${(value / size).toFixed(digits)} ${unit}`);
}
