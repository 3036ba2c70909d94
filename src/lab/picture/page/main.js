/* Writes the page's words, and wires the pictures together. */

const run = readRun();
const state = makeState({
  view: run.span, time: run.span[1], hover: -1, selected: -1,
  muted: new Set(), rank: "", file: "",
});

const getLook = followTheme(state, () => readRunLook(run.clients));

/* The header */

function writeHeader() {
  const { files, segments } = run.measured;
  const parts = [plural(run.clients, "client"), `${plural(files, "download")} of ${plural(segments, "segment")}`];
  $("title").textContent = parts.join(", ");
  document.title = `${run.trace}: ${parts.join(", ")}`;

  $("outcome").className = run.outcome_mark;
  $("outcome").append(mark(run.outcome_mark), run.outcome[0].toUpperCase() + run.outcome.slice(1));
  $("about").append(element("code", {}, run.trace), ` ${plural(run.events, "event")} in ${duration(run.span[1] - run.span[0])}`);

  for (const [name, value] of Object.entries(run.settings)) {
    const always = name === "update_interval" || name === "window";
    const usual = name === "clients" || JSON.stringify(run.defaults[name]) === JSON.stringify(value);
    if (usual && !always) continue;
    const said = name === "upload_time" ? duration(value) : value === true ? "on" : Array.isArray(value) ? value.join(", ") : String(value);
    $("settings").append(element("li", {}, `${name.replaceAll("_", " ")} `, element("b", {}, said)));
  }

  const warnings = [];
  if (!run.complete) warnings.push("The run was broken off, so its last events are lacking.");
  if (run.window) warnings.push(`The diagram shows only what was underway from ${duration(run.window[0])} to ${duration(Math.min(run.window[1], run.span[1]))}.`);
  if (run.shown < run.clients) warnings.push(`The segment map and the charts show the first ${count(run.shown)} of ${count(run.clients)} clients.`);
  $("warnings").hidden = !warnings.length;
  $("warnings").append(warnings.join(" "));
}

/* The rules */

function writeRules() {
  for (const { rule, about, verdict, mark: look, line, offence, more, place } of run.rules) {
    const row = element("li", { "data-rule": rule, "data-verdict": verdict, class: look });
    row.append(
      mark(look),
      element("b", {}, rule === "messages" ? "Messages" : rule),
      element("span", { class: "rule-about" }, about),
      element("span", { class: "verdict" }, verdict),
    );
    if (offence) {
      const where = [line != null && `line ${count(line)}`, more > 0 && `and ${count(more)} ${more === 1 ? "time" : "times"} more`].filter(Boolean).join(", ");
      const words = [element("span", {}, offence), " ", element("small", {}, where)];
      const shown = place && place.time !== null;
      const told = shown ? element("button", { type: "button", "data-offence": rule, title: "Show it in the diagram" }, ...words, element("em", {}, "Show ↓")) : element("p", {}, ...words);
      told.classList.add("offence");
      if (shown) told.addEventListener("click", () => state.set({ offence: rule }));
      row.append(told);
    }
    $("rules").append(row);
  }
}

/** Scrolls to the diagram, and keeps a message (or marks a moment) in the middle of it, whatever was filtered out. */
function reveal(id, time, lane) {
  state.set({ muted: new Set(), rank: "", file: "", selected: id, hover: -1 });
  diagram.focusOn(id, time, lane);
  $("spacetime").scrollIntoView({ block: "start" });
}

function showOffence(name) {
  const { place } = run.rules.find(({ rule }) => rule === name);
  const id = place.message !== null && place.message < run.messages.start.length ? place.message : -1;
  reveal(id, place.time, laneOf(place.rank, place.thread));
}

/** Reveals the message that brought a segment, if the messages are here and a cell is one segment. */
function showSegment(client, file, segment, from) {
  const { messages } = run;
  if (run.cells.bucket > 1) return;
  const brought = (id) => messages.file[id] === file && messages.segment[id] === segment && messages.to[id] === client
    && messages.from[id] === from && run.tags[messages.tag[id]].name === "SEGMENT";
  const id = messages.order.filter(brought).pop();
  if (id !== undefined) reveal(id, messages.end[id], messages.reader[id]);
}

/* The key figures */

function writeFigures() {
  const { makespan, lower_bound: bound, optimality, completion, balance, served_by_seeds: seeds, nack_ratio: nacks, messages_per_segment: perSegment, tracker } = run.measured;
  const busy = (run.measured.clients ?? []).reduce((sum, client) => sum + client.busy, 0);
  const known = (value, say) => (value == null ? "–" : say(value));
  const tiles = [
    ["Makespan", known(makespan, duration), bound != null && optimality != null ? `${significant(optimality)} times the least possible, ${duration(bound)}.` : "From the first SWARM_REQUEST to the last FILE_COMPLETE."],
    ["Completion, median", known(completion?.median, duration), "Half of the downloads of a file took no longer."],
    ["Completion, the slow ones", known(completion?.p95, duration), completion ? `95 % took no longer. The quickest took ${duration(completion.minimum)}, the slowest ${duration(completion.maximum)}.` : "95 % took no longer."],
    ["Messages per segment", known(perSegment, significant), "2 is the least: a request and its answer."],
    ["Tracker's messages per segment", known(tracker?.messages_per_segment, significant), tracker ? `${plural(tracker.messages, "message")}, ${significant(tracker.messages_per_client)} for each client.` : "What the centre has to carry."],
    ["Refused requests", known(nacks, (share) => percent(share, 1)), busy > 0 ? `Segment requests answered by NACK. BUSY was the answer to ${count(busy)} more.` : "Segment requests answered by NACK."],
    ["Imbalance", known(balance?.imbalance, significant), balance?.jain != null ? `The busiest uploader over the mean; 1 is even. Jain's index ${significant(balance.jain)}.` : "The busiest uploader over the mean; 1 is even."],
    ["Served by seeds", known(seeds, (share) => percent(share)), "Segments that came from an owner of the file."],
  ];
  for (const [label, value, meaning] of tiles) {
    $("figures").append(element("div", {}, element("dt", {}, label), element("dd", { class: "value" }, value), element("dd", { class: "meaning" }, meaning)));
  }
}

