"use strict";
// Sorts tables by the column whose heading is clicked; opens the part that a link leads to.

function sortBy(table, column, heading) {
  const body = table.tBodies[0];
  const numeric = [...body.rows].some((row) => row.cells[column].dataset.value !== undefined);
  const now = heading.getAttribute("aria-sort");
  const falling = now ? now === "ascending" : numeric;
  const key = (row) => {
    const { dataset, textContent } = row.cells[column];
    return numeric ? Number(dataset.value ?? NaN) : textContent;
  };
  // What has no number comes last, whichever way the others stand.
  const compare = (one, other) => {
    if (!numeric) return one.localeCompare(other, undefined, { numeric: true });
    return Number.isNaN(one) || Number.isNaN(other) ? 0 : one - other;
  };
  const rows = [...body.rows].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (numeric && Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
    return falling ? compare(b, a) : compare(a, b);
  });
  for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
  body.append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  if (table.tBodies[0].rows.length < 2) continue;
  [...table.tHead.rows].at(-1).querySelectorAll("th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sortBy(table, column, heading));
    heading.replaceChildren(button);
  });
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();
