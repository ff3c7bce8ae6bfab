// Tables that can be sorted, filtered and added up again for a part of the time.

class DataTable {
  constructor(table) {
    this.table = table;
    this.name = table.dataset.name;
    this.label = table.tHead.rows[0].cells[0].textContent;
    this.body = table.tBodies[0];
    this.columns = [...table.tHead.rows[0].cells].map((th) => th.dataset.col);
    const lines = data.lines && data.lines[this.name];
    this.rows = [...this.body.rows].map((tr, i) => {
      const cells = [...tr.cells];
      return {
        tr, order: i,
        texts: cells.map((td) => td.textContent.trim()),
        values: cells.map((td) => (td.dataset.v === undefined ? undefined : Number(td.dataset.v))),
        line: lines && tr.dataset.line !== undefined ? unpack(lines.lines[tr.dataset.line]) : null,
      };
    });
    this.whole = this.rows.map((r) => ({texts: [...r.texts], values: [...r.values]}));
    this.rest = lines && lines.rest ? unpack(lines.rest) : [];
    this.words = [];
    this.selection = null;
    this.addHeads();
    this.markSorted();
    this.isList = table.dataset.list !== undefined;
    if (!this.isList) return;
    this.addFoot();
    this.addFilter();
    this.show();
    address.bind(`filter.${this.name}`, (words) => { this.input.value = words; this.filter(); });
  }

  // nameOf is what identifies a row.
  nameOf(row) {
    return [...row.tr.cells].filter((c) => c.tagName === "TH").map((c) => c.textContent).join(", ");
  }

  column(name) {
    return this.columns.indexOf(name);
  }

  addHeads() {
    [...this.table.tHead.rows[0].cells].forEach((th, i) => {
      if (!th.textContent || th.dataset.col === "over" || th.dataset.col === "interval") return;
      const button = el("button", {type: "button"}, th.textContent);
      th.replaceChildren(button);
      button.addEventListener("click", () => this.sort(i, th));
    });
  }

  // markSorted says so if the rows came with the most hits first.
  markSorted() {
    const i = this.column("hits");
    if (i < 0 || this.rows.some((r, n) => n > 0 && r.values[i] > this.rows[n - 1].values[i])) return;
    this.table.tHead.rows[0].cells[i].setAttribute("aria-sort", "descending");
    this.order = {column: i, number: true, down: true};
  }

  // sort orders by a column: numbers from the largest, names (of CPUs too) from the
  // first, and the other way round the second time.
  sort(column, th) {
    const number = this.rows.some((r) => r.values[column] !== undefined);
    const was = th.getAttribute("aria-sort");
    const down = was === null ? number && this.rows[0].tr.cells[column].tagName === "TD" : was === "ascending";
    for (const other of this.table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    this.order = {column, number, down};
    this.arrange();
  }

  arrange() {
    if (!this.order) return;
    const {column, number, down} = this.order;
    const compare = (a, b) => {
      const x = a.values[column], y = b.values[column];
      if (number && (x === undefined || y === undefined)) return (x === undefined) - (y === undefined);
      const c = number ? x - y : a.texts[column].localeCompare(b.texts[column], "en", {numeric: true});
      return (down ? -c : c) || a.order - b.order;
    };
    this.rows.sort(compare);
    this.body.append(...this.rows.map((r) => r.tr));
  }

  addFilter() {
    const tools = this.table.closest("section").querySelector("[data-tools]");
    const title = this.table.closest("section").querySelector("h2").textContent;
    this.input = el("input", {
      type: "search", placeholder: "Filter", "aria-label": `Filter ${title}: rows with all of these words`,
      oninput: () => {
        address.set(`filter.${this.name}`, this.input.value.trim());
        this.filter();
      },
    });
    this.status = el("span", {class: "unseen", role: "status"});
    tools.append(this.input, this.status);
  }

  filter() {
    this.words = this.input.value.toLowerCase().split(/\s+/).filter((w) => w);
    this.show();
  }

  addFoot() {
    const row = el("tr");
    this.feet = this.columns.map((name, i) => {
      const cell = el(i === 0 ? "th" : "td", i === 0 ? {scope: "row"} : {});
      const th = this.table.tHead.rows[0].cells[i];
      cell.className = i === 0 ? "" : th.className;
      row.append(cell);
      return cell;
    });
    this.table.append(el("tfoot", {}, row));
  }

  // show hides the rows that do not pass the filter and adds up the others.
  show() {
    let shown = 0;
    for (const r of this.rows) {
      const text = r.texts.join(" ").toLowerCase();
      const hide = !this.words.every((w) => text.includes(w));
      r.tr.hidden = hide;
      if (!hide) shown++;
    }
    const count = shown === this.rows.length ? plural(shown, "row") : `${shown} of ${plural(this.rows.length, "row")}`;
    this.feet[0].textContent = count;
    if (this.status.textContent !== count) this.status.textContent = count;
    for (const name of ["hits", "share"]) {
      const i = this.column(name);
      if (i < 1) continue;
      let total = 0;
      for (const r of this.rows) if (!r.tr.hidden) total += r.values[i];
      if (name === "share") total = this.shareOfShown();
      this.feet[i].textContent = name === "hits" ? String(total) : percent(total);
      this.feet[i].dataset.v = total;
    }
  }

  // shareOfShown adds up hits, which are whole numbers, and not shares.
  shareOfShown() {
    const i = this.column("hits");
    let shown = 0, all = 0;
    for (const r of this.rows) {
      all += r.values[i];
      if (!r.tr.hidden) shown += r.values[i];
    }
    all += this.selection === null && !this.rest.length ? 0 : sum(this.rest, this.selection);
    return all > 0 ? shown / all : 0;
  }

  // retotal shows what fell into a part of the time, null for all of it.
  retotal(selection) {
    if (!this.rows.some((r) => r.line)) return;
    this.selection = selection;
    this.table.classList.toggle("partial", selection !== null);
    const ns = selection ? exposure(selection) : 0;
    let total = sum(this.rest, selection);
    const hits = new Map(this.rows.map((r) => [r, sum(r.line, selection)]));
    for (const n of hits.values()) total += n;
    for (const r of this.rows) {
      const n = hits.get(r);
      const perHour = ns > 0 && data.cpus > 0 ? (n * 3600e9) / ns / data.cpus : 0;
      const values = {hits: n, share: total > 0 ? n / total : 0, rate_hz: ns > 0 ? (n * 1e9) / ns : 0, per_cpu_hour: perHour};
      const texts = {hits: String(n), share: percent(values.share), rate_hz: significant(values.rate_hz), per_cpu_hour: significant(perHour)};
      for (const name of Object.keys(values)) {
        const i = this.column(name);
        if (i < 0) continue;
        const whole = this.whole[r.order];
        this.set(r, i, selection ? values[name] : whole.values[i], selection ? texts[name] : whole.texts[i]);
      }
    }
    this.arrange();
    this.show();
  }

  set(row, i, value, text) {
    row.values[i] = value;
    row.texts[i] = text;
    const td = row.tr.cells[i];
    td.dataset.v = value;
    const part = td.querySelector(".part");
    if (part) part.setAttribute("width", (48 * value).toFixed(1));
    (td.querySelector("span") || td).textContent = text;
  }
}
