// Hits over time. A selection is a range of cells, [from, to), or null for all of
// the time.

// unpack turns the cells of a line that are not 0 into [[cell, hits], ...].
function unpack(packed) {
  const line = [];
  let cell = 0;
  for (let i = 0; i < packed.length; i += 2) {
    cell += packed[i];
    line.push([cell, packed[i + 1]]);
    cell++;
  }
  return line;
}

function sum(line, selection) {
  let n = 0;
  for (const [cell, hits] of line) {
    if (!selection || (cell >= selection.from && cell < selection.to)) n += hits;
  }
  return n;
}

// dense is a line, or several added up, with a number for each cell.
function dense(lines) {
  const cells = new Array(data.time.cells).fill(0);
  for (const line of lines) for (const [cell, hits] of line) cells[cell] += hits;
  return cells;
}

// startOf is when a cell begins on the axis. There may be time in front of the
// first one, in which nothing was sent.
const startOf = (cell) => data.time.lead + cell * data.time.width;

// cellAt is the reverse, with the part of the cell that has gone by.
const cellAt = (ns) => (ns - data.time.lead) / data.time.width;

// exposure is the time of cells [from, to), added up over the traces that last so
// long.
function exposure({from, to}) {
  const w = data.time.width;
  let ns = 0;
  for (const end of data.time.ends) ns += Math.max(0, Math.min(to * w, end) - Math.min(from * w, end));
  return ns;
}

// spanText says which time cells [from, to) are.
function spanText(from, to) {
  return `${seconds(startOf(from))} to ${seconds(Math.min(startOf(to), data.time.end))} ${timeUnit()}`;
}
