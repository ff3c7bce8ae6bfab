// What is selected stands in the fragment of the page's address, so that a link shows
// what its sender saw: #cpus&time=1.5,3.0&filter.by_cause=text_poke. A name without a
// value is the part of the page that is shown.

class Address {
  constructor() {
    this.appliers = new Map();
    this.values = this.parse();
    addEventListener("hashchange", () => this.followed());
  }

  parse() {
    return new Map(new URLSearchParams(location.hash.slice(1)));
  }

  section() {
    for (const [name, value] of this.values) if (value === "") return name;
    return null;
  }

  // bind calls apply with the value that a name has in the address, "" without one: now
  // if there is one, and when the address changes.
  bind(name, apply) {
    this.appliers.set(name, apply);
    if (this.values.get(name)) apply(this.values.get(name));
  }

  // set puts a value into the address; "" takes it out.
  set(name, value) {
    if ((this.values.get(name) || "") === value) return;
    if (value) this.values.set(name, value);
    else this.values.delete(name);
    this.write();
  }

  write() {
    const section = this.section();
    const rest = [...this.values].filter(([, value]) => value !== "").map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%20", "+")}`);
    const text = [...(section ? [section] : []), ...rest].join("&");
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  // followed takes over an address that somebody gave or a link that was followed: one to
  // a part of the page selects nothing, and keeps what is.
  followed() {
    const given = this.parse();
    if ([...given.values()].some((value) => value !== "")) {
      this.values = given;
      for (const [name, apply] of this.appliers) apply(given.get(name) || "");
    } else {
      const [section] = given.keys();
      for (const [name, value] of [...this.values]) if (value === "") this.values.delete(name);
      if (section) this.values.set(section, "");
      this.write();
    }
    this.show();
  }

  // show scrolls to the part of the page, which the browser does not find in an address
  // with more in it.
  show() {
    const at = this.section() && document.getElementById(this.section());
    if (at) at.scrollIntoView();
  }
}

const address = new Address();
