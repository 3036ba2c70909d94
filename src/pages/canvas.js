/* Canvases that fit their boxes, and words beside a point of one. */

/** Gives a canvas the size of its box in the screen's own pixels, and returns a pen that counts in CSS pixels. */
function fitCanvas(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  const w = Math.round(width * scale), h = Math.round(height * scale);
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return pen;
}

/**
 * A canvas that stays in place while its box scrolls, so that a picture of any height needs only the
 * pixels that can be seen.
 */
function makeStage(canvas, highest, onScroll) {
  const scroller = canvas.closest(".scroller");
  const spacer = canvas.parentElement;
  scroller.addEventListener("scroll", onScroll);
  return {
    scroller,
    get offset() { return scroller.scrollTop; },
    fit(content) {
      const height = Math.min(content, highest);
      scroller.style.height = `${height}px`;
      spacer.style.height = `${content}px`;
      const width = Math.max(scroller.clientWidth, 320);
      return { width, height, pen: fitCanvas(canvas, width, height) };
    },
  };
}

/** Says a title and some facts beside a point of a stage, on the side where there is room; nothing if nothing is to be told. */
function tell(tooltip, told, [x, y], { width, height }) {
  tooltip.hidden = !told;
  if (!told) return;
  const title = element("strong", {}, told.title);
  if (told.colour) title.style.borderColor = told.colour;
  tooltip.replaceChildren(title, ...told.facts.map((fact) => element("span", {}, fact)));
  const { offsetWidth, offsetHeight } = tooltip;
  tooltip.style.left = `${x + 16 + offsetWidth < width ? x + 16 : Math.max(x - 16 - offsetWidth, 4)}px`;
  tooltip.style.top = `${clamp(y - offsetHeight / 2, 4, Math.max(height - offsetHeight - 4, 4))}px`;
}
