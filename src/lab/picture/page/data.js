/* Reads what the program wrote of a run, and adds the indices that the pictures need. */

/** Lanes: the tracker's, then each client's download and upload. */
const laneOf = (rank, thread) => (rank === 0 ? 0 : 2 * rank - (thread === "upload" ? 0 : 1));
const rankOf = (lane) => Math.ceil(lane / 2);
const nameOf = (lane) => (lane === 0 ? "tracker" : `client ${rankOf(lane)} (${lane % 2 ? "download" : "upload"})`);

function readMessages(run) {
  const { columns, ...told } = run.messages;
  const messages = { ...told, ...columns };
  const n = messages.posted.length;

  // Where one end of a message is lost, its other end stands for both.
  messages.start = messages.posted.map((time, i) => (Number.isNaN(time) ? messages.taken[i] : time));
  messages.end = messages.taken.map((time, i) => (Number.isNaN(time) ? messages.posted[i] : time));

  const readers = run.tags.map((tag) => tag.reader);
  messages.sender = new Uint32Array(n);
  messages.reader = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    const reader = readers[messages.tag[i]];
    messages.sender[i] = laneOf(messages.from[i], reader === "download" ? "upload" : "download");
    messages.reader[i] = laneOf(messages.to[i], reader);
  }

  // The answers of a message are a chain: the first one, and after each the next one.
  messages.firstAnswer = new Int32Array(n).fill(-1);
  messages.nextAnswer = new Int32Array(n).fill(-1);
  for (let i = n - 1; i >= 0; i--) {
    const request = messages.answers[i];
    if (request < 0 || request >= n) continue;
    messages.nextAnswer[i] = messages.firstAnswer[request];
    messages.firstAnswer[request] = i;
  }

  messages.order = Array.from({ length: n }, (_, i) => i)
    .filter((i) => !Number.isNaN(messages.start[i]))
    .sort((a, b) => messages.start[a] - messages.start[b]);
  messages.tagCounts = run.tags.map((tag) => run.measured.messages?.[tag.name]?.messages ?? 0);
  if (messages.drawable) {
    messages.tagCounts.fill(0);
    messages.tag.forEach((tag) => messages.tagCounts[tag]++);
  }
  return messages;
}

/** A message, what it answers (and what that answers), and all that answers it. */
function conversation(messages, id) {
  const lit = new Set();
  for (let i = id; i >= 0 && !lit.has(i); i = messages.answers[i]) lit.add(i);
  const waiting = [id];
  while (waiting.length) {
    for (let i = messages.firstAnswer[waiting.pop()]; i >= 0; i = messages.nextAnswer[i]) {
      if (lit.has(i)) continue;
      lit.add(i);
      waiting.push(i);
    }
  }
  return [...lit];
}

/** The cells of all files lie one after another; `arrival` tells for each client which event filled which of them. */
function readCells(run) {
  const { bucket, columns } = run.cells;
  const cells = { bucket, ...columns };
  cells.first = [];
  cells.total = 0;
  for (const file of run.files) {
    file.cells = Math.ceil(file.segments / bucket);
    cells.first.push(cells.total);
    cells.total += file.cells;
  }

  // A name may be anything, even `__proto__`, so a Map finds the files.
  const byName = new Map(run.files.map((file, i) => [file.name, i]));
  const clients = Array.from({ length: run.shown }, (_, i) => ({
    arrival: new Int32Array(cells.total).fill(-1),
    times: [],
    owned: new Set([...run.files.keys()].filter((file) => run.files[file].owners.includes(i + 1))),
    wanted: new Set(),
  }));
  for (const measured of run.measured.clients ?? []) {
    const client = clients[measured.client - 1];
    for (const { file } of measured.downloads ?? []) if (client && byName.has(file)) client.wanted.add(byName.get(file));
  }
  cells.time.forEach((time, event) => {
    const client = clients[cells.client[event] - 1];
    if (!client) return;
    client.arrival[cells.first[cells.file[event]] + cells.cell[event]] = event;
    client.times.push(time);
    client.wanted.add(cells.file[event]);
  });
  for (const client of clients) {
    client.wantedCells = [...client.wanted].reduce((sum, file) => sum + run.files[file].cells, 0);
  }
  return { ...cells, clients };
}

function readRun() {
  const run = readTold();
  run.measured ??= {};
  run.messages = readMessages(run);
  run.cells = readCells(run);
  run.lanes = 1 + 2 * run.clients;
  return run;
}
