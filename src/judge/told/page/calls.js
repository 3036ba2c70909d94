/* The diagram of a run's calls: a line for each thread, a bar for each call, an arrow for each message. */

const GUTTER = 128, STEP = 24, RANK_GAP = 12, BAR = 14;
const MOST_HEADS = 1500, MOST_MOVING = 4000;
/** The number of calls that are seen when the end is shown. */
const LAST = 60;

const NONE = -1, ANY = -2, NOBODY = -1;

/** Adds the lanes, with their places from the top, and where each message begins and ends. */
function readCalls(failing) {
  const { calls, messages: ways } = failing;
  const n = calls.lane.length;
  const ends = Array.from({ length: n }, (_, i) => (calls.times[i] || Number.isNaN(calls.returned[i]) ? Infinity : calls.returned[i]));
  Object.assign(calls, { start: calls.started, end: Float64Array.from(ends), count: n });
  calls.use = Uint8Array.from(calls.kind, (kind) => failing.kinds[kind][1]);

  const lanes = [];
  let top = AXIS + 10;
  failing.ranks.forEach(({ threads }, rank) => {
    for (let thread = 0; thread < threads; thread++) {
      lanes.push({ rank, thread, name: thread ? `thread ${thread}` : "main thread", y: top + STEP / 2, calls: [] });
      top += STEP;
    }
    top += RANK_GAP;
  });
  calls.lane.forEach((lane, call) => lanes[lane].calls.push(call));
  for (const lane of lanes) lane.index = timeIndex(calls, lane.calls);

  // A message was taken when its receive was complete. One whose other call is not here is a stub.
  const takenAt = (call) => [calls.completed[call], calls.returned[call], calls.started[call]].find((time) => !Number.isNaN(time));
  ways.count = ways.sent.length;
  ways.start = Float64Array.from(ways.sent, (call, i) => (call >= 0 ? calls.started[call] : takenAt(ways.taken[i])));
  ways.end = Float64Array.from(ways.taken, (call, i) => (call >= 0 ? Math.max(takenAt(call), ways.start[i]) : ways.start[i]));
  ways.order = Array.from({ length: ways.count }, (_, i) => i).sort((a, b) => ways.start[a] - ways.start[b]);
  ways.of = new Map();
  for (let i = 0; i < ways.count; i++) {
    for (const call of [ways.sent[i], ways.taken[i]]) if (call >= 0) ways.of.set(call, i);
  }
  return { calls, lanes, ways, height: top };
}

