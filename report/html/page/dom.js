// What the other scripts build the page with. Text from a trace goes into text
// nodes and attributes only, never into markup.

const data = JSON.parse(document.getElementById("data").textContent);

function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (value === true) e.setAttribute(name, "");
    else if (value !== false && value != null) e.setAttribute(name, value);
  }
  e.append(...children);
  return e;
}

// live shows a section that is there for the script only.
function live(name) {
  const at = document.querySelector(`[data-live="${name}"]`);
  if (at) at.closest("section").hidden = false;
  return at;
}

// colour is what a custom property of style.css stands for in the theme of now:
// canvas knows nothing of light-dark().
function colour(property) {
  const probe = el("span", {hidden: true});
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
