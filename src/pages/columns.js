/* Reads what the page is told. */

const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i32: Int32Array, f64: Float64Array };

/** A column: the Base64 of a little-endian typed array, as every browser's machine has it, behind its type. */
function decode([type, text]) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new ARRAYS[type](bytes.buffer);
}

/** Whether a value is a column, and not something that has such a name. */
function isColumn(value) {
  const entries = Object.entries(value ?? {});
  return entries.length === 1 && Object.hasOwn(ARRAYS, entries[0][0]) && typeof entries[0][1] === "string";
}

const readTold = () => JSON.parse($("run").textContent, (_, value) => (typeof value === "object" && isColumn(value) ? decode(Object.entries(value)[0]) : value));
