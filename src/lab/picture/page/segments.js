/* The segment map: a row for each client, a bar for each file that it owns or wants. */

const MAP_GUTTER = 136, MAP_HEAD = 26, BETWEEN_FILES = 8;

function makeMap(run, state, getLook, onPick) {
  const { cells, files } = run;
  const [canvas, tooltip] = ["map", "map-tooltip"].map($);
  const stage = makeStage(canvas, 620, () => state.set({ scrolled: true }));
  const row = run.shown <= 8 ? 30 : run.shown <= 20 ? 22 : 15;
  const bar = row - (row > 20 ? 8 : 4);
  let size = { width: 320, height: 100 }, pointer = null;

  const held = (client) => countUpTo(cells.clients[client - 1].times, state.time);

  /** Each file's bar is as wide as its share of all cells, but none is lost from sight. */
  function layFiles(width) {
    const room = width - MAP_GUTTER - 8 - BETWEEN_FILES * (files.length - 1);
    const least = Math.min(24, Math.max(room / files.length / 2, 2));
    const free = Math.max(room - least * files.length, 0);
    let at = MAP_GUTTER;
    return files.map((file) => {
      const left = at;
      const wide = least + (free * file.cells) / Math.max(cells.total, 1);
      at += wide + BETWEEN_FILES;
      return { left, wide };
    });
  }

  /** A strip of one pixel's height: a client's bar of a file at the time of the slider. */
  function paintBar(pixels, client, file, look, empty) {
    const { arrival } = cells.clients[client - 1];
    const first = cells.first[file], n = files[file].cells, width = pixels.length / 4;
    const separated = width / n >= 5;
    for (let x = 0; x < width; x++) {
      const from = Math.floor((x * n) / width), to = Math.max(Math.floor(((x + 1) * n) / width), from + 1);
      let have = 0, source = 0;
      for (let cell = from; cell < to; cell++) {
        const event = arrival[first + cell];
        if (event < 0 || cells.time[event] > state.time) continue;
        have++;
        source = cells.from[event];
      }
      const share = have / (to - from);
      const full = share ? look.clientChannels(source) : empty;
      for (let i = 0; i < 3; i++) pixels[4 * x + i] = empty[i] + (full[i] - empty[i]) * share;
      const isEdge = separated && Math.floor(((x + 1) * n) / width) !== from;
      pixels[4 * x + 3] = isEdge ? 90 : 255;
    }
  }

  function hatch(pen, look) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const brush = tile.getContext("2d");
    brush.fillStyle = look.empty;
    brush.fillRect(0, 0, 6, 6);
    brush.strokeStyle = look.owned;
    brush.lineWidth = 1.6;
    for (const shift of [-6, 0, 6]) brush.moveTo(shift, 6), brush.lineTo(shift + 6, 0);
    brush.stroke();
    return pen.createPattern(tile, "repeat");
  }

  function draw() {
    const look = getLook();
    const { pen, ...fitted } = stage.fit(MAP_HEAD + run.shown * row + 4);
    size = fitted;
    const { width, height } = size;
    const scale = window.devicePixelRatio || 1;
    const bars = layFiles(width);
    const owned = hatch(pen, look);
    const empty = channels(look.empty);
    const colours = Array.from({ length: run.clients + 1 }, (_, rank) => (rank ? look.clientChannels(rank) : empty));
    const quick = { clientChannels: (rank) => colours[rank] ?? empty };
    pen.fillStyle = look.card;
    pen.fillRect(0, 0, width, height);

    const strip = document.createElement("canvas");
    strip.width = Math.ceil(width * scale);
    strip.height = 1;
    const brush = strip.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.textBaseline = "middle";
    for (let client = 1; client <= run.shown; client++) {
      const y = MAP_HEAD + (client - 1) * row - stage.offset;
      if (y < -row || y > height) continue;
      const { owned: owns, wanted, wantedCells } = cells.clients[client - 1];
      pen.fillStyle = rgb(colours[client]);
      pen.beginPath();
      pen.roundRect(10, y + row / 2 - 4, 8, 8, 2);
      pen.fill();
      pen.font = look.font(12, 600);
      pen.textAlign = "left";
      pen.fillStyle = look.ink;
      pen.fillText(`client ${client}`, 24, y + row / 2);
      pen.font = look.font(11);
      pen.textAlign = "right";
      pen.fillStyle = look.quiet;
      pen.fillText(wantedCells ? percent(Math.floor((100 * held(client)) / wantedCells) / 100) : "seed", MAP_GUTTER - 8, y + row / 2);
      bars.forEach(({ left, wide }, file) => {
        const top = y + (row - bar) / 2;
        if (owns.has(file)) {
          pen.fillStyle = owned;
          pen.fillRect(left, top, wide, bar);
        } else if (wanted.has(file)) {
          const across = Math.max(Math.round(wide * scale), 1);
          const image = brush.createImageData(across, 1);
          paintBar(image.data, client, file, quick, empty);
          brush.putImageData(image, 0, 0);
          pen.drawImage(strip, 0, 0, across, 1, left, top, wide, bar);
        } else {
          pen.fillStyle = look.line;
          pen.fillRect(left, y + row / 2, wide, 1);
        }
      });
    }

    pen.fillStyle = look.card;
    pen.fillRect(0, 0, width, MAP_HEAD);
    pen.font = look.font(11);
    pen.textAlign = "left";
    pen.fillStyle = look.quiet;
    bars.forEach(({ left, wide }, file) => {
      pen.save();
      pen.beginPath();
      pen.rect(left, 0, wide + BETWEEN_FILES - 2, MAP_HEAD);
      pen.clip();
      if (wide > 20) pen.fillText(files[file].name, left, MAP_HEAD / 2 + 2);
      pen.restore();
    });
    showTooltip();
  }

  /* What the pointer is on */

  function cellAt(x, y) {
    const client = Math.floor((y - MAP_HEAD + stage.offset) / row) + 1;
    if (y < MAP_HEAD || client < 1 || client > run.shown) return null;
    const bars = layFiles(size.width);
    const file = bars.findIndex(({ left, wide }) => x >= left && x < left + wide);
    if (file < 0) return null;
    const cell = clamp(Math.floor(((x - bars[file].left) / bars[file].wide) * files[file].cells), 0, files[file].cells - 1);
    return { client, file, cell, event: cells.clients[client - 1].arrival[cells.first[file] + cell] };
  }

  function describeAt(x, y) {
    const at = cellAt(x, y);
    if (!at) return null;
    const { client, file, cell, event } = at;
    const { owned, wanted } = cells.clients[client - 1];
    const title = `client ${client}, ${files[file].name}`;
    if (owned.has(file)) return { title, facts: ["owned from the start"] };
    if (!wanted.has(file)) return { title, facts: ["neither owned nor wanted"] };
    const first = cell * cells.bucket + 1, last = Math.min(first + cells.bucket - 1, files[file].segments);
    const name = first === last ? `segment ${count(first)}` : `segments ${count(first)} to ${count(last)}`;
    if (event < 0) return { title, facts: [name, "never held"] };
    const when = cells.time[event] > state.time ? "not yet held: verified at" : "held since";
    return { title, facts: [name, `${when} ${moment(cells.time[event])}`, `${first === last ? "sent" : "the last one sent"} by client ${cells.from[event]}`], colour: getLook().client(cells.from[event]) };
  }

  function showTooltip() {
    tell(tooltip, pointer && describeAt(...pointer), pointer ?? [0, 0], size);
  }

  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    pointer = [event.clientX - box.left, event.clientY - box.top];
    showTooltip();
  });
  canvas.addEventListener("click", () => {
    const at = pointer && cellAt(...pointer);
    if (at && at.event >= 0) onPick(at.client, at.file, at.cell, cells.from[at.event]);
  });
  canvas.addEventListener("pointerleave", () => {
    pointer = null;
    showTooltip();
  });
  return { draw, held };
}

