/* What the parts of a page share: a state, when to paint, and the theme. */

/** One object holds what the pictures share; whoever draws is told which of it has changed. */
function makeState(values) {
  const listeners = [];
  return {
    ...values,
    set(changes) {
      Object.assign(this, changes);
      for (const listener of listeners) listener(changes);
    },
    subscribe(listener) {
      listeners.push(listener);
    },
  };
}

/** Paints, once in a frame, what was asked for by name. */
function makePainting(painters) {
  const waiting = new Set();
  function paint() {
    const now = [...waiting];
    waiting.clear();
    for (const name of now) painters[name](true);
  }
  return {
    ask(names) {
      if (!waiting.size) requestAnimationFrame(paint);
      for (const name of names) waiting.add(name);
    },
    redraw() {
      for (const name of Object.keys(painters)) painters[name]();
    },
  };
}

/**
 * The theme: as the address or the system has it, until the button says otherwise. What was read with
 * `read` in the theme of the moment is had with the function that is returned.
 */
function followTheme(button, read, changed) {
  let look, chosen = false;
  function set(theme) {
    document.documentElement.dataset.theme = theme;
    look = read();
    button.textContent = theme === "dark" ? "☀ Light" : "☾ Dark";
  }
  const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");
  const asked = location.hash.slice(1);
  set(["dark", "light"].includes(asked) ? asked : systemIsDark.matches ? "dark" : "light");
  button.addEventListener("click", () => {
    chosen = true;
    set(look.theme === "dark" ? "light" : "dark");
    changed();
  });
  systemIsDark.addEventListener("change", ({ matches }) => {
    if (chosen) return;
    set(matches ? "dark" : "light");
    changed();
  });
  return () => look;
}
