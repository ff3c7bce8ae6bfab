// Hits over time: a chart of stacked bars, a lane for each CPU below it, and the
// brush that chooses a part of the time. uPlot draws axes, cursor and selection.

const maxSeries = 8; // what is behind the first ones is one
const maxLanes = 64; // neighbours share one beyond
const rounded = 0.02; // cells by which a typed time may be off
const xAxis = 30; // pixels below a chart

class Timeline {
  // changed is told the selection.
  constructor(at, changed) {
    this.at = at;
    this.changed = changed;
    this.selection = null;
    this.tables = tables.filter((t) => t.rows.some((r) => r.line));
    this.stackBy = this.tables.find((t) => t.name !== "cpus") || this.tables[0];
    this.addControls();
    this.bars = el("div", {class: "chart", tabindex: 0, role: "group", "aria-label": "Hits over time. Arrow keys move the cursor, with Shift they select; plus and minus zoom; Escape clears.", onkeydown: (e) => this.key(e)});
    this.lanesAt = el("div", {class: "chart", role: "group", "aria-label": "Hits of each CPU over time"});
    this.said = el("p", {class: "said"});
    this.legend = el("ul", {class: "legend"});
    at.append(this.legend, this.bars, this.said, this.lanesAt);
    this.cursor = null;
    this.draw();
    new ResizeObserver(() => this.resize()).observe(at);
    address.bind("time", (text) => { [this.from.value, this.to.value] = [...text.split(","), ""]; this.typed(); });
  }

  // ---- controls ----

  addControls() {
    const by = el("select", {onchange: (e) => { this.stackBy = this.tables[e.target.value]; this.draw(); }},
      ...this.tables.map((t, i) => el("option", {value: i, selected: t === this.stackBy}, t.label)));
    const time = (label) => el("input", {class: "time", inputmode: "decimal", "aria-label": `${label}, in ${timeUnit()} since the start`, onchange: () => this.typed()});
    this.from = time("From");
    this.to = time("To");
    const button = (text, f) => el("button", {type: "button", onclick: f}, text);
    this.zoomButton = button("Zoom to selection", () => this.zoom(this.selection));
    this.outButton = button("Show all time", () => this.zoom(null));
    this.clearButton = button("Clear selection", () => this.select(null));
    this.status = el("p", {class: "muted", role: "status"});
    this.at.append(
      el("div", {class: "bar"},
        el("label", {}, "Stacked by ", by),
        el("div", {class: "tools"}, el("span", {}, "Selection"), this.from, el("span", {}, "to"), this.to, timeUnit(), this.zoomButton, this.outButton, this.clearButton)),
      this.status);
  }

  typed() {
    const unit = data.time.ticks ? 1 : 1e9;
    const from = parseFloat(this.from.value), to = parseFloat(this.to.value);
    const {cells, end} = data.time;
    const a = Number.isFinite(from) ? Math.floor(cellAt(from * unit) + rounded) : 0;
    const b = Number.isFinite(to) ? Math.ceil(cellAt(Math.min(to * unit, end)) - rounded) : cells;
    this.select({from: a, to: b});
  }

  key(e) {
    const cells = data.time.cells;
    const step = {ArrowLeft: -1, ArrowRight: 1}[e.key];
    if (step) {
      const shown = this.range();
      const was = this.cursor === null ? (step > 0 ? shown.from - 1 : shown.to) : this.cursor;
      this.cursor = Math.max(0, Math.min(cells - 1, was + step));
      if (e.shiftKey) {
        if (this.anchor === undefined) this.anchor = Math.max(0, Math.min(cells - 1, was));
        this.select({from: Math.min(this.anchor, this.cursor), to: Math.max(this.anchor, this.cursor) + 1});
      } else this.anchor = undefined;
      this.say(this.cursor);
      this.chart.setCursor({left: this.chart.valToPos(this.middle(this.cursor), "x"), top: 10});
    } else if (e.key === "+" || e.key === "=") this.zoomBy(0.5);
    else if (e.key === "-") this.zoomBy(2);
    else if (e.key === "Escape") { this.anchor = undefined; this.select(null); }
    else return;
    e.preventDefault();
  }