/** The slider, and the button that takes it through the whole run in some seconds. */
const PLAYING = 8;
function makePlayer(run, state) {
  const [first, last] = run.span;
  const [slider, play, clock] = ["time", "play", "clock"].map($);
  Object.assign(slider, { min: first, max: last, value: state.time });
  slider.addEventListener("input", () => state.set({ time: Number(slider.value) }));

  let playing = null;
  const stop = () => {
    cancelAnimationFrame(playing);
    playing = null;
    sayWhat();
  };
  const sayWhat = () => {
    play.textContent = playing === null ? "▶" : "❚❚";
    play.setAttribute("aria-label", playing === null ? "Play" : "Pause");
  };
  play.addEventListener("click", () => {
    if (playing !== null) return stop();
    let before = null;
    if (state.time >= last) state.set({ time: first });
    const step = (now) => {
      const passed = before === null ? 0 : (now - before) / 1000;
      before = now;
      const time = Math.min(state.time + (passed / PLAYING) * (last - first), last);
      state.set({ time });
      if (time >= last) return stop();
      playing = requestAnimationFrame(step);
    };
    playing = requestAnimationFrame(step);
    sayWhat();
  });
  sayWhat();
  return {
    draw() {
      if (Number(slider.value) !== state.time) slider.value = state.time;
      clock.textContent = `${moment(state.time)} of ${moment(last)}`;
    },
  };
}
