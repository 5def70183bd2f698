"use strict";
// Sorts tables by the column whose heading is clicked; gives them as files; opens the part that a link leads to.

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

for (const region of document.querySelectorAll(".scroll")) {
  const rows = () => [...region.querySelectorAll("tr:not(.groups)")].map((row) =>
    [...row.cells].map((cell) => cell.textContent));
  const name = region.getAttribute("aria-label");
  region.after(element("p", { class: "acts" }, button("CSV", `The table “${name}” as a file`, () =>
    download(`${name.replaceAll(/[^\p{L}\p{N}.]+/gu, "-")}.csv`, csv(rows())))));
}

function openTarget() {
  const { id, query } = address();
  const target = document.getElementById(id);
  if (target instanceof HTMLDetailsElement) target.open = true;
  // The browser itself finds no part with such an address.
  if ([...query].length) target?.scrollIntoView();
}
addEventListener("hashchange", openTarget);
openTarget();
