// The flame graph of the stacks: the outermost frame on top, each frame as wide
// as its share of the hits. A frame holds the hits of all frames below it.

class Flame {
  // graph has names, labels and nodes in the order of a walk from the top: depth,
  // name, hits, label.
  constructor(at, graph) {
    this.at = at;
    this.total = graph.total;
    this.nodes = [];
    const path = [];
    for (const [depth, name, hits, label] of graph.nodes) {
      const node = {name: graph.names[name], label: graph.labels[label] || "", hits, depth, children: [], parent: path[depth - 1] || null};
      path[depth] = node;
      node.at = node.parent ? node.parent.next : 0;
      if (node.parent) { node.parent.next += hits; node.parent.children.push(node); }
      node.next = node.at;
      this.nodes.push(node);
    }
    this.root = this.nodes[0];
    this.top = this.root;
    this.focus = this.root;
    this.words = "";
    this.add(graph);
    this.show();
    address.bind("search", (words) => { this.input.value = words; this.search(words); });
    address.bind("frame", (i) => this.zoom(this.nodes[i] || this.root));
  }

  search(words) {
    this.words = words.trim().toLowerCase();
    address.set("search", words.trim());
    this.show();
  }

  add(graph) {
    const search = el("input", {type: "search", placeholder: "Search frames", "aria-label": "Search the frames of the flame graph", oninput: () => this.search(search.value)});
    this.input = search;
    this.reset = el("button", {type: "button", onclick: () => this.zoom(this.root)}, "Reset zoom");
    this.found = el("span", {class: "muted", role: "status"});
    this.said = el("p", {class: "said"});
    const deepest = Math.max(...this.nodes.map((n) => n.depth));
    this.tree = el("div", {class: "flame", role: "tree", "aria-label": "Flame graph. Arrow keys move, Enter zooms, Escape resets.", onkeydown: (e) => this.key(e)});
    this.tree.style.height = `${(deepest + 1) * 1.4}rem`;
    for (const n of this.nodes) {
      n.box = el("div", {
        class: "frame", role: "treeitem", tabindex: -1, "aria-level": n.depth + 1, "data-class": n.label || null,
        "aria-label": this.text(n),
        onclick: () => { this.zoom(n); this.moveTo(n); }, onmouseenter: () => this.say(n), onfocus: () => { this.focus = n; this.say(n); },
      }, n.name);
      this.tree.append(n.box);
    }
    this.tree.addEventListener("mouseleave", () => this.say(this.top));
    const tools = this.at.closest("section").querySelector("[data-tools]");
    tools.append(this.found, search, this.reset);
    if (graph.rest) this.at.append(el("p", {class: "muted"}, graph.rest));
    this.at.append(this.legend(graph), this.said, this.tree);
  }

  // legend says which colour is which class.
  legend(graph) {
    const classes = graph.labels.filter((l) => l);
    return el("ul", {class: "legend", "aria-label": "Classes"}, ...classes.map((l) => el("li", {}, el("span", {class: "badge", "data-class": l}, l))));
  }

  text(n) {
    return `${n.name}: ${plural(n.hits, "hit")}, ${percent(n.hits / this.total)}${n.label ? ", " + n.label : ""}`;
  }

  say(n) {
    this.said.textContent = this.text(n) + (this.top !== this.root && n !== this.top ? `; ${percent(n.hits / this.top.hits)} of ${this.top.name}` : "");
  }

  zoom(n) {
    this.top = n;
    address.set("frame", n === this.root ? "" : String(this.nodes.indexOf(n)));
    this.show();
    this.say(n);
  }

  // show lays the frames out below the one that is zoomed to.
  show() {
    const {top} = this;
    const above = new Set();
    for (let n = top.parent; n; n = n.parent) above.add(n);
    const wide = this.tree.clientWidth || 1000;
    let marked = 0, hits = 0;
    const matches = (n) => this.words !== "" && n.name.toLowerCase().includes(this.words);
    for (const n of this.nodes) {
      n.under = n.parent !== null && (n.parent.under || matches(n.parent)); // a frame above matches
      const match = matches(n);
      if (match) { marked++; if (!n.under) hits += n.hits; }
      const inside = n.at >= top.at && n.at + n.hits <= top.at + top.hits && n.depth >= top.depth;
      const left = above.has(n) ? 0 : (n.at - top.at) / top.hits, width = above.has(n) ? 1 : n.hits / top.hits;
      n.shown = (inside || above.has(n)) && width > 0.0008;
      n.box.hidden = !n.shown;
      n.box.classList.toggle("match", match);
      n.box.classList.toggle("above", above.has(n));
      n.box.classList.toggle("thin", width * wide < 24);
      n.box.style.top = `${n.depth * 1.4}rem`;
      n.box.style.left = `${100 * left}%`;
      n.box.style.width = `${100 * width}%`;
    }
    this.tree.classList.toggle("searching", this.words !== "");
    this.found.textContent = this.words === "" ? "" : `${plural(marked, "frame")} found, ${percent(hits / this.total)} of the hits`;
    this.reset.disabled = top === this.root;
    if (!this.focus.shown) this.focus = top;
    for (const n of this.nodes) n.box.tabIndex = n === this.focus ? 0 : -1;
  }

  moveTo(n) {
    if (!n || !n.shown) return;
    this.focus.box.tabIndex = -1;
    n.box.tabIndex = 0;
    n.box.focus();
  }

  key(e) {
    const n = this.focus, siblings = n.parent ? n.parent.children : [n], i = siblings.indexOf(n);
    switch (e.key) {
      case "ArrowUp": this.moveTo(n.parent); break;
      case "ArrowDown": this.moveTo(n.children[0]); break;
      case "ArrowLeft": this.moveTo(siblings[i - 1]); break;
      case "ArrowRight": this.moveTo(siblings[i + 1]); break;
      case "Enter": case " ": this.zoom(n); break;
      case "Escape": this.zoom(this.root); break;
      default: return;
    }
    e.preventDefault();
  }
}
