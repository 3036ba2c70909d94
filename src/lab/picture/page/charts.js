/* The charts: who served whom, the load of each link, the rarest segments, and completion. */

const FEW = 8, CHART_HEIGHT = 210, LOAD_BINS = 60;

function makeCharts(run, state, getLook) {
  const { series, measured } = run;
  const [first, last] = run.span;
  const clients = Array.from({ length: run.shown }, (_, i) => i + 1);
  const few = run.clients <= FEW;
  const length = last - first || 1e-9;
  let built = "", charts = [], timeLines = [];

  /* Frames and lines */

  /** Empties a figure and gives it a title, which tells what is to be seen, and a line that tells what is drawn. */
  function frame(id, title, caption) {
    const plot = element("div", { class: "plot" });
    const figure = $(id);
    figure.replaceChildren(element("h3", {}, title), element("p", { class: "hint" }, caption), plot);
    return plot;
  }

  /** A line over a chart that follows the slider. */
  function addTimeLine(over, toPixel) {
    const line = element("div", { class: "now" });
    over.append(line);
    const move = () => (line.style.transform = `translateX(${toPixel(state.time)}px)`);
    timeLines.push(move);
    return move;
  }

  function lineChart(plot, times, lines, { label, value, most, bands = [] }) {
    const look = getLook();
    const axis = { stroke: look.quiet, font: look.font(11), grid: { stroke: look.line, width: 1 }, ticks: { stroke: look.line, width: 1, size: 4 } };
    const longest = Math.max(Math.abs(first), Math.abs(last));
    const chart = new uPlot({
      width: plot.clientWidth, height: CHART_HEIGHT,
      scales: { x: { time: false, range: [first, first + length] }, y: { range: (_, low, high) => [0, most ?? Math.max(high, 1) * 1.05] } },
      legend: { show: few && lines.length <= FEW + 1 },
      cursor: { drag: { x: false, y: false }, points: { size: 6 }, sync: { key: "time" } },
      axes: [
        { ...axis, size: 30, splits: (chart, _, low, high) => ticks(low, high, plot.clientWidth / 110).values, values: (_, at) => timeLabels({ values: at, step: at[1] - at[0] || length }, longest) },
        { ...axis, size: 62, label, labelSize: 16, labelFont: look.font(11), labelGap: 0, splits: (chart, _, low, high) => ticks(low, high, 5).values.filter(value), values: (_, at) => at.map(value) },
      ],
      series: [
        { label: "time", value: (_, time) => (time == null ? "" : moment(time)) },
        ...lines.map((line) => ({ width: 1.75, points: { show: false }, value: (_, y) => (y == null ? "" : value(y)), ...line })),
      ],
      bands,
    }, [times, ...lines.map((line) => line.ys)], plot);
    charts.push(chart);
    // A chart lays itself out a little later than it is made.
    const move = addTimeLine(chart.over, (time) => ((time - first) / length) * chart.over.clientWidth);
    chart.hooks.draw = [move];
  }

  /** A canvas of coloured cells with room for numbers at its left and below. */
  function heatMap(plot, { rows, columns, value, height, labels, mark, describe, timeAxis }) {
    const look = getLook();
    const left = 46, below = 30, width = plot.clientWidth;
    const wide = (width - left - 4) / columns, high = height / rows;
    const canvas = plot.appendChild(element("canvas", { role: "img", "aria-label": labels.join(" by ") }));
    const tooltip = plot.appendChild(element("div", { class: "tooltip", hidden: "" }));
    const pen = fitCanvas(canvas, width, height + below);
    let most = 0;
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) most = Math.max(most, value(r, c));
    const gap = wide > 8 && high > 8 ? 1 : 0;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const n = value(r, c);
        const colour = n ? viridis(n / most) : channels(look.empty);
        pen.fillStyle = rgb(colour);
        // Cells without a gap overlap a little, or seams would show through.
        pen.fillRect(left + c * wide, r * high, wide - gap + (gap ? 0 : 0.6), high - gap + (gap ? 0 : 0.6));
        if (!mark || high < 14) continue;
        pen.fillStyle = !n ? look.quiet : n / most > 0.55 ? "#000" : "#fff";
        pen.font = look.font(11, 600);
        pen.textAlign = "center";
        pen.textBaseline = "middle";
        pen.fillText(mark(r, c), left + (c + 0.5) * wide, (r + 0.5) * high);
      }
    }
    pen.fillStyle = look.quiet;
    pen.font = look.font(11);
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (let r = 0, step = Math.ceil(14 / high); r < rows; r += step) pen.fillText(String(r + 1), left - 6, Math.max((r + 0.5) * high, 6));
    pen.textAlign = "center";
    if (timeAxis) {
      const marks = ticks(first, last, width / 110);
      timeLabels(marks, last).forEach((text, i) => {
        const x = left + ((marks.values[i] - first) / length) * columns * wide;
        if (x < width - 20) pen.fillText(text, x, height + 9);
      });
    } else {
      for (let c = 0, step = Math.ceil(22 / wide); c < columns; c += step) pen.fillText(String(c + 1), left + (c + 0.5) * wide, height + 9);
    }
    pen.fillText(labels[1], left + (columns * wide) / 2, height + 24);
    pen.save();
    pen.translate(9, height / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(labels[0], 0, 0);
    pen.restore();
    plot.append(colourScale(most));

    canvas.addEventListener("pointermove", (event) => {
      const r = Math.floor(event.offsetY / high), c = Math.floor((event.offsetX - left) / wide);
      const inside = r >= 0 && r < rows && c >= 0 && c < columns;
      tell(tooltip, inside && describe(r, c), [event.offsetX, event.offsetY], { width, height });
    });
    canvas.addEventListener("pointerleave", () => (tooltip.hidden = true));
    return { over: plot, toPixel: (time) => left + ((time - first) / length) * columns * wide, height };
  }

  const colourScale = (most) => element("div", { class: "scale" }, "0", element("i"), significant(most));

  /* The four of them */

  function drawMatrix() {
    // In the report a row is pairs of who got segments and how many.
    const transfers = measured.transfers?.slice(0, run.shown).map((row) => {
      const cells = Array(run.shown).fill(0);
      for (const [to, n] of row) if (to <= run.shown) cells[to - 1] = n;
      return cells;
    });
    if (!transfers?.length) return frame("matrix", "Who served whom?", "This cannot be told of a run that was broken off.");
    const sums = measured.transfers.map((row) => row.reduce((sum, [, n]) => sum + n, 0));
    const all = sums.reduce((sum, n) => sum + n, 0);
    const best = sums.indexOf(Math.max(...sums));
    const title = all ? `Client ${best + 1} served most: ${count(sums[best])} of ${plural(all, "segment")}` : "No segment was sent";
    const plot = frame("matrix", title, "Segments that each client sent to each other.");
    heatMap(plot, {
      rows: run.shown, columns: run.shown, height: few ? 260 : 300,
      value: (r, c) => transfers[r][c],
      mark: few ? (r, c) => (r === c ? "" : count(transfers[r][c])) : null,
      labels: ["sends", "receives"],
      describe: (r, c) => ({ title: plural(transfers[r][c], "segment"), facts: [`sent by client ${r + 1} to client ${c + 1}`] }),
    });
  }

  function drawLoad() {
    const by = Math.max(Math.round(series.bins / LOAD_BINS), 1);
    const bins = Math.ceil(series.bins / by);
    const seconds = (length / series.bins) * by;
    const rates = series.served.map((served) => Array.from({ length: bins }, (_, bin) => {
      let sum = 0;
      for (let i = bin * by; i < Math.min((bin + 1) * by, series.bins); i++) sum += served[i];
      return sum / seconds;
    }));
    const peaks = rates.map((rate) => Math.max(...rate));
    const best = peaks.indexOf(Math.max(...peaks));
    const at = first + (rates[best].indexOf(peaks[best]) + 0.5) * seconds;
    const title = peaks[best] > 0 ? `The busiest link was client ${best + 1}'s: ${significant(peaks[best])} segments/s at ${duration(at)}` : "No link was busy";
    const plot = frame("load", title, "Segments that each client sent in a second.");
    if (few) {
      const look = getLook();
      const lines = rates.map((ys, i) => ({ label: `client ${i + 1}`, stroke: look.client(i + 1), ys }));
      const times = Array.from({ length: bins }, (_, bin) => first + (bin + 0.5) * seconds);
      return lineChart(plot, times, lines, { label: "segments/s", value: significant });
    }
    const { over, toPixel, height } = heatMap(plot, {
      rows: run.shown, columns: bins, height: 300, timeAxis: true,
      value: (r, c) => rates[r][c],
      labels: ["client", "segments/s over time"],
      describe: (r, c) => ({ title: `${significant(rates[r][c])} segments/s`, facts: [`sent by client ${r + 1} at ${duration(first + (c + 0.5) * seconds)}`] }),
    });
    const clip = over.appendChild(element("div", { class: "over" }));
    clip.style.height = `${height}px`;
    addTimeLine(clip, toPixel);
  }

  function drawRarest() {
    const look = getLook();
    const rarest = series.rarest.filter(({ steps }) => steps.length);
    const times = [...new Set([first, last, ...rarest.flatMap(({ steps }) => steps.map(([time]) => time))])].sort((a, b) => a - b);
    const lines = rarest.map(({ file, steps }, i) => {
      let next = 0, copies = null;
      const ys = times.map((time) => {
        while (next < steps.length && steps[next][0] <= time) copies = steps[next++][1];
        return copies;
      });
      const share = rarest.length > 1 ? i / (rarest.length - 1) : 0.5;
      const stroke = rgb(viridis(look.theme === "dark" ? 0.25 + 0.75 * share : 0.88 * share));
      return { label: run.files[file].name, stroke, ys, paths: uPlot.paths.stepped({ align: 1 }) };
    });
    const least = times.map((_, i) => Math.min(...lines.map(({ ys }) => ys[i] ?? Infinity)));
    const rise = least.findIndex((copies) => copies > least[0]);
    const held = least[0] === 1 ? "by one client only" : `by only ${least[0]} clients`;
    const title = !lines.length ? "No segment to tell of" : rise < 0 ? `To the end some segment was held ${held}` : `Until ${duration(times[rise])} some segment was held ${held}`;
    const plot = frame("rarest", title, "Copies of each file's rarest segment.");
    if (lines.length) lineChart(plot, times, lines, { label: "copies", value: (n) => (Number.isInteger(n) ? String(n) : "") });
  }

  function drawCompletion() {
    const look = getLook();
    const done = measured.completion;
    const title = done ? `Half of the downloads took ${duration(done.median)} or less, the longest ${duration(done.maximum)}` : "No download is known to be complete";
    const plot = frame("completion", title, few ? "Share of its wanted segments that each client held." : "Share of the wanted segments held: each client, their median, and from the least to the greatest.");
    const leechers = clients.filter((client) => series.wanted[client - 1] > 0);
    const shares = leechers.map((client) => Array.from(series.held[client - 1], (n) => (100 * n) / series.wanted[client - 1]));
    const times = Array.from({ length: series.bins }, (_, bin) => first + ((bin + 1) / series.bins) * length);
    times.unshift(first);
    shares.forEach((share) => share.unshift(0));
    let lines = shares.map((ys, i) => ({ label: `client ${leechers[i]}`, stroke: look.client(leechers[i]), ys, width: few ? 1.75 : 0.6 }));
    let bands = [];
    if (!few && shares.length) {
      const sorted = times.map((_, bin) => shares.map((share) => share[bin]).sort((a, b) => a - b));
      const pick = (share) => sorted.map((values) => values[Math.round((values.length - 1) * share)]);
      lines = [
        { label: "greatest", stroke: "transparent", ys: pick(1) },
        { label: "least", stroke: "transparent", ys: pick(0) },
        ...lines.map((line) => ({ ...line, alpha: 0.55 })),
        { label: "median", stroke: look.ink, ys: pick(0.5), width: 2.5 },
      ];
      bands = [{ series: [1, 2], fill: look.band }];
    }
    if (lines.length) lineChart(plot, times, lines, { label: "held", value: (n) => `${Math.round(n)} %`, most: 102, bands });
  }

  return {
    draw() {
      const wanted = `${getLook().theme} ${document.querySelector(".charts").clientWidth}`;
      if (built !== wanted) {
        charts.forEach((chart) => chart.destroy());
        charts = [];
        timeLines = [];
        for (const drawOne of [drawMatrix, drawLoad, drawRarest, drawCompletion]) drawOne();
      }
      built = wanted;
      timeLines.forEach((move) => move());
    },
  };
}