  middle(cell) {
    return startOf(cell + 0.5);
  }

  // ---- selection and zoom, in cells ----

  select(selection) {
    const {cells} = data.time;
    if (selection) {
      const from = Math.max(0, Math.min(cells - 1, selection.from)), to = Math.max(from + 1, Math.min(cells, selection.to));
      selection = from === 0 && to === cells ? null : {from, to};
    }
    this.selection = selection;
    this.showSelection();
    address.set("time", selection ? `${this.from.value},${this.to.value}` : "");
    this.changed(selection);
  }

  showSelection() {
    const s = this.selection;
    this.zoomButton.disabled = this.clearButton.disabled = !s;
    this.from.value = s ? seconds(startOf(s.from)) : "";
    this.to.value = s ? seconds(Math.min(startOf(s.to), data.time.end)) : "";
    const total = sum(this.total, s);
    const cell = `cells of ${seconds(data.time.width)} ${timeUnit()}`;
    this.status.textContent = s
      ? `Selected ${spanText(s.from, s.to)}: ${plural(total, "hit")}. All tables count this time alone. It begins and ends where a cell does; ${cell}.`
      : `${plural(total, "hit")}, ${cell}. Drag over the chart to count a part of the time alone; with Ctrl the wheel zooms.`;
    for (const u of [this.chart, this.lanes]) {
      if (!u) continue;
      if (!s) { u.setSelect({left: 0, top: 0, width: 0, height: 0}, false); continue; }
      const {min, max} = u.scales.x;
      const at = (cell) => u.valToPos(Math.max(min, Math.min(max, startOf(cell))), "x");
      u.setSelect({left: at(s.from), top: 0, width: at(s.to) - at(s.from), height: u.bbox.height / devicePixelRatio}, false);
    }
  }

  // range is what is shown.
  range() {
    const {min, max} = this.chart.scales.x;
    return {from: Math.max(0, Math.floor(cellAt(min))), to: Math.ceil(cellAt(max))};
  }

  zoom(range) {
    const {width, end, cells} = data.time;
    this.zoomed = range && range.to - range.from < cells ? range : null;
    const min = this.zoomed ? startOf(range.from) : 0, max = this.zoomed ? startOf(Math.min(range.to, cells)) : Math.max(end, width);
    for (const u of [this.chart, this.lanes]) if (u) u.setScale("x", {min, max});
    this.outButton.disabled = !this.zoomed;
    this.showSelection();
  }

  zoomBy(factor, around) {
    const {cells} = data.time, r = this.range();
    const mid = around ?? (this.cursor !== null && this.cursor >= r.from && this.cursor < r.to ? this.cursor + 0.5 : (r.from + r.to) / 2);
    const from = Math.max(0, Math.round(mid - (mid - r.from) * factor)), to = Math.min(cells, Math.round(mid + (r.to - mid) * factor));
    if (to - from >= 2) this.zoom({from, to});
  }

  // ---- what is drawn ----

  // series are the lines of a table's largest rows and of all the others.
  series() {
    const t = this.stackBy, i = t.column("hits");
    const ranked = [...t.rows].sort((a, b) => t.whole[b.order].values[i] - t.whole[a.order].values[i] || a.order - b.order).filter((r) => r.line.length);
    const own = ranked.length > maxSeries ? ranked.slice(0, maxSeries - 1) : ranked;
    const rest = [...ranked.slice(own.length).map((r) => r.line), t.rest].filter((l) => l.length);
    const all = own.map((r, n) => ({name: t.nameOf(r), cells: dense([r.line]), mark: `--series-${n + 1}`}));
    if (rest.length) all.push({name: "all others", cells: dense(rest), mark: "--rest"});
    return all;
  }

