/* A stretch of time that can be zoomed and moved, as the diagrams show it: from left to right, with an axis above. */

const AXIS = 30;
/** The greatest distance of a pointer from a line that it points at, in pixels. */
const REACH = 7;
/** The time after its last move at which a view is at rest, in milliseconds. */
const REST = 140;

function distanceToSegment(x, y, [x0, y0, x1, y1]) {
  const dx = x1 - x0, dy = y1 - y0;
  const share = clamp(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1), 0, 1);
  return Math.hypot(x - x0 - share * dx, y - y0 - share * dy);
}

/* Arrows */

/** An arrow's ends, but for what lies far outside of the view: there a line costs much and shows nothing, above all a dashed one. */
function clipped([x0, y0, x1, y1], left, right) {
  const slope = (y1 - y0) / (x1 - x0), far = 60;
  if (x0 < left - far && x1 > x0) (y0 += slope * (left - far - x0)), (x0 = left - far);
  if (x1 > right + far && x1 > x0) (y1 += slope * (right + far - x1)), (x1 = right + far);
  return [x0, y0, x1, y1];
}

/** Strokes lines from end to end. A path of many thousand lines is slow, so there is one for each 200 of them. */
function strokeLines(pen, lines) {
  for (let from = 0; from < lines.length; from += 200) {
    pen.beginPath();
    for (const [x0, y0, x1, y1] of lines.slice(from, from + 200)) pen.moveTo(x0, y0), pen.lineTo(x1, y1);
    pen.stroke();
  }
}

/** The head of an arrow, if it is long enough to have one. */
function drawHead(pen, [x0, y0, x1, y1], bold, least) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length < least) return;
  const ux = (x1 - x0) / length, uy = (y1 - y0) / length, long = 6.5 + bold, wide = 2.6 + bold * 0.6;
  pen.beginPath();
  pen.moveTo(x1, y1), pen.lineTo(x1 - ux * long - uy * wide, y1 - uy * long + ux * wide), pen.lineTo(x1 - ux * long + uy * wide, y1 - uy * long - ux * wide);
  pen.fill();
}

/** Adds a cross to a path: `reach` is how far it goes to each side. */
function addCross(pen, x, y, reach) {
  for (const side of [-1, 1]) pen.moveTo(x - reach, y - reach * side), pen.lineTo(x + reach, y + reach * side);
}

/* What is underway when */

/** How many of the first values of a sorted array are at most `limit`. */
function countUpTo(sorted, limit) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Things with a start and an end, messages or calls, in the order of their start. One may go on for long,
 * so each block of them remembers its latest end: a whole block that ended before the view is passed
 * over at once.
 */
const BLOCK = 256;
function timeIndex(things, ids) {
  const starts = Float64Array.from(ids, (id) => things.start[id]);
  const reach = new Float64Array(Math.ceil(ids.length / BLOCK)).fill(-Infinity);
  ids.forEach((id, i) => {
    const block = Math.floor(i / BLOCK);
    reach[block] = Math.max(reach[block], things.end[id]);
  });
  return { ids, starts, reach, end: things.end };
}

/** Those of an index that are underway at some time between `from` and `to`. */
function underway(index, from, to) {
  const found = [];
  const last = countUpTo(index.starts, to);
  for (let first = 0; first < last; first += BLOCK) {
    if (index.reach[first / BLOCK] < from) continue;
    const stop = Math.min(first + BLOCK, last);
    for (let i = first; i < stop; i++) {
      if (index.end[index.ids[i]] >= from) found.push(index.ids[i]);
    }
  }
  return found;
}

/**
 * The view of a diagram on a stage: `state.view` is what is seen of `whole`, right of the gutter that has
 * the names. The others are told where the pointer is (`hover`, `click`, `forget`), what is done to the axis
 * (`setTime`), and that nothing is to be kept any more (`leave`). `home` is what is shown first and by Fit.
 */
