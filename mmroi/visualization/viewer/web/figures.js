'use strict';

// The numbers of one person. Texts come from files that nobody checked: they are set as text, never as markup.

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const formatNumber = (value, digits = 3) => value === null ? '–' : value.toFixed(digits).replace('-', '−');

const tableRow = (head, cells) => element(
  'tr', {}, element('th', {scope: 'row'}, head), ...cells.map((cell) => element('td', {}, cell)));

const isVector = (value) => Array.isArray(value) && value.every((item) => item === null || typeof item === 'number');

// A signed bar for each number, with the number below.
function vectorFigure(values) {
  const largest = Math.max(1e-9, ...values.map(Math.abs));
  return element('div', {class: 'bars'}, ...values.map((value) => {
    const bar = element('i', {class: value < 0 ? 'negative' : 'positive'});
    bar.style.setProperty('--size', Math.abs(value) / largest);
    return element('span', {}, bar, formatNumber(value, 2));
  }));
}

const countNumbers = (value) => Array.isArray(value) ? value.reduce((sum, item) => sum + countNumbers(item), 0) : 1;

function arrayFigure(value) {
  const stack = element('div', {class: 'stack'}, ...value.map(valueFigure));
  return countNumbers(value) <= 12 ? stack :
    element('details', {}, element('summary', {}, `${countNumbers(value)} numbers`), stack);
}

function valueFigure(value) {
  if (isVector(value)) {
    const digits = value.every(Number.isInteger) ? 0 : 3;
    return value.length > 4 ? vectorFigure(value) :
      element('code', {}, value.map((item) => formatNumber(item, digits)).join('  '));
  }
  if (Array.isArray(value)) return arrayFigure(value);
  if (value !== null && typeof value === 'object') return parameterTable(value);
  if (typeof value === 'number') return document.createTextNode(formatNumber(value, Number.isInteger(value) ? 0 : 3));
  return document.createTextNode(value === null ? '–' : String(value));
}

const parameterTable = (parameters) => element('table', {}, element(
  'tbody', {}, ...Object.entries(parameters).map(([name, value]) => tableRow(name, [valueFigure(value)]))));

function cameraTable(person) {
  const titles = ['RoI', 'x, px', 'y, px', 'height, px', 'tx, m', 'ty, m', 'tz, m', 'from mean, mm'];
  const rows = person.cameras.map((camera, roi) => tableRow(roi ? String(roi + 1) : '1 (base)', [
    ...person.boxes[roi].map((value) => formatNumber(value, 1)),
    ...camera.map((value) => formatNumber(value)),
    formatNumber(1000 * Math.hypot(...person.positions[roi]), 0),
  ]));
  return element('table', {class: 'numbers'},
    element('thead', {}, element('tr', {}, ...titles.map((title) => element('th', {scope: 'col'}, title)))),
    element('tbody', {}, ...rows));
}

// Wide tables scroll on small screens, by keys, too.
const scrolling = (title, ...tables) => element(
  'div', {tabindex: 0, role: 'group', 'aria-label': title}, element('h3', {}, title), ...tables);

function showFigures(frame, person) {
  const title = document.getElementById('figures-title');
  title.replaceChildren(...person ? [element('i'), `Person ${person.id}`] : ['No person found']);
  title.style.setProperty('--color', person?.color);
  const figures = document.getElementById('figures');
  if (!person) return figures.replaceChildren();
  const [width, height] = frame.size;
  const picture = parameterTable({
    image: `${frame.name}, ${width} × ${height}`,
    'focal length': `${formatNumber(frame.focalLength, 1)} px`,
    'principal point': frame.principalPoint,
  });
  figures.replaceChildren(
    scrolling('Cameras of the RoIs', cameraTable(person), picture),
    scrolling('Parameters', parameterTable(person.parameters)));
}
