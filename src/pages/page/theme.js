/* How things look: colours by theme, numbers with units, and canvases that fit their boxes. */

// Okabe and Ito's colours, which the colour-blind can tell apart, made a little darker or lighter for contrast.
const HUES = {
  light: { blue: "#0072b2", orange: "#dd8f00", green: "#00896a", purple: "#b5588f", vermillion: "#c43c00", sky: "#2f9ed8", grey: "#737983", yellow: "#c4b000" },
  dark: { blue: "#4797e8", orange: "#f0ac1c", green: "#22c294", purple: "#e094c3", vermillion: "#f56a35", sky: "#8ed5fa", grey: "#979ea9", yellow: "#f0e442" },
};
const CLIENT_HUES = ["orange", "sky", "green", "yellow", "blue", "vermillion", "purple"];

/** A request and its answer are related by hue or by dash. */
const SOLID = [], DASHED = [5, 3], DOTTED = [1.5, 2.5];
const TAG_LOOKS = new Map([
  ["SEGMENT_REQUEST", ["blue", SOLID]], ["AVAILABILITY_REQUEST", ["blue", DASHED]],
  ["SEGMENT", ["orange", SOLID]], ["AVAILABILITY", ["orange", DASHED]],
  ["UPDATE", ["green", SOLID]], ["CONFIRM", ["green", DASHED]],
  ["SWARM", ["purple", SOLID]], ["SWARM_REQUEST", ["purple", DASHED]], ["GRANT", ["purple", DOTTED]],
  ["FILE_COMPLETE", ["vermillion", SOLID]], ["ALL_COMPLETE", ["vermillion", DASHED]],
  ["INIT", ["sky", SOLID]], ["INIT_ACK", ["sky", DASHED]],
  ["STOP", ["grey", SOLID]], ["ALIVE", ["grey", DASHED]],
]);

const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"].map(channels);

function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function viridis(share) {
  const at = clamp(share, 0, 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[low].map((value, i) => Math.round(value + (VIRIDIS[low + 1][i] - value) * (at - low)));
}

/** Everything that a picture is painted with, in the theme of the moment. */
function readLook(clients) {
  const theme = document.documentElement.dataset.theme === "dark" ? "dark" : "light";
  const hues = HUES[theme];
  const style = getComputedStyle(document.documentElement);
  const named = (name) => style.getPropertyValue(`--${name}`).trim();
  const clientChannels = (rank) => {
    if (clients <= CLIENT_HUES.length) return channels(hues[CLIENT_HUES[rank - 1]] ?? hues.grey);
    const share = (rank - 1) / (clients - 1);
    // The end of the scale that is nearest to the paper is left out.
    return viridis(theme === "dark" ? 0.2 + 0.8 * share : 0.93 * share);
  };
  return {
    theme, hues, clientChannels,
    paper: named("paper"), card: named("card"), ink: named("ink"), quiet: named("quiet"), line: named("line"), band: named("band"),
    empty: named("empty"), owned: named("owned"), good: named("good"), bad: named("bad"), doubt: named("doubt"),
    font: (size, weight = 400) => `${weight} ${size}px system-ui, sans-serif`,
    client: (rank) => rgb(clientChannels(rank)),
    tag(name) {
      const [hue, dash] = TAG_LOOKS.get(name) ?? ["grey", SOLID];
      return { colour: hues[hue], dash };
    },
  };
}

const rgb = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/* Numbers */

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

/* Elements and canvases */

/** An element with its class, attributes and children. Text is always text, whatever it says. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Gives a canvas the size of its box in the screen's own pixels, and returns a pen that counts in CSS pixels. */
function fitCanvas(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  const w = Math.round(width * scale), h = Math.round(height * scale);
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return pen;
}

/**
 * A canvas that stays in place while its box scrolls, so that a picture of any height needs only the
 * pixels that can be seen.
 */
function makeStage(canvas, highest, onScroll) {
  const scroller = canvas.closest(".scroller");
  const spacer = canvas.parentElement;
  scroller.addEventListener("scroll", onScroll);
  return {
    scroller,
    get offset() { return scroller.scrollTop; },
    fit(content) {
      const height = Math.min(content, highest);
      scroller.style.height = `${height}px`;
      spacer.style.height = `${content}px`;
      const width = Math.max(scroller.clientWidth, 320);
      return { width, height, pen: fitCanvas(canvas, width, height) };
    },
  };
}

/** Says a title and some facts beside a point of a stage, on the side where there is room; nothing if nothing is to be told. */
function tell(tooltip, told, [x, y], { width, height }) {
  tooltip.hidden = !told;
  if (!told) return;
  const title = element("strong", {}, told.title);
  if (told.colour) title.style.borderColor = told.colour;
  tooltip.replaceChildren(title, ...told.facts.map((fact) => element("span", {}, fact)));
  const { offsetWidth, offsetHeight } = tooltip;
  tooltip.style.left = `${x + 16 + offsetWidth < width ? x + 16 : Math.max(x - 16 - offsetWidth, 4)}px`;
  tooltip.style.top = `${clamp(y - offsetHeight / 2, 4, Math.max(height - offsetHeight - 4, 4))}px`;
}
