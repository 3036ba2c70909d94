/* Wires the page together. */

const told = readTold();
const state = makeState({ hover: -1, selected: -1, muted: new Set(), rank: "" });
const getLook = followTheme(state);

writeSheet(told);

/** The legend, which is also the choice of what is shown. */
function writeLegend(diagram) {
  const { uses, ranks } = told.failing;
  const draws = [...uses, ["messages", "Messages"]].flatMap(([, words, hue], use) => {
    if (!diagram.counts[use]) return [];
    const { button, draw } = makeToggle(state, use, { "data-use": words }, words, diagram.counts[use]);
    $("legend").append(button);
    return [() => draw(hue ? `10px solid ${getLook().hues[hue]}` : `2px solid ${getLook().quiet}`)];
  });
  fillChoice(state, "rank", ranks.map((_, rank) => [rank, rankName(rank)]));
  return () => draws.forEach((draw) => draw());
}

if (told.failing) {
  const diagram = makeCalls(told.failing, state, getLook);
  const painters = { legend: writeLegend(diagram), diagram: diagram.draw };
  const { ask, redraw } = makePainting(painters);
  state.subscribe((changes) => ask("muted" in changes || "theme" in changes ? ["legend", "diagram"] : ["diagram"]));
  window.addEventListener("resize", () => ask(["diagram"]));
  redraw();
  window.bittorrent = { redraw, ...diagram, view: () => [...state.view], hover: () => state.hover };
}
