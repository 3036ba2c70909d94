/* Wires the page together. */

const $ = (id) => document.getElementById(id);
const told = JSON.parse($("run").textContent);
const state = makeState({ hover: -1, selected: -1, muted: new Set(), rank: "" });
const getLook = followTheme($("theme"), () => readLook(0), () => state.set({ theme: getLook().theme }));

writeSheet(told);

/** The legend, which is also the choice of what is shown. */
function writeLegend(diagram) {
  const legends = [...USES.map(([, words, hue]) => [words, hue]), ["Messages", null]];
  const buttons = legends.flatMap(([words], use) => {
    if (!diagram.counts[use]) return [];
    const button = element("button", { type: "button", class: "tag", "data-use": words }, element("i"), words, element("small", {}, count(diagram.counts[use])));
    button.addEventListener("click", () => {
      const muted = new Set(state.muted);
      if (!muted.delete(use)) muted.add(use);
      state.set({ muted, hover: -1 });
    });
    return [[use, button]];
  });
  $("legend").append(...buttons.map(([, button]) => button));

  const options = [["", "all"], ...told.failing.ranks.map((_, rank) => [rank, rankName(rank)])];
  $("rank").append(...options.map(([value, words]) => element("option", { value }, words)));
  $("rank").addEventListener("change", () => state.set({ rank: $("rank").value === "" ? "" : Number($("rank").value), hover: -1 }));
  return () => {
    for (const [use, button] of buttons) {
      const hue = legends[use][1];
      button.firstChild.style.borderTop = hue ? `10px solid ${getLook().hues[hue]}` : `2px solid ${getLook().quiet}`;
      button.setAttribute("aria-pressed", String(!state.muted.has(use)));
    }
  };
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
