'use strict';
/* Collects the answers, keeps them in this browser while it may, and hands them out as CSV. */
const form = document.querySelector('form');
const study = form.dataset.study;
const questions = form.dataset.questions.split(' ');
const items = Number(form.dataset.items);
const kept = 'bench-reader-' + study;
const answer = (item, question) => form.elements[question + '-' + item].value;
function count() {
  let n = 0;
  for (let item = 1; item <= items; item++) for (const question of questions) n += answer(item, question) !== '';
  return n;
}
function show() {
  document.getElementById('progress').textContent = count() + ' of ' + items * questions.length + ' questions answered';
}
function quoted(cell) {
  return /[",\r\n]/.test(cell) ? '"' + cell.replaceAll('"', '""') + '"' : cell;
}
function csv() {
  const reader = form.elements.reader.value.trim();
  const lines = [['study', 'reader', 'item', ...questions].join(',')];
  for (let item = 1; item <= items; item++)
    lines.push([study, quoted(reader), item, ...questions.map(question => answer(item, question))].join(','));
  return lines.join('\n') + '\n';
}
function keep() {
  show();
  try { localStorage.setItem(kept, JSON.stringify(Array.from(new FormData(form)))); } catch (refused) { /* not here, then */ }
}
function recall() {
  try {
    for (const [name, value] of JSON.parse(localStorage.getItem(kept) || '[]'))
      if (form.elements[name]) form.elements[name].value = value;
  } catch (refused) { /* nothing was kept */ }
}
function download() {
  const told = document.getElementById('told');
  if (form.elements.reader.value.trim() === '') {
    told.textContent = 'Please give your name or a code first.';
    form.elements.reader.focus();
    return;
  }
  const missing = items * questions.length - count();
  told.textContent = missing > 0 ? missing + ' questions are not answered yet; they stay empty in the file.' : '';
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([csv()], {type: 'text/csv'}));
  link.download = 'answers-' + form.elements.reader.value.trim().replace(/[^A-Za-z0-9_-]+/g, '_') + '.csv';
  link.click();
}
recall();
show();
form.addEventListener('input', keep);
form.addEventListener('submit', event => event.preventDefault());
document.getElementById('download').addEventListener('click', download);
