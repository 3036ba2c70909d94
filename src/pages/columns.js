/* Reads what the page is told. */

const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i32: Int32Array, f64: Float64Array };

/** A column: the Base64 of a little-endian typed array, as every browser's machine has it, behind its type. */
function decode([type, text]) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new ARRAYS[type](bytes.buffer);
}

/** What the page is told, with each column as its typed array. */
function readTold() {
  return JSON.parse($("run").textContent, (_, value) => {
    const entries = typeof value === "object" && value ? Object.entries(value) : [];
    const isColumn = entries.length === 1 && Object.hasOwn(ARRAYS, entries[0][0]) && typeof entries[0][1] === "string";
    return isColumn ? decode(entries[0]) : value;
  });
}
