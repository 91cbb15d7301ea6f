// The frame of the console: signing in, the views by their addresses, keys, language and theme.
import { token, onLocked } from './api.js';
import { h } from './dom.js';
import { choose, locale, t } from './words.js';
import { accountView } from './account.js';
import { sessionView } from './session.js';
import { copiesView } from './copies.js';
import { tokenView } from './token.js';
import { healthView } from './health.js';

const THEME = 'huihua-console-theme';
const VIEWS = [['account', 'a'], ['copies', 'c'], ['token', 't'], ['health', 'h']];

// Ends what the view before had going on.
let left = new AbortController();

function takeTokenFromAddress() {
  const [, given] = location.hash.match(/^#token=([^&]+)$/) ?? [];
  if (!given) return;
  token.set(decodeURIComponent(given));
  // Neither the address bar nor the history keeps it.
  history.replaceState(null, '', location.pathname);
}

function dress() {
  document.documentElement.lang = locale() === 'zh' ? 'zh-CN' : 'en';
  const theme = localStorage.getItem(THEME) ?? 'auto';
  document.documentElement.dataset.theme = theme;
}

function choices() {
  const language = h('select', {
    id: 'language', onchange: (event) => { choose(event.target.value); show(); },
  }, h('option', { value: 'en', lang: 'en' }, 'English'), h('option', { value: 'zh', lang: 'zh-CN' }, '中文'));
  language.value = locale();
  const theme = h('select', {
    id: 'theme', onchange: (event) => { localStorage.setItem(THEME, event.target.value); dress(); },
  }, ['auto', 'light', 'dark'].map((name) => h('option', { value: name }, t(name))));
  theme.value = localStorage.getItem(THEME) ?? 'auto';
  return [h('label', {}, t('language'), language), h('label', {}, t('theme'), theme)];
}

function side(current) {
  const links = VIEWS.map(([name, key]) => h('a', {
    href: `#/${name}`, 'aria-current': name === current ? 'page' : null,
  }, t(name), h('kbd', { 'aria-hidden': 'true' }, `g ${key}`)));
  return h('header', { class: 'side' },
    h('div', { class: 'brand' }, h('img', { src: '/console/icon.svg', alt: '' }), h('div', {}, h('b', {}, 'Huihua'), h('span', {}, t('console')))),
    h('nav', { 'aria-label': t('views') }, links),
    h('div', { class: 'side-end' }, choices(),
      h('div', { class: 'row spread' },
        h('button', { class: 'plain small', type: 'button', onclick: showKeys }, t('keys')),
        h('button', { class: 'plain small', type: 'button', onclick: () => { token.forget(); show(); } }, t('signOut')))));
}

function signIn(wrong) {
  left.abort();
  const input = h('input', { class: 'id', type: 'password', name: 'token', id: 'console-token', autocomplete: 'off', required: true });
  const submit = (event) => {
    event.preventDefault();
    token.set(input.value.trim());
    show();
  };
  document.body.className = 'locked';
  document.title = `${t('signIn')} · Huihua`;
  document.body.replaceChildren(h('main', { id: 'main' },
    h('form', { class: 'sheet sign-in', onsubmit: submit },
      h('div', { class: 'brand' }, h('img', { src: '/console/icon.svg', alt: '' }), h('div', {}, h('b', {}, 'Huihua'), h('span', {}, t('console')))),
      h('h1', {}, t('signIn')),
      wrong && h('div', { class: 'verdict bad', role: 'alert' }, h('p', {}, wrong)),
      h('label', { class: 'field', for: 'console-token' }, t('consoleToken'), input),
      h('p', { class: 'soft small' }, t('signInWhere')),
      h('div', { class: 'row spread' }, h('button', { class: 'main' }, t('open')), h('div', { class: 'row small soft' }, choices())))));
  input.focus();
}

// The view of an address: #/account/APP/ACCOUNT/session/ID and the like.
function route() {
  const [view = 'account', ...rest] = location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);
  if (view === 'account' && rest[2] === 'session') return ['account', sessionView, rest];
  const views = { account: accountView, copies: copiesView, token: tokenView, health: healthView };
  return view in views ? [view, views[view], rest] : ['account', accountView, []];
}

async function show() {
  dress();
  if (!token.get()) return signIn();
  left.abort();
  left = new AbortController();
  const signal = left.signal;
  const [name, view, rest] = route();
  document.body.className = '';
  document.title = `${t(name)} · Huihua`;
  const main = h('main', { id: 'main', tabindex: '-1', class: 'stack' });
  const hadFocus = document.activeElement?.id;
  document.body.replaceChildren(h('a', { class: 'skip', href: '#main', onclick: skip }, t('skip')), side(name), main);
  // A change of language or theme leaves the reader where he was.
  const again = hadFocus && document.getElementById(hadFocus);
  if (again) again.focus();
  await view(main, rest, signal);
}

function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}

function showKeys() {
  const rows = [['/', t('keyFind')], ['j  k', t('keyRows')], ['Enter', t('keyOpen')],
    ...VIEWS.map(([name, key]) => [`g ${key}`, t('keyGo', { view: t(name) })]), ['?', t('keyHelp')]];
  const dialog = h('dialog', { 'aria-labelledby': 'keys-title', onclose: () => dialog.remove() },
    h('h2', { id: 'keys-title' }, t('keys')),
    h('dl', { class: 'facts' }, rows.map(([key, text]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, text)])),
    h('form', { method: 'dialog', class: 'row' }, h('button', { class: 'main' }, t('close'))));
  document.body.append(dialog);
  dialog.showModal();
}

function moveRow(step) {
  const rows = [...document.querySelectorAll('tbody tr a')].filter((link, at, all) => all.findIndex((other) => other.closest('tr') === link.closest('tr')) === at);
  if (!rows.length) return;
  const at = rows.findIndex((link) => link.closest('tr').contains(document.activeElement));
  rows[Math.max(0, Math.min(rows.length - 1, at === -1 ? (step > 0 ? 0 : rows.length - 1) : at + step))].focus();
}

let awaitsView = false;
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.target.closest?.('input, textarea, select')) return;
  const view = awaitsView && VIEWS.find(([, key]) => key === event.key);
  awaitsView = event.key === 'g' && !awaitsView;
  if (view) location.hash = `#/${view[0]}`;
  else if (event.key === '/') (document.querySelector('main [data-first]') ?? document.querySelector('main input, main textarea'))?.focus();
  else if (event.key === 'j') moveRow(1);
  else if (event.key === 'k') moveRow(-1);
  else if (event.key === '?') showKeys();
  else return;
  event.preventDefault();
}

onLocked((failure) => { token.forget(); signIn(failure.message ? t('signInWrong') : undefined); });
window.addEventListener('hashchange', () => { takeTokenFromAddress(); show(); });
document.addEventListener('keydown', onKey);
takeTokenFromAddress();
show();

