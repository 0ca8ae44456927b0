'use strict';
/* Tables sort by a click on a column's head; cells with data-v by that number, empty ones last. */
function cellValue(row, column) {
  const cell = row.cells[column];
  return cell.hasAttribute('data-v') ? (cell.dataset.v === '' ? null : Number(cell.dataset.v)) : cell.textContent;
}
function compare(a, b) {
  if (a === null || b === null) return 0;
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', {numeric: true});
}
function sortBy(table, column) {
  const heads = table.tHead.rows[0].cells;
  const down = heads[column].getAttribute('aria-sort') === 'ascending';
  for (const head of heads) head.removeAttribute('aria-sort');
  heads[column].setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const rows = Array.from(table.tBodies[0].rows).map(row => [cellValue(row, column), row]);
  rows.sort((a, b) => (a[0] === null) - (b[0] === null) || (down ? -1 : 1) * compare(a[0], b[0]));
  table.tBodies[0].append(...rows.map(pair => pair[1]));
}
for (const table of document.querySelectorAll('table.sorts')) {
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement('button');
    button.append(...head.childNodes);
    button.addEventListener('click', () => sortBy(table, column));
    head.append(button);
  });
}
window.addEventListener('beforeprint', () => document.querySelectorAll('details').forEach(d => { d.open = true; }));