  draw() {
    this.stack = this.series();
    const cells = this.stack.map((s) => s.cells);
    this.totals = new Array(data.time.cells).fill(0);
    for (const c of cells) c.forEach((n, i) => { this.totals[i] += n; });
    this.total = this.totals.map((n, i) => [i, n]).filter(([, n]) => n > 0);
    this.legend.replaceChildren(...this.stack.map((s) => {
      const item = el("li", {}, el("span", {class: "swatch"}), el("code", {}, s.name));
      item.firstChild.style.background = `var(${s.mark})`;
      return item;
    }));
    if (data.time.gaps) this.legend.append(el("li", {}, el("span", {class: "swatch gap"}), "events lost"));
    this.makeLanes();
    this.paint();
  }

  // paint makes the charts again, in the colours of the theme.
  paint() {
    const at = this.zoomed;
    this.colours = {ink: colour("--ink"), line: colour("--line"), lost: colour("--lost"), accent: colour("--accent"), series: this.stack.map((s) => colour(s.mark))};
    for (const u of [this.chart, this.lanes]) if (u) u.destroy();
    this.chart = this.plot(this.bars, 200, this.totals, {range: (u, min, max) => [0, Math.max(1, max) * 1.05]}, {size: 56}, (u) => this.drawBars(u));
    const rows = this.laneRows.length;
    const height = Math.max(3, Math.min(16, 420 / rows)) * rows + xAxis + 6;
    this.lanes = rows < 2 ? null : this.plot(this.lanesAt, height, this.totals, {range: [0, rows], dir: -1}, {
      size: 56, splits: () => this.laneSplits(height - xAxis - 6), values: (u, at) => at.map((v) => this.laneRows[Math.floor(v)].name), grid: {show: false}, ticks: {show: false},
    }, (u) => this.drawLanes(u));
    this.lanesAt.hidden = !this.lanes;
    this.zoom(at);
  }