/* The filters of the diagram */

function writeFilters() {
  const legend = $("legend");
  const buttons = new Map();
  run.tags.forEach(({ name }, tag) => {
    const n = run.messages.tagCounts[tag];
    if (!n) return;
    const { button, draw } = makeToggle(state, tag, { "data-tag": name }, name, n);
    button.disabled = !run.messages.drawable;
    buttons.set(tag, draw);
    legend.append(button);
  });
  for (const [words, muted] of [["all", () => new Set()], ["none", () => new Set(run.tags.keys())]]) {
    const button = element("button", { type: "button", class: "plain" }, words);
    button.disabled = !run.messages.drawable;
    button.addEventListener("click", () => state.set({ muted: muted(), hover: -1 }));
    legend.append(button);
  }

  const choices = {
    rank: Array.from({ length: run.clients + 1 }, (_, rank) => [rank, rankName(rank)]),
    file: run.files.map(({ name }, i) => [i, name]),
  };
  for (const [which, options] of Object.entries(choices)) {
    fillChoice(state, which, options);
    $(which).disabled = !run.messages.drawable;
  }

  return () => {
    for (const [tag, draw] of buttons) draw(`3px ${run.tags[tag].dash} ${getLook().hues[run.tags[tag].hue]}`);
    for (const which of Object.keys(choices)) $(which).value = String(state[which]);
  };
}

/* The words of the segment map, and the footer */

function writeMapKey() {
  const look = getLook();
  const swatch = (style, words) => {
    const box = element("i");
    box.style.background = style;
    return element("span", {}, box, words);
  };
  const sources = run.clients <= CLIENT_HUES.length
    ? Array.from({ length: run.clients }, (_, i) => swatch(look.client(i + 1), `from client ${i + 1}`))
    : [element("span", { class: "ramp" }, "from client 1 ", element("i"), ` ${run.clients}`)];
  if (sources.length === 1 && run.clients > CLIENT_HUES.length) {
    const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => look.client(1 + Math.round(share * (run.clients - 1))));
    sources[0].querySelector("i").style.background = `linear-gradient(90deg, ${stops})`;
  }
  const hatched = `repeating-linear-gradient(135deg, ${look.owned} 0 1.5px, ${look.empty} 1.5px 4px)`;
  $("map-legend").replaceChildren(...sources, swatch(hatched, "owned from the start"), swatch(look.empty, "not yet held"));
  const cells = run.cells.bucket > 1 ? ` A cell stands for ${run.cells.bucket} segments.` : "";
  const click = run.messages.drawable ? " Click on it to see its message." : "";
  $("map-note").textContent = `A row for each client, a bar for each file. A segment takes the colour of the client that sent it.${cells || click}`;
}

function writeFooter() {
  const says = [
    "Each line of the diagram is a thread, and time runs to the right. An arrow goes from the moment a message was posted to the moment it was taken: a flat arrow was underway for long.",
    "A request and its answer light up together. A refused request's answer ends in a bar, and a message that was never taken in a crossed circle.",
  ];
  const about = [`bittorrent ${run.version}`];
  if (run.hosts.length > 1) {
    about.push(`hosts ${run.hosts.join(", ")}`);
    if (run.uncertainty != null) about.push(`clocks agree within ${duration(run.uncertainty)}`);
  }
  $("footer").append(...says.map((words) => element("p", {}, words)), element("p", { class: "hint" }, about.join(" · ")));
}

/* All together */

writeHeader();
writeRules();
writeFigures();
writeFooter();
const diagram = makeDiagram(run, state, getLook);
const map = makeMap(run, state, getLook, showSegment);
const charts = makeCharts(run, state, getLook);
const player = makePlayer(run, state);
const showFilters = writeFilters();

const painters = { filters: showFilters, diagram: diagram.draw, map: map.draw, player: player.draw, charts: charts.draw, key: writeMapKey };
const EVERYTHING = Object.keys(painters);
const TOUCHED = {
  view: ["diagram"], hover: ["diagram"], selected: ["diagram"],
  muted: ["filters", "diagram"], rank: ["filters", "diagram"], file: ["filters", "diagram"],
  scrolled: ["diagram", "map"], time: ["diagram", "map", "player", "charts"],
};

const { ask, redraw } = makePainting(painters);
state.subscribe((changes) => {
  if ("offence" in changes) showOffence(changes.offence);
  ask(Object.keys(changes).flatMap((name) => TOUCHED[name] ?? (name === "theme" ? EVERYTHING : [])));
});
window.addEventListener("resize", () => ask(EVERYTHING));
redraw();

window.bittorrent = {
  redraw,
  arrows: diagram.arrows,
  view: () => [...state.view],
  selected: () => state.selected,
  lit: diagram.lit,
  time: () => state.time,
  held: map.held,
};
