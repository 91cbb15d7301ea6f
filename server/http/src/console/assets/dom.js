// Elements of the pages: text goes in as text, never as markup.
import { t, locale } from './words.js';

export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.className = value;
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(9).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

const two = (number) => String(number).padStart(2, '0');

// A time in ms since 1970, in the reader's zone; its title is the number itself.
export function time(ms) {
  if (ms === null || ms === undefined) return h('span', { class: 'soft' }, '–');
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return h('span', { class: 'mono' }, String(ms));
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const text = `${day} ${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
  return h('time', { datetime: date.toISOString(), title: `${ms} ms` }, text);
}

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);

export const mark = (tone, text) => h('span', { class: `mark ${tone}` }, text);

export const json = (value) => h('pre', { tabindex: '0' }, typeof value === 'string' ? value : JSON.stringify(value, null, 2));

export function empty(title, ...lines) {
  return h('div', { class: 'empty' }, h('b', {}, title), lines.map((line) => h('p', {}, line)));
}

// A table whose columns are [title, class]; rows are lists of cells.
export function table(caption, columns, rows) {
  const head = columns.map(([title, kind]) => h('th', { scope: 'col', class: kind === 'number' ? kind : null }, title));
  const body = rows.map((cells) => h('tr', {}, cells.map((cell, at) => h('td', { class: columns[at][1] }, cell))));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h('table', {}, h('caption', { class: 'hidden-text' }, caption), h('thead', {}, h('tr', {}, head)), h('tbody', {}, body)));
}

export function field(label, control) {
  return h('label', { class: 'field' }, label, control);
}

// What went wrong, and what helps.
export function failure(error) {
  const remedy = error.remedy ? h('p', {}, error.remedy) : null;
  const id = error.requestId ? h('p', { class: 'soft small' }, t('requestId', { id: error.requestId })) : null;
  return h('div', { class: 'verdict bad', role: 'alert' }, h('h2', {}, error.title), h('p', {}, error.message), remedy, id);
}

export const loading = () => h('p', { class: 'soft', role: 'status' }, t('loading'));

// A loop with its state in words and a button that pauses it; `loop` gets the signal that ends it.
export function pausable(signal, loop) {
  const state = h('span', { role: 'status' });
  const button = h('button', { type: 'button', class: 'pause', onclick: () => (ending.aborted ? run() : pause()) });
  let pausing;
  let ending;
  const run = () => {
    pausing = new AbortController();
    ending = AbortSignal.any([signal, pausing.signal]);
    button.textContent = t('pause');
    state.replaceChildren(mark('good', t('waiting')));
    return loop(ending);
  };
  const pause = () => {
    pausing.abort();
    button.textContent = t('resume');
    state.replaceChildren(mark('none', t('paused')));
  };
  return { state, button, run };
}
