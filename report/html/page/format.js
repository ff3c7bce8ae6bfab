// Numbers as report/text prints them; a test holds the two against one another.

function percent(share) {
  const p = 100 * share;
  if (p > 99.9 && p < 100) return ">99.9 %";
  if (p > 0 && p < 0.1) return "<0.1 %";
  return p.toFixed(1) + " %";
}

function significant(f) {
  if (f === 0 || !isFinite(f)) return String(f);
  return f.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(f)))));
}

// seconds prints a time on the axis, which counts ns or ticks, to less than a
// hundredth of a cell.
function seconds(ns) {
  if (data.time.ticks) return String(ns);
  const digits = Math.max(0, Math.min(9, 11 - Math.floor(Math.log10(data.time.width))));
  return (ns / 1e9).toFixed(digits);
}

const timeUnit = () => (data.time.ticks ? "ticks" : "s");

function plural(n, noun) {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
