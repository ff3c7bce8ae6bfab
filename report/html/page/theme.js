// The page follows the system until the button says otherwise.

function addThemeButton(changed) {
  const themes = ["auto", "light", "dark"];
  let at = 0;
  const button = el("button", {type: "button", onclick: () => set((at + 1) % themes.length)});
  function set(i) {
    at = i;
    if (at === 0) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = themes[at];
    button.textContent = `Theme: ${themes[at]}`;
    changed();
  }
  set(0);
  document.querySelector(".brand").append(button);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}
