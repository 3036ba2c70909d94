/* The space-time diagram: a line for each thread, an arrow for each message. */

const GUTTER = 142;
const MOST_ARROWS = 20000, MOST_FINE = 1500;
// While the view moves, no more arrows than these are drawn (with heads and dashes), so that it moves smoothly.
// The others follow when it rests.
const MOST_MOVING = 4000, MOST_FINE_MOVING = 500;
const DEED_LOOKS = { begun: "ink", saved: "good", "not saved": "bad", "wrong hash": "bad", ended: "quiet" };

/** Where the lanes lie: the two of a client close together, with a gap to the next client. */
function layLanes(lanes, room) {
  const step = clamp(room / (lanes * 1.35), 10, 30);
  const gap = step * 0.7;
  const at = new Float32Array(lanes);
  at[0] = AXIS + Math.max(step, 16);
  for (let lane = 1; lane < lanes; lane++) at[lane] = at[lane - 1] + step + (lane % 2 ? gap : 0);
  return { at, step, height: Math.ceil(at[lanes - 1] + step * 0.9) };
}

/** The rules that are broken at a place which can be shown. */
const offences = (run) => run.rules.filter((rule) => rule.place && rule.place.time !== null);

function makeDiagram(run, state, getLook) {
  const { messages } = run;
  const [canvas, tooltip, note] = ["diagram", "tooltip", "note"].map($);
  const stage = makeStage(canvas, 640, () => state.set({ scrolled: true }));
  const lanes = layLanes(run.lanes, 600);
  const [first, last] = run.span;
  const [begin, end] = run.window ? [Math.max(first, run.window[0]), Math.min(last, run.window[1])] : run.span;
  const margin = (end - begin || 1e-3) * 0.012;
  const whole = [begin - margin, end + margin];
  const refusals = messages.details.map((detail) => detail === "NACK" || detail === "BUSY");
  const segmentTag = run.tags.findIndex((tag) => tag.name === "SEGMENT");
  const refused = (id) => messages.tag[id] === segmentTag && refusals[messages.detail[id]];

  let index, choice = 0, drawn = 0, mode = "arrows", pointer = null, hoverText = null, density = null;

  /* The view */

  const view = makeTimeView({ canvas, stage, state, whole, gutter: GUTTER }, {
    hover: lookAt, forget, setTime,
    click: (x, y) => state.set({ selected: messageAt(x, y) }),
    leave: () => state.set({ selected: -1 }),
  });
  const { size, plotWidth, toX, toTime, show } = view;
  const toY = (lane) => lanes.at[Math.min(lane, run.lanes - 1)] - stage.offset;

  /** Brings a message or a moment into the middle of the view, with about thirty neighbours on each side. */
  function focusOn(id, time, lane) {
    const [start, end] = id >= 0 ? [messages.start[id], messages.end[id]] : [time, time];
    const starts = index.starts;
    const place = countUpTo(starts, start);
    const few = (last - first) / 50;
    const before = starts[Math.max(place - 30, 0)] ?? start - few, after = starts[Math.min(place + 30, starts.length - 1)] ?? start + few;
    // Clocks differ by a little: a message may seem to come before it was sent.
    const middle = (start + end) / 2, span = Math.max(Math.abs(end - start), Math.abs(time - middle));
    const reach = Math.max(Math.min(start - before, after - start), span * 2, (last - first) * 1e-5);
    stage.scroller.scrollTop = lanes.at[lane] - size.height / 2;
    show(middle - reach, middle + reach);
  }

  /* What is to be seen */

  function choose() {
    const { muted, rank, file } = state;
    const wanted = (id) =>
      !muted.has(messages.tag[id]) &&
      (rank === "" || messages.from[id] === rank || messages.to[id] === rank) &&
      (file === "" || messages.file[id] === file);
    index = timeIndex(messages, messages.order.filter(wanted));
    choice++;
  }

  /** An arrow's two ends. A message that was never taken is a stub at its sender, one whose posting is lost a stub at its reader. */
  function arrowOf(id) {
    const x0 = toX(messages.start[id]), x1 = toX(messages.end[id]);
    const y0 = toY(messages.sender[id]), y1 = toY(messages.reader[id]);
    const down = Math.sign(y1 - y0) || 1;
    const stub = Math.min(lanes.step * 0.8, 16);
    if (Number.isNaN(messages.taken[id])) return [x0, y0, x0 + 9, y0 + down * stub];
    if (Number.isNaN(messages.posted[id])) return [x1 - 9, y1 - down * stub, x1, y1];
    return clipped([x0, y0, x1, y1], GUTTER, size.width);
  }
  const wasTaken = (id) => !Number.isNaN(messages.taken[id]);
  const wasPosted = (id) => !Number.isNaN(messages.posted[id]);

  /* Painting */

  function drawArrows(pen, ids, { fine, bold = 0, crowd: many = 0 }, look) {
    const groups = new Map();
    for (const id of ids) {
      const key = messages.tag[id] * 2 + (refused(id) ? 1 : 0);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(id);
    }
    // The more arrows, the fainter they are, so that where many lie can still be told from where few do.
    for (const [key, members] of groups) {
      const { hue, dash } = run.tags[key >> 1];
      const no = key % 2 === 1;
      pen.strokeStyle = pen.fillStyle = look.hues[hue];
      pen.globalAlpha = (bold ? 1 : clamp((2 * plotWidth()) / many, 0.2, 0.9)) * (no ? 0.7 : 1);
      // Lines of one pixel's width are by far the quickest.
      pen.lineWidth = bold + (many > 400 || no ? 1 : 1.3);
      pen.setLineDash(fine ? DASHES[dash] : []);
      strokeLines(pen, members.map(arrowOf));
      pen.setLineDash([]);
      if (fine) for (const id of members) drawEnds(pen, id, no, bold);
    }
    pen.globalAlpha = 1;
  }

  function drawEnds(pen, id, no, bold) {
    const [x0, y0, x1, y1] = arrowOf(id);
    if (!wasPosted(id)) openCircle(pen, x0, y0, false);
    if (!wasTaken(id)) return openCircle(pen, x1, y1, true);
    if (!no) return drawHead(pen, [x0, y0, x1, y1], bold, 9);
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length < 9) return;
    // A refusal ends in a bar: it brought nothing.
    const ux = (x1 - x0) / length, uy = (y1 - y0) / length;
    pen.beginPath();
    pen.moveTo(x1 - ux * 2 - uy * 4, y1 - uy * 2 + ux * 4);
    pen.lineTo(x1 - ux * 2 + uy * 4, y1 - uy * 2 - ux * 4);
    pen.stroke();
  }

  function openCircle(pen, x, y, crossed) {
    pen.beginPath();
    pen.arc(x, y, 3.5, 0, 7);
    if (crossed) addCross(pen, x, y, 2.5);
    pen.stroke();
  }

  function drawLanes(pen, look) {
    pen.fillStyle = look.band;
    for (let client = 1; client <= run.clients; client++) {
      const top = toY(2 * client - 1);
      if (top < -50 || top > size.height + 50) continue;
      pen.fillRect(0, top - lanes.step * 0.6, size.width, lanes.step * 2.2);
    }
    pen.strokeStyle = look.line;
    pen.lineWidth = 1;
    pen.beginPath();
    for (let lane = 0; lane < run.lanes; lane++) {
      const y = Math.round(toY(lane)) + 0.5;
      pen.moveTo(GUTTER, y);
      pen.lineTo(size.width, y);
    }
    pen.stroke();
  }

  /** How many messages each lane posted and took, as bars that stand on the lane. The tracker has a scale of its own, or it would dwarf all others. */
  function drawDensity(pen, look, bins, counts) {
    density = { bins, counts };
    // The tracker has a scale of its own, for it does other things.
    const most = usualMost(counts.slice(1)), trackerMost = usualMost(counts.slice(0, 1));
    pen.fillStyle = look.hues.blue;
    pen.globalAlpha = 0.75;
    counts.forEach((lane, number) => {
      const y = toY(number);
      if (y < 0 || y > size.height + lanes.step) return;
      lane.forEach((n, bin) => {
        if (n === 0) return;
        const height = clamp(n / (number ? most : trackerMost), 0.05, 1) * lanes.step * 0.92;
        const left = Math.round(toX(startOf(bins, bin)));
        pen.fillRect(left, y - height, Math.max(Math.round(toX(startOf(bins, bin + 1))) - left, 1), height);
      });
    });
    pen.globalAlpha = 1;
  }

  /** Nearly the most: a few bursts are not to make all else flat. */
  function usualMost(lanes) {
    const found = lanes.flatMap((lane) => [...lane].filter((n) => n > 0)).sort((a, b) => a - b);
    return found[Math.floor(found.length * 0.98)] ?? 1;
  }

  const startOf = ({ n, from, to }, bin) => from + (bin / n) * (to - from);

  function countByLane(ids) {
    const bins = Math.floor(plotWidth() / 3);
    const counts = Array.from({ length: run.lanes }, () => new Uint32Array(bins));
    const [from, to] = state.view;
    const add = (lane, time) => {
      const bin = Math.floor(((time - from) / (to - from)) * bins);
      if (bin >= 0 && bin < bins && lane < counts.length) counts[lane][bin]++;
    };
    for (const id of ids) {
      if (wasPosted(id)) add(messages.sender[id], messages.posted[id]);
      if (wasTaken(id)) add(messages.reader[id], messages.taken[id]);
    }
    return [{ n: bins, from, to }, counts];
  }

  function drawDeeds(pen, look) {
    const near = run.deeds.filter(([time]) => time >= state.view[0] && time <= state.view[1]);
    if (near.length > 3000) return;
    for (const [time, rank, thread, kind] of near) {
      const x = toX(time), y = toY(laneOf(rank, thread)), r = clamp(lanes.step / 4, 3, 4.5);
      pen.strokeStyle = pen.fillStyle = look[DEED_LOOKS[kind] ?? "quiet"];
      pen.lineWidth = 1.5;
      pen.beginPath();
      if (kind === "begun") {
        pen.moveTo(x - r, y - r), pen.lineTo(x + r, y), pen.lineTo(x - r, y + r), pen.closePath();
        pen.save(), (pen.fillStyle = look.card), pen.fill(), pen.restore(), pen.stroke();
      } else if (kind === "saved") {
        pen.moveTo(x, y - r - 1), pen.lineTo(x + r + 1, y), pen.lineTo(x, y + r + 1), pen.lineTo(x - r - 1, y), pen.fill();
      } else if (kind === "ended") {
        pen.moveTo(x, y - r - 1), pen.lineTo(x, y + r + 1), pen.stroke();
      } else {
        addCross(pen, x, y, r);
        pen.lineWidth = 2.5;
        pen.stroke();
      }
    }
  }

  function paintBase(pen, look, thin) {
    drawLanes(pen, look);
    drawn = 0;
    const [from, to] = state.view;
    if (!messages.drawable) {
      mode = "activity";
      if (run.activity) {
        const { bins, counts } = run.activity;
        drawDensity(pen, look, { n: bins, from: first, to: last }, counts);
      }
      // A part that is likely to have few enough messages, from the left edge of the view on.
      const part = Math.min(to - Math.max(from, first), (MOST_ARROWS / messages.count) * (last - first));
      const command = `bittorrent show ${run.trace} --from ${cliTime(Math.max(from, first))} --to ${cliTime(Math.max(from, first) + part)}`;
      note.replaceChildren(`${plural(messages.count, "message")} are too many to draw one by one: lanes show how many were posted and taken. `, element("code", {}, command), " draws a part.");
      drawDeeds(pen, look);
      return;
    }
    const ids = underway(index, from, to);
    if (ids.length > MOST_ARROWS) {
      mode = "density";
      drawDensity(pen, look, ...countByLane(ids));
      note.textContent = `${count(ids.length)} messages in view: lanes show how many. Zoom in for arrows.`;
    } else {
      mode = "arrows";
      drawn = ids.length;
      const every = thin ? Math.ceil(drawn / MOST_MOVING) : 1;
      const some = every > 1 ? ids.filter((id) => id % every === 0) : ids;
      drawArrows(pen, some, { fine: drawn <= (thin ? MOST_FINE_MOVING : MOST_FINE), crowd: drawn }, look);
      const hint = drawn > MOST_FINE ? " Zoom in to tell them apart." : "";
      note.textContent = `${count(drawn)} of ${plural(messages.count, "message")} in view.${hint}`;
    }
    drawDeeds(pen, look);
  }

  const cliTime = (time) => `${Number((time * 1e3).toFixed(3))}ms`;

  function drawLabels(pen, look) {
    pen.fillStyle = look.card;
    pen.fillRect(0, 0, GUTTER, size.height);
    const small = clamp(lanes.step - 1, 9, 11);
    pen.textBaseline = "middle";
    for (let rank = 0; rank <= run.clients; rank++) {
      const top = toY(laneOf(rank, "download"));
      if (top < -40 || top > size.height + 40) continue;
      const middle = rank === 0 ? top : top + lanes.step / 2;
      if (rank > 0) {
        pen.fillStyle = look.band;
        pen.fillRect(0, top - lanes.step * 0.6, GUTTER, lanes.step * 2.2);
      }
      pen.fillStyle = state.rank === rank ? look.hues.blue : look.ink;
      pen.font = look.font(12, 600);
      pen.textAlign = "left";
      pen.fillText(rankName(rank), 10, middle);
      if (rank === 0) continue;
      pen.fillStyle = look.quiet;
      pen.font = look.font(small);
      pen.textAlign = "right";
      pen.fillText("download", GUTTER - 7, top);
      pen.fillText("upload", GUTTER - 7, top + lanes.step);
    }
  }

  /** A flag on the axis for each offence, at the edge when it lies outside of the view, and a ring at its place. */
  function drawOffences(pen, look) {
    for (const { rule, place } of offences(run)) {
      const x = clamp(toX(place.time), GUTTER, size.width - 8);
      const y = toY(laneOf(place.rank, place.thread));
      const inside = place.time >= state.view[0] && place.time <= state.view[1];
      pen.strokeStyle = pen.fillStyle = look.bad;
      if (inside) {
        pen.lineWidth = 1;
        pen.globalAlpha = 0.5;
        pen.fillRect(x - 0.5, AXIS, 1, size.height);
        pen.globalAlpha = 1;
        if (y > AXIS) {
          pen.lineWidth = 2.5;
          pen.beginPath();
          pen.arc(x, y, clamp(lanes.step * 0.42, 6, 10), 0, 7);
          pen.stroke();
        }
      }
      const [left, right] = flagOf(rule, place);
      pen.beginPath();
      pen.roundRect(left, 3, right - left, 17, 4);
      pen.fill();
      pen.beginPath();
      pen.moveTo(x - 4, 20), pen.lineTo(x + 4, 20), pen.lineTo(x, 26);
      pen.fill();
      pen.fillStyle = look.card;
      pen.font = look.font(11, 700);
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(rule, (left + right) / 2, 12);
    }
  }
  function flagOf(rule, place) {
    const half = 6 + rule.length * 4;
    const middle = clamp(toX(place.time), GUTTER + half, size.width - half - 2);
    return [middle - half, middle + half];
  }

  const lit = () => {
    const id = state.hover >= 0 ? state.hover : state.selected;
    return id < 0 ? [] : conversation(messages, id);
  };

  function draw(hurried) {
    const look = getLook();
    const pen = view.paint(lanes.height, look, { choice, hurried }, paintBase);
    const shining = lit();
    if (shining.length) {
      view.fade(pen, look, 0.72);
      drawArrows(pen, shining, { fine: true, bold: 1.2 }, look);
    }
    const x = toX(state.time);
    if (x >= GUTTER) {
      pen.fillStyle = look.ink;
      pen.fillRect(Math.round(x), AXIS, 1, size.height);
    }
    drawLabels(pen, look);
    view.drawAxis(pen, look);
    drawOffences(pen, look);
    if (x >= GUTTER && x <= size.width) {
      pen.fillStyle = look.ink;
      pen.beginPath();
      pen.moveTo(x - 5, AXIS - 7), pen.lineTo(x + 5, AXIS - 7), pen.lineTo(x, AXIS);
      pen.fill();
    }
    showTooltip();
  }

  /* The tooltip */

  function describe(id) {
    const name = (i) => [run.tags[messages.tag[i]].name, messages.details[messages.detail[i]]].filter(Boolean).join(" ");
    const facts = [`${nameOf(messages.sender[id])} → ${nameOf(messages.reader[id])}`];
    const file = run.files[messages.file[id]];
    const segment = messages.segment[id] >= 0 ? `segment ${count(messages.segment[id] + 1)}` : "";
    const what = [file && `${file.name}`, segment, `${count(messages.bytes[id])} bytes`].filter(Boolean);
    facts.push(what.join(", "));
    if (!wasPosted(id)) facts.push(`its posting is lost, taken at ${moment(messages.taken[id])}`);
    else if (!wasTaken(id)) facts.push(`posted at ${moment(messages.posted[id])}, never taken`);
    else {
      const way = messages.taken[id] - messages.posted[id];
      facts.push(`posted at ${moment(messages.posted[id])}, taken at ${moment(messages.taken[id])}`, `underway for ${duration(way)}`);
    }
    const request = messages.answers[id];
    if (request >= 0) facts.push(`answers ${name(request)} of line ${messages.line[request]}`);
    const answer = messages.firstAnswer[id];
    if (answer >= 0) facts.push(`answered by ${name(answer)} of line ${messages.line[answer]}, ${duration(messages.end[answer] - messages.start[id])} after it was posted`);
    facts.push(`line ${messages.line[id]} of the trace`);
    return { title: name(id), facts, colour: getLook().hues[run.tags[messages.tag[id]].hue] };
  }

  function showTooltip() {
    const id = state.hover >= 0 ? state.hover : pointer && hoverText ? -1 : state.selected;
    const told = id >= 0 ? describe(id) : hoverText;
    const [x0, y0, x1, y1] = id >= 0 ? arrowOf(id) : [0, 0, 0, 0];
    const beside = pointer && id !== state.selected ? pointer : [clamp((x0 + x1) / 2, GUTTER, size.width), clamp((y0 + y1) / 2, AXIS, size.height)];
    // A kept message out of view needs no words in it.
    const away = id >= 0 && (x1 < GUTTER || x0 > size.width);
    tell(tooltip, !away && told, beside, size);
  }

  /* The pointer and the keys */

  function messageAt(x, y) {
    if (mode !== "arrows" || x < GUTTER || y < AXIS) return -1;
    let best = -1, least = REACH;
    for (const id of underway(index, toTime(x - REACH - 10), toTime(x + REACH + 10))) {
      const distance = distanceToSegment(x, y, arrowOf(id));
      if (distance < least) [best, least] = [id, distance];
    }
    return best;
  }

  function deedAt(x, y) {
    const near = ([time, rank, thread]) => Math.abs(toX(time) - x) < 5 && Math.abs(toY(laneOf(rank, thread)) - y) < 5;
    const deed = x >= GUTTER && y > AXIS && run.deeds.find(near);
    if (!deed) return null;
    const [time, rank, thread, kind, text] = deed;
    return { title: [kind, text].filter(Boolean).join(": "), facts: [nameOf(laneOf(rank, thread)), `at ${moment(time)}`] };
  }

  function densityAt(x, y) {
    if (mode === "arrows" || !density || x < GUTTER || y < AXIS) return null;
    const { bins, counts } = density;
    const bin = Math.floor(((toTime(x) - bins.from) / (bins.to - bins.from)) * bins.n);
    const lane = counts.findIndex((_, lane) => y <= toY(lane) && y > toY(lane) - lanes.step);
    if (lane < 0 || bin < 0 || bin >= bins.n) return null;
    const facts = [nameOf(lane), `from ${moment(startOf(bins, bin))} to ${moment(startOf(bins, bin + 1))}`];
    return { title: `${plural(counts[lane][bin], "message")} posted and taken`, facts };
  }

  function lookAt(x, y) {
    pointer = [x, y];
    hoverText = deedAt(x, y) ?? densityAt(x, y);
    state.set({ hover: hoverText ? -1 : messageAt(x, y) });
  }
  function forget() {
    pointer = hoverText = null;
    state.set({ hover: -1 });
  }
  /** A click on a flag of the axis leads to its offence, and ends the grip; any other sets the time. */
  function setTime(x, isFirst) {
    const flag = isFirst && offences(run).find(({ rule, place }) => flagOf(rule, place)[0] <= x && x <= flagOf(rule, place)[1]);
    state.set(flag ? { offence: flag.rule } : { time: clamp(toTime(x), first, last) });
    return !flag;
  }

  state.subscribe((changes) => {
    if ("muted" in changes || "rank" in changes || "file" in changes) choose();
  });
  choose();
  return { draw, focusOn, lit, arrows: () => drawn };
}