function makeTimeView({ canvas, stage, state, whole, home = whole, gutter }, { hover, click, forget, setTime, leave }) {
  const size = { width: 320, height: 200 };
  let moving = null;
  state.view = home;

  const plotWidth = () => size.width - gutter - 8;
  const toX = (time) => gutter + ((time - state.view[0]) / (state.view[1] - state.view[0])) * plotWidth();
  const toTime = (x) => state.view[0] + ((x - gutter) / plotWidth()) * (state.view[1] - state.view[0]);

  function show(from, to) {
    const length = clamp(to - from, Math.max((whole[1] - whole[0]) * 1e-7, 1e-8), whole[1] - whole[0]);
    const start = clamp((from + to - length) / 2, whole[0], whole[1] - length);
    clearTimeout(moving);
    moving = setTimeout(() => {
      moving = null;
      state.set({ scrolled: true });
    }, REST);
    state.set({ view: [start, start + length], hover: -1 });
  }
  function zoom(factor, at = (state.view[0] + state.view[1]) / 2) {
    show(at - (at - state.view[0]) * factor, at + (state.view[1] - at) * factor);
  }
  function pan(pixels) {
    const by = (pixels / plotWidth()) * (state.view[1] - state.view[0]);
    const allowed = clamp(by, whole[0] - state.view[0], whole[1] - state.view[1]);
    show(state.view[0] + allowed, state.view[1] + allowed);
  }
  const fit = () => show(...home);

  function drawAxis(pen, look) {
    pen.fillStyle = look.card;
    pen.fillRect(0, 0, size.width, AXIS);
    const marks = ticks(...state.view, plotWidth() / 110);
    const labels = timeLabels(marks, Math.max(...state.view.map(Math.abs)));
    pen.font = look.font(11);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    marks.values.forEach((value, i) => {
      const x = Math.round(toX(value)) + 0.5;
      if (x < gutter) return;
      pen.fillStyle = look.quiet;
      if (x < size.width - 34) pen.fillText(labels[i], x, AXIS / 2 - 2);
      pen.fillStyle = look.line;
      pen.fillRect(x, AXIS - 6, 1, 6);
    });
    pen.fillStyle = look.line;
    pen.fillRect(0, AXIS, size.width, 1);
  }

  // What is in the view is painted on a canvas of its own, and only anew when the view or the choice changes:
  // the light on a thing and what else follows the pointer is laid over a copy of it.
  const base = document.createElement("canvas");
  let painted = "";

  /** Paints a picture of this height; `paintBase` paints what is in the view. Returns the pen for what is laid over it. */
  function paint(height, look, { choice, hurried }, paintBase) {
    const thin = hurried && moving !== null;
    const { pen, ...fitted } = stage.fit(height);
    Object.assign(size, fitted);
    const wanted = [...state.view, stage.offset, size.width, size.height, look.theme, choice, thin, window.devicePixelRatio].join();
    if (painted !== wanted) {
      const under = fitCanvas(base, size.width, size.height);
      under.fillStyle = look.card;
      under.fillRect(0, 0, size.width, size.height);
      paintBase(under, look, thin);
    }
    painted = wanted;
    pen.drawImage(base, 0, 0, size.width, size.height);
    return pen;
  }

  /** Makes what is painted faint, so that what is painted next stands out. */
  function fade(pen, look, alpha) {
    pen.globalAlpha = alpha;
    pen.fillStyle = look.card;
    pen.fillRect(gutter, AXIS, size.width, size.height);
    pen.globalAlpha = 1;
  }

  /* The pointer and the keys */

  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  let grip = null;
  canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = point(event);
    if (event.button !== 0) return;
    grip = { x, y, moved: false, axis: Boolean(setTime) && y < AXIS && x >= gutter };
    if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
    if (grip.axis && setTime(x, true) === false) grip = null;
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = point(event);
    if (!grip) return hover(x, y);
    if (grip.axis) return setTime(x, false);
    if (!grip.moved && Math.hypot(x - grip.x, y - grip.y) < 4) return;
    if (!grip.moved) forget();
    stage.scroller.scrollTop -= y - grip.y;
    pan(grip.x - x);
    grip = { x, y, moved: true };
    canvas.classList.add("dragging");
  });
  canvas.addEventListener("pointerup", (event) => {
    const clicked = grip && !grip.moved && !grip.axis;
    grip = null;
    canvas.classList.remove("dragging");
    if (clicked) click(...point(event));
  });
  canvas.addEventListener("pointercancel", () => (grip = null));
  canvas.addEventListener("pointerleave", forget);
  canvas.addEventListener("dblclick", fit);
  canvas.addEventListener("wheel", (event) => {
    // Where nothing more can be zoomed out, the wheel is the page's.
    const isWhole = state.view[1] - state.view[0] >= (whole[1] - whole[0]) * 0.999;
    if (event.shiftKey || (isWhole && event.deltaY > 0)) return;
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? 16 : 1;
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX * pixels);
    else zoom(1.0018 ** (event.deltaY * pixels), toTime(Math.max(point(event)[0], gutter)));
  }, { passive: false });

  const keys = {
    ArrowLeft: () => pan(-80), ArrowRight: () => pan(80),
    ArrowUp: () => (stage.scroller.scrollTop -= 40), ArrowDown: () => (stage.scroller.scrollTop += 40),
    "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: fit,
    Escape: leave,
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  $("zoom-in").addEventListener("click", () => zoom(0.5));
  $("zoom-out").addEventListener("click", () => zoom(2));
  $("fit").addEventListener("click", fit);

  return { size, plotWidth, toX, toTime, show, drawAxis, paint, fade };
}
