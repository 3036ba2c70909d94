/* Elements. Text is always text, whatever it says. */

const $ = (id) => document.getElementById(id);

/** An element with its class, attributes and children. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** The mark of something good, bad or in doubt. */
const MARKS = { good: "✓", bad: "✕", doubt: "?" };
const mark = (look) => element("span", { class: `mark ${look}`, "aria-hidden": "true" }, MARKS[look]);

/** A button of the legend, which shows or hides the messages or calls of a kind. Returns it, and what draws it anew. */
function makeToggle(state, kind, attributes, words, number) {
  const button = element("button", { type: "button", class: "tag", ...attributes }, element("i"), words, element("small", {}, count(number)));
  button.addEventListener("click", () => {
    const muted = new Set(state.muted);
    if (!muted.delete(kind)) muted.add(kind);
    state.set({ muted, hover: -1 });
  });
  const draw = (line) => {
    button.firstChild.style.borderTop = line;
    button.setAttribute("aria-pressed", String(!state.muted.has(kind)));
  };
  return { button, draw };
}

/** Fills a choice of the state; "" is all. */
function fillChoice(state, name, options) {
  const select = $(name);
  select.append(...[["", "all"], ...options].map(([value, words]) => element("option", { value }, words)));
  select.addEventListener("change", () => state.set({ [name]: select.value === "" ? "" : Number(select.value), hover: -1 }));
}