  plot(at, height, values, yScale, yAxis, drawn) {
    const {cells} = data.time, {ink, line} = this.colours;
    const font = "12px system-ui, sans-serif";
    const grid = {stroke: line, width: 1};
    const x = Array.from({length: cells}, (_, i) => this.middle(i));
    return new uPlot({
      width: Math.max(200, this.at.clientWidth), height,
      legend: {show: false}, padding: [6, 12, 0, 0],
      cursor: {sync: {key: "time"}, drag: {x: true, y: false, setScale: false}, points: {show: false}, y: false, bind: {dblclick: () => () => this.zoom(null)}},
      scales: {x: {time: false, range: (u, min, max) => [min, max]}, y: yScale},
      axes: [
        {stroke: ink, font, grid, ticks: grid, values: (u, at) => at.map((v) => seconds(v).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "") + (data.time.ticks ? "" : " s")), space: 90, size: xAxis},
        {stroke: ink, font, grid, ticks: grid, ...yAxis},
      ],
      series: [{}, {show: true, stroke: "transparent", points: {show: false}, paths: () => null}],
      hooks: {
        drawAxes: [(u) => this.drawGaps(u)],
        draw: [drawn],
        setCursor: [(u) => { if (u.cursor.idx != null && u.cursor.left >= 0) { this.cursor = u.cursor.idx; this.say(u.cursor.idx); } }],
        setSize: [() => this.showSelection()],
        setSelect: [(u) => this.brushed(u)],
        ready: [(u) => u.over.addEventListener("wheel", (e) => {
          if (!e.ctrlKey) return; // the page scrolls
          e.preventDefault();
          this.zoomBy(e.deltaY < 0 ? 0.7 : 1.4, cellAt(u.posToVal(e.offsetX, "x")));
        }, {passive: false})],
      },
    }, [x, values], at);
  }

  brushed(u) {
    if (u.select.width <= 0) { this.select(null); return; }
    this.select({
      from: Math.floor(cellAt(u.posToVal(u.select.left, "x")) + 1e-6),
      to: Math.ceil(cellAt(u.posToVal(u.select.left + u.select.width, "x")) - 1e-6),
    });
  }

  // cellsOn calls f with each cell that is in sight and where it lies.
  cellsOn(u, f) {
    const {cells} = data.time, shown = this.range();
    const right = u.bbox.left + u.bbox.width;
    for (let i = Math.max(0, shown.from); i < Math.min(cells, shown.to); i++) {
      const x0 = Math.max(u.bbox.left, u.valToPos(startOf(i), "x", true)), x1 = Math.min(right, u.valToPos(startOf(i + 1), "x", true));
      const gap = x1 - x0 > 6 ? 1 : 0;
      if (x1 > x0) f(i, x0, Math.max(1, x1 - x0 - gap));
    }
  }

  drawBars(u) {
    const ctx = u.ctx, {series} = this.colours;
    const y = (v) => u.valToPos(v, "y", true);
    this.cellsOn(u, (i, x, w) => {
      let below = 0;
      this.stack.forEach((s, n) => {
        if (!s.cells[i]) return;
        const y0 = y(below), y1 = y(below + s.cells[i]);
        ctx.fillStyle = series[n];
        ctx.fillRect(x, y1, w, y0 - y1);
        below += s.cells[i];
      });
    });
  }

  makeLanes() {
    const cpus = tables.find((t) => t.name === "cpus");
    this.laneRows = [];
    if (!cpus || !cpus.rows.some((r) => r.line)) return;
    const rows = [...cpus.rows].sort((a, b) => a.order - b.order);
    const size = Math.ceil(rows.length / maxLanes);
    for (let i = 0; i < rows.length; i += size) {
      const some = rows.slice(i, i + size), first = some[0].texts[0], last = some[some.length - 1].texts[0];
      this.laneRows.push({name: first === last ? first : `${first}-${last}`, cells: dense(some.map((r) => r.line))});
    }
  }

  laneSplits(height) {
    const rows = this.laneRows.length, step = Math.max(1, Math.ceil((rows * 14) / height));
    return Array.from({length: Math.ceil(rows / step)}, (_, i) => i * step + 0.5);
  }

  drawLanes(u) {
    const ctx = u.ctx, most = Math.max(1, ...this.laneRows.map((r) => Math.max(...r.cells)));
    ctx.fillStyle = this.colours.accent;
    this.laneRows.forEach((row, n) => {
      const y0 = u.valToPos(n, "y", true), y1 = u.valToPos(n + 1, "y", true);
      this.cellsOn(u, (i, x, w) => {
        if (!row.cells[i]) return;
        ctx.globalAlpha = 0.2 + (0.8 * Math.log1p(row.cells[i])) / Math.log1p(most);
        ctx.fillRect(x, Math.min(y0, y1), w, Math.max(1, Math.abs(y1 - y0) - 1));
      });
    });
    ctx.globalAlpha = 1;
  }

  drawGaps(u) {
    const ctx = u.ctx, {left, top, width, height} = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.fillStyle = this.colours.lost;
    for (const [from, to] of data.time.gaps || []) {
      const x = u.valToPos(from, "x", true);
      ctx.fillRect(x, top, Math.max(2, u.valToPos(to, "x", true) - x), height);
    }
    ctx.restore();
  }

  // say tells what is under the cursor.
  say(i) {
    const parts = this.stack.filter((s) => s.cells[i]).map((s) => `${s.name} ${s.cells[i]}`);
    const at = data.time.origin && !data.time.ticks ? ` (trace time ${(data.time.origin + startOf(i) / 1e9).toFixed(6)})` : "";
    this.said.textContent = `${spanText(i, i + 1)}${at}: ${plural(this.totals[i], "hit")}${parts.length ? ": " + parts.join(", ") : ""}`;
  }

  resize() {
    const width = Math.max(200, this.at.clientWidth);
    if (!this.chart || this.chart.width === width) return;
    for (const u of [this.chart, this.lanes]) if (u) u.setSize({width, height: u.height});
  }
}
