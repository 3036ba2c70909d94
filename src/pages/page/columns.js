/* Columns of numbers as the program writes them, and finding in them what a view shows. */

/** A column is the base64 of a little-endian typed array, as every browser's machine has it. */
function decode(text, Column) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Column(bytes.buffer);
}

function decodeColumns(written, kinds) {
  return Object.fromEntries(Object.entries(kinds).map(([name, Column]) => [name, decode(written[name], Column)]));
}

const emptyColumns = (kinds) => Object.fromEntries(Object.keys(kinds).map((name) => [name, ""]));

/** How many of the first values of a sorted array are at most `limit`. */
function countUpTo(sorted, limit) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Things with a start and an end, messages or calls, in the order of their start. One may go on for long,
 * so each block of them remembers its latest end: a whole block that ended before the view is passed
 * over at once.
 */
const BLOCK = 256;
function timeIndex(things, ids) {
  const starts = Float64Array.from(ids, (id) => things.start[id]);
  const reach = new Float64Array(Math.ceil(ids.length / BLOCK)).fill(-Infinity);
  ids.forEach((id, i) => {
    const block = Math.floor(i / BLOCK);
    reach[block] = Math.max(reach[block], things.end[id]);
  });
  return { ids, starts, reach, end: things.end };
}

/** Those of an index that are underway at some time between `from` and `to`. */
function underway(index, from, to) {
  const found = [];
  const last = countUpTo(index.starts, to);
  for (let first = 0; first < last; first += BLOCK) {
    if (index.reach[first / BLOCK] < from) continue;
    const stop = Math.min(first + BLOCK, last);
    for (let i = first; i < stop; i++) {
      if (index.end[index.ids[i]] >= from) found.push(index.ids[i]);
    }
  }
  return found;
}
