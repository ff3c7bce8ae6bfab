// The start: without a script the page has its tables and plots, with it they
// can be worked with.

const tables = [...document.querySelectorAll("table[data-name]")].map((t) => new DataTable(t));
const timeline = data.time ? new Timeline(live("timeline"), (selection) => tables.forEach((t) => t.retotal(selection))) : null;
if (data.flame) new Flame(live("flame"), data.flame);
address.show();
addThemeButton(() => timeline && timeline.paint());
