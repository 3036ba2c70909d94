/* What the parts of a page share: a state, and when to paint. */

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