function makeCalls(failing, state, getLook) {
  const { calls, lanes, ways, height } = readCalls(failing);
  const [canvas, tooltip, note] = ["diagram", "tooltip", "note"].map($);
  const { uses } = failing;
  const stage = makeStage(canvas, 640, () => state.set({ scrolled: true }));
  const hasWords = calls.end.includes(Infinity) || failing.ranks.some(({ end }) => end);
  const margins = ([from, to]) => {
    const length = to - from || 1e-3;
    // What never returned, and how a rank died, need room after the last that is known.
    return [from - length * 0.012, to + length * (hasWords ? 0.17 : 0.012)];
  };
  const home = margins(failing.home), span = margins(failing.span);
  const whole = [Math.min(home[0], span[0]), Math.max(home[1], span[1])];

  const shown = calls.times.filter((times) => !times).length;

  let index, choice = 0, drawn = { calls: 0, messages: 0 }, pointer = null;
  const view = makeTimeView({ canvas, stage, state, whole, home, gutter: GUTTER }, {
    hover: lookAt,
    click: (x, y) => state.set({ selected: thingAt(x, y) }),
    forget() {
      pointer = null;
      state.set({ hover: -1 });
    },
    leave: () => state.set({ selected: -1 }),
  });
  const { size, toX, toTime } = view;
  const toY = (lane) => lanes[lane].y - stage.offset;

  /* A thing is a call, or a message: those have the numbers after the calls. */

  const wayOf = (thing) => (thing >= calls.count ? thing - calls.count : -1);

  /** A message lights up with its two calls, and a call with its message. */
  function lit() {
    const thing = state.hover >= 0 ? state.hover : state.selected;
    if (thing < 0) return { calls: [], ways: [] };
    const way = wayOf(thing) >= 0 ? wayOf(thing) : ways.of.get(thing);
    if (way === undefined) return { calls: [thing], ways: [] };
    return { calls: [ways.sent[way], ways.taken[way]].filter((call) => call >= 0), ways: [way] };
  }

  function choose() {
    const { muted, rank } = state;
    const rankOf = (call) => lanes[calls.lane[call]].rank;
    const touches = (way) => [ways.sent[way], ways.taken[way]].some((call) => call >= 0 && rankOf(call) === rank) || ways.to[way] === rank;
    index = timeIndex(ways, muted.has(uses.length) ? [] : ways.order.filter((way) => rank === "" || touches(way)));
    choice++;
  }

  const shows = (call) => !state.muted.has(calls.use[call]);
  const callsIn = (lane, from, to) => underway(lane.index, from, to).filter(shows);

  /* Where things are */

  /** A bar: its left and right edge, top and height. The halves of MPI_Sendrecv share a line. */
  function barOf(call) {
    const left = Math.max(toX(calls.start[call]), GUTTER - 4);
    const right = Math.min(calls.end[call] === Infinity ? size.width + 4 : toX(calls.end[call]), size.width + 4);
    const isHalf = failing.kinds[calls.kind[call]][0] === "MPI_Sendrecv";
    const half = isHalf ? BAR / 2 : 0;
    const top = toY(calls.lane[call]) - BAR / 2;
    return [left, Math.max(right - left, 1.5), top + (calls.use[call] === 1 ? half : 0), BAR - half];
  }

  /** An arrow's ends, at the edges of the bars. One that nobody took, or whose other end is not here, is a stub. */
  function arrowOf(way) {
    const [sent, taken] = [ways.sent[way], ways.taken[way]];
    const x0 = toX(ways.start[way]), x1 = toX(ways.end[way]);
    const from = sent >= 0 ? calls.lane[sent] : -1, to = taken >= 0 ? calls.lane[taken] : -1;
    const target = to >= 0 ? lanes[to].rank : ways.to[way];
    const down = from >= 0 ? (target > lanes[from].rank || to > from ? 1 : -1) : 1;
    if (to < 0) {
      const y = toY(from) + (down * BAR) / 2;
      return [x0, y, x0 + 9, y + down * 9];
    }
    if (from < 0) {
      const y = toY(to) - BAR / 2;
      return [x1 - 9, y - 9, x1, y];
    }
    let y0 = toY(from) + (down * BAR) / 2, y1 = toY(to) - (down * BAR) / 2;
    if (from === to) [y0, y1] = [toY(from) - BAR / 2 - 2, toY(to) - BAR / 2 - 2];
    return clipped([x0, y0, x1, y1], GUTTER, size.width);
  }
  const isLost = (way) => ways.taken[way] === NOBODY;

  /* Painting */

  function drawLanes(pen, look) {
    for (const [lane, { rank }] of lanes.entries()) {
      const y = toY(lane);
      if (rank % 2) {
        pen.fillStyle = look.band;
        pen.fillRect(0, y - STEP / 2 - (lanes[lane].thread ? 0 : RANK_GAP / 2), size.width, STEP + RANK_GAP / 2 + (lanes[lane].thread ? RANK_GAP / 2 : 0));
      }
    }
    pen.fillStyle = look.line;
    for (const lane of lanes.keys()) pen.fillRect(GUTTER, Math.round(toY(lane)), size.width, 1);
  }

  const hueOf = (look, call) => look.hues[uses[calls.use[call]][2]];

  function drawBar(pen, look, call) {
    const [left, width, top, high] = barOf(call);
    const hue = hueOf(look, call);
    const open = calls.end[call] === Infinity, looking = calls.times[call] > 0;
    pen.fillStyle = hue;
    pen.globalAlpha = open ? 0.22 : 1;
    pen.fillRect(left, top, width, high);
    pen.globalAlpha = 1;
    if (open) {
      pen.strokeStyle = look.bad;
      pen.lineWidth = 1.75;
      pen.setLineDash(looking ? [4, 3] : []);
      pen.beginPath();
      pen.moveTo(left + width, top), pen.lineTo(left, top), pen.lineTo(left, top + high), pen.lineTo(left + width, top + high);
      pen.stroke();
      pen.setLineDash([]);
    }
    if (calls.error[call]) {
      pen.strokeStyle = look.bad;
      pen.lineWidth = 2;
      pen.strokeRect(left, top, width, high);
    }
    if (width < 34 || high < BAR) return;
    pen.font = look.font(10.5, 500);
    const other = calls.from[call] === NONE ? target(call) : `from ${rankName(calls.from[call])}`;
    const words = [`${title(call)} ${other}`, title(call)].find((said) => pen.measureText(said).width < Math.min(left + width, size.width) - left - 8);
    if (!words) return;
    pen.fillStyle = open ? look.ink : readable(hue);
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText(words, left + 5, top + high / 2 + 0.5);
  }
  /** Black or white, whichever can be read on a colour. */
  function readable(hex) {
    const [red, green, blue] = channels(hex);
    return 0.3 * red + 0.59 * green + 0.11 * blue > 125 ? "#000" : "#fff";
  }

  /** The time from the return of a call that does not wait to the end of what it began. */
  function drawPending(pen, look, call) {
    if (!(calls.completed[call] > calls.end[call])) return;
    const from = Math.max(toX(calls.end[call]), GUTTER), to = Math.min(toX(calls.completed[call]), size.width);
    pen.fillStyle = hueOf(look, call);
    pen.globalAlpha = 0.45;
    if (to > from) pen.fillRect(from, toY(calls.lane[call]) + BAR / 2 - 3, to - from, 3);
    pen.globalAlpha = 1;
  }

  /** The arrows of messages that were taken; those that are bold alone are easy to see. */
  function drawArrows(pen, look, found, { fine, bold = 0, crowd = 0 }) {
    const arrows = found.filter((way) => !isLost(way)).map(arrowOf);
    pen.globalAlpha = bold ? 1 : clamp((2 * view.plotWidth()) / crowd, 0.25, 0.85);
    pen.strokeStyle = pen.fillStyle = bold ? look.ink : look.quiet;
    pen.lineWidth = (crowd > 400 ? 1 : 1.2) + bold;
    strokeLines(pen, arrows);
    if (fine) for (const arrow of arrows) drawHead(pen, arrow, bold, 7);
    pen.globalAlpha = 1;
  }

  /** A message that nobody took ends in a crossed circle, which lies over the bars. */
  function drawLost(pen, look, found) {
    pen.strokeStyle = look.bad;
    pen.lineWidth = 1.6;
    pen.fillStyle = look.card;
    for (const way of found.filter(isLost)) {
      const [x0, y0, x1, y1] = arrowOf(way);
      pen.beginPath();
      pen.arc(x1, y1, 4.5, 0, 7);
      pen.fill();
      pen.moveTo(x0, y0), pen.lineTo(x1 - (x1 - x0) / 3, y1 - (y1 - y0) / 3);
      addCross(pen, x1, y1, 3);
      pen.stroke();
    }
  }

  /** How a rank ended, where that was not well: after the last that it is known to have done. */
  function drawEnds(pen, look) {
    failing.ranks.forEach(({ end }, rank) => {
      if (!end) return;
      const own = lanes.filter((lane) => lane.rank === rank);
      const times = own.flatMap((lane) => lane.calls).map((call) => (Number.isFinite(calls.end[call]) ? calls.end[call] : calls.start[call]));
      const x = toX(times.reduce((a, b) => Math.max(a, b), failing.span[0])) + 9, y = own[0].y - stage.offset;
      if (x < GUTTER || x > size.width) return;
      pen.strokeStyle = pen.fillStyle = look.bad;
      pen.lineWidth = 2.5;
      pen.beginPath();
      addCross(pen, x, y, 4.5);
      pen.stroke();
      pen.font = look.font(11, 600);
      pen.textBaseline = "middle";
      const wide = pen.measureText(end).width, fits = x + 12 + wide < size.width;
      // Its words have a ground of their own, for there may be bars and arrows below.
      const left = fits ? x + 8 : x - 12 - wide;
      pen.fillStyle = look.card;
      pen.fillRect(left, y - 8, wide + 4, 16);
      pen.fillStyle = look.bad;
      pen.textAlign = "left";
      pen.fillText(end, left + 2, y);
    });
  }

  function paintBase(pen, look, thin) {
    drawLanes(pen, look);
    const [from, to] = state.view;
    const found = underway(index, from, to);
    const bars = lanes.flatMap((lane) => callsIn(lane, from, to));
    drawn = { calls: bars.length, messages: found.length };
    const every = thin ? Math.ceil(found.length / MOST_MOVING) : 1;
    for (const call of bars) drawPending(pen, look, call);
    drawArrows(pen, look, found.filter((way) => way % every === 0), { fine: found.length <= MOST_HEADS, crowd: found.length });
    for (const call of bars) drawBar(pen, look, call);
    drawLost(pen, look, found);
    drawEnds(pen, look);
    const part = shown < failing.calls_in_all ? ` Only the last ${count(shown)} of ${count(failing.calls_in_all)} are here.` : "";
    note.textContent = `${plural(drawn.calls, "call")} and ${plural(drawn.messages, "message")} in view.${part}`;
  }

  function drawLabels(pen, look) {
    pen.fillStyle = look.card;
    pen.fillRect(0, 0, GUTTER, size.height);
    for (const [lane, { rank, thread, name }] of lanes.entries()) {
      const y = toY(lane);
      if (y < -STEP || y > size.height + STEP) continue;
      if (rank % 2) {
        pen.fillStyle = look.band;
        pen.fillRect(0, y - STEP / 2 - (thread ? 0 : RANK_GAP / 2), GUTTER, STEP + RANK_GAP / 2 + (thread ? RANK_GAP / 2 : 0));
      }
      pen.textBaseline = "middle";
      if (!thread) {
        pen.fillStyle = state.rank === rank ? look.hues.blue : look.ink;
        pen.font = look.font(12, 600);
        pen.textAlign = "left";
        pen.fillText(rankName(rank), 10, y);
      }
      pen.fillStyle = look.quiet;
      pen.font = look.font(11);
      pen.textAlign = "right";
      pen.fillText(thread ? name : "main", GUTTER - 7, y);
    }
  }

  function draw(hurried) {
    const look = getLook();
    const pen = view.paint(height, look, { choice, hurried }, paintBase);
    const shining = lit();
    if (shining.calls.length || shining.ways.length) {
      view.fade(pen, look, 0.6);
      for (const call of shining.calls) drawPending(pen, look, call);
      for (const call of shining.calls) drawBar(pen, look, call);
      drawArrows(pen, look, shining.ways, { fine: true, bold: 0.8 });
      drawLost(pen, look, shining.ways);
    }
    drawLabels(pen, look);
    view.drawAxis(pen, look);
    showTooltip();
  }

  /* Words */

  const title = (call) => failing.kinds[calls.kind[call]][0];
  const any = (number, word, name) => (number === ANY ? `any ${word}` : name(number));
  const tagWords = (tag) => (tag === NONE ? "" : any(tag, "tag", (tag) => `tag ${tag}`));

  /** The other side of a call: "to client 2", "from any rank". */
  function target(call) {
    const peer = calls.peer[call], use = uses[calls.use[call]][0];
    if (peer === NONE) return "";
    if (title(call) === "pthread_join") return peer ? `thread ${peer}` : "the main thread";
    const who = any(peer, "rank", rankName);
    return use === "send" ? `to ${who}` : use === "together" ? `root ${who}` : `from ${who}`;
  }

  function describeCall(call) {
    const lane = lanes[calls.lane[call]], use = uses[calls.use[call]][0];
    const facts = [`${rankName(lane.rank)}, ${lane.name}`];
    const room = calls.bytes[call] ? `${use === "receive" ? "room for " : ""}${plural(calls.bytes[call], "byte")}` : "";
    const what = [target(call), tagWords(calls.tag[call]), calls.comm[call] && `communicator ${calls.comm[call]}`, room, failing.datatypes[calls.datatype[call]]].filter(Boolean);
    if (what.length) facts.push(what.join(", "));
    if (calls.from[call] !== NONE) facts.push(`${use === "find" ? "found" : "took"} ${plural(calls.taken_bytes[call], "byte")} from ${rankName(calls.from[call])}, tag ${calls.taken_tag[call]}`);
    if (failing.segments[call]) facts.push(`hashes of ${failing.segments[call]}`);
    const began = moment(calls.start[call]);
    if (calls.times[call]) facts.push(`called ${plural(calls.times[call], "time")} since ${began}, and found nothing`);
    else if (calls.end[call] === Infinity) facts.push(`called at ${began}, and never returned`);
    else facts.push(`called at ${began}, took ${duration(calls.end[call] - calls.start[call])}`);
    if (calls.completed[call] > calls.end[call]) facts.push(`complete at ${moment(calls.completed[call])}`);
    if (calls.error[call]) facts.push(`came back with an error of class ${calls.error[call]}`);
    const way = ways.of.get(call);
    if (way !== undefined && isLost(way)) facts.push("nobody took its message");
    return { title: title(call), facts, colour: hueOf(getLook(), call) };
  }

  function describeWay(way) {
    const [sent, taken] = [ways.sent[way], ways.taken[way]];
    const sender = sent >= 0 ? lanes[calls.lane[sent]].rank : calls.from[taken];
    const facts = [];
    if (sent >= 0) facts.push([tagWords(calls.tag[sent]), plural(calls.bytes[sent], "byte")].filter(Boolean).join(", "));
    const segments = failing.segments[sent] ?? failing.segments[taken];
    if (segments) facts.push(`hashes of ${segments}`);
    if (sent >= 0) facts.push(`${title(sent)} of the ${lanes[calls.lane[sent]].name} at ${moment(calls.start[sent])}`);
    if (taken >= 0) facts.push(`${title(taken)} of the ${lanes[calls.lane[taken]].name} took it at ${moment(ways.end[way])}`);
    if (sent >= 0 && taken >= 0) facts.push(`underway for ${duration(ways.end[way] - ways.start[way])}`);
    if (isLost(way)) facts.push("nobody took it");
    else if (taken < 0) facts.push("the call that took it is not here");
    return { title: `${rankName(sender)} → ${rankName(ways.to[way])}`, facts, colour: isLost(way) ? getLook().bad : getLook().quiet };
  }

  function showTooltip() {
    const thing = state.hover >= 0 ? state.hover : state.selected;
    if (thing < 0) return tell(tooltip, null, [0, 0], size);
    const way = wayOf(thing);
    let at;
    if (way >= 0) {
      const [x0, y0, x1, y1] = arrowOf(way);
      at = [(x0 + x1) / 2, (y0 + y1) / 2];
    } else {
      const [left, width, top, high] = barOf(thing);
      at = [left + width / 2, top + high / 2];
    }
    const away = thing !== state.hover && (at[0] < GUTTER || at[0] > size.width);
    const beside = pointer && thing === state.hover ? pointer : at;
    tell(tooltip, !away && (way >= 0 ? describeWay(way) : describeCall(thing)), beside, size);
  }

  /* The pointer */

  function thingAt(x, y) {
    if (x < GUTTER || y < AXIS) return -1;
    const lane = lanes.findIndex((_, lane) => Math.abs(toY(lane) - y) <= BAR / 2 + 1);
    let best = -1, least = 3;
    if (lane >= 0) {
      for (const call of callsIn(lanes[lane], toTime(x - 4), toTime(x + 4))) {
        const [left, width, top, high] = barOf(call);
        // Of the halves of a call, the one that is nearer.
        const off = Math.max(left - x, x - left - width, 0) + Math.max(top - y, y - top - high, 0) / 2;
        if (off <= least) [best, least] = [call, off];
      }
      if (best >= 0) return best;
    }
    least = REACH;
    for (const way of underway(index, toTime(x - REACH - 10), toTime(x + REACH + 10))) {
      const distance = distanceToSegment(x, y, arrowOf(way));
      if (distance < least) [best, least] = [calls.count + way, distance];
    }
    return best;
  }
  function lookAt(x, y) {
    pointer = [x, y];
    state.set({ hover: thingAt(x, y) });
  }

  /** Shows the last calls, which tell why a run did not go on. */
  function showEnd() {
    const first = calls.start[Math.max(calls.count - LAST, 0)];
    view.show(...margins([Math.max(first, failing.home[0]), failing.home[1]]));
  }
  $("end").addEventListener("click", showEnd);

  state.subscribe((changes) => {
    if ("muted" in changes || "rank" in changes) choose();
  });
  choose();
  if (failing.is_hung && calls.count > 4 * LAST) showEnd();
  const counts = uses.map((_, use) => calls.use.filter((it) => it === use).length).concat(ways.count);
  return { draw, counts, lit, drawn: () => drawn, told: (thing) => (wayOf(thing) >= 0 ? describeWay(wayOf(thing)) : describeCall(thing)), barOf, arrowOf };
}
