// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The page's own behaviour: draws the charts in the theme, sorts tables, gives out CSV.
"use strict";
const charts = JSON.parse(document.getElementById("charts").textContent);
const ink = { dark: "#e6e6e6", light: "#1b1b1b" };
const ground = { dark: "#16181c", light: "#fff" };

function config(theme) {
  const color = ink[theme];
  const grid = theme === "dark" ? "#3a3d44" : "#ddd";
  return {
    background: ground[theme], // a picture that is saved has it, too
    title: { color, anchor: "start" },
    boxplot: { rule: { color } },
    axis: { labelColor: color, titleColor: color, gridColor: grid, domainColor: grid },
    legend: { labelColor: color, titleColor: color },
    header: { labelColor: color, titleColor: color },
    view: { stroke: grid },
  };
}

async function draw(theme) {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.setAttribute("aria-pressed", String(theme === "dark"));
  for (const [id, spec] of Object.entries(charts)) {
    const actions = { export: { svg: true, png: true }, source: false, compiled: false, editor: false };
    const options = { renderer: "svg", actions, downloadFileName: id, config: config(theme) };
    await vegaEmbed("#" + id, spec, options);
  }
  document.documentElement.dataset.ready = theme;
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function csv(rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

// Values that a chart was given, those of a layer or a facet included.
function values(spec) {
  if (spec.data && spec.data.values) return spec.data.values;
  const inner = spec.layer || spec.concat || (spec.spec ? [spec.spec] : []);
  return inner.map(values).find((found) => found) || [];
}

function sortBy(table, column, button) {
  const heads = [...table.tHead.rows[0].cells];
  const up = heads[column].getAttribute("aria-sort") !== "ascending";
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = (row) => {
    const text = row.cells[column].textContent.trim();
    return text === "" || isNaN(text) ? text : Number(text);
  };
  const before = (a, b) =>
    typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => (up ? 1 : -1) * before(key(a), key(b)));
  table.tBodies[0].append(...rows);
  button.focus();
}

for (const button of document.querySelectorAll("[data-csv]"))
  button.addEventListener("click", () => {
    const id = button.dataset.csv;
    const table = document.getElementById(id);
    if (table instanceof HTMLTableElement) {
      save(id + ".csv", csv([...table.rows].map((row) => [...row.cells].map((c) => c.textContent))));
      return;
    }
    const rows = values(charts[id]);
    const names = Object.keys(rows[0] || {});
    save(id + ".csv", csv([names, ...rows.map((row) => names.map((name) => row[name]))]));
  });
for (const button of document.querySelectorAll("th button"))
  button.addEventListener("click", () => {
    const head = button.closest("th");
    sortBy(head.closest("table"), head.cellIndex, button);
  });
document.getElementById("theme").addEventListener("click", () =>
  draw(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
draw(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light").catch((error) =>
  console.error(error));
