// NIM's message copies as they come, with the reason for each that was refused, and what helps.
import { follow, get } from './api.js';
import { accountAddress } from './account.js';
import { empty, failure, h, mark, pausable, table, time } from './dom.js';
import { has, reason, t } from './words.js';

// Rows that stay on the page.
const ROWS_MAX = 500;

export async function copiesView(main, _, signal) {
  const [trouble, place] = [h('div', {}), h('div', { class: 'sheet' })];
  const copies = [];
  let [last, missed] = [0, false];
  const only = h('input', { type: 'checkbox', id: 'only-refused', 'data-first': true, onchange: () => draw() });
  const draw = () => {
    const rows = copies.filter((copy) => !only.checked || copy.reason !== null).map(rowOf);
    const columns = [[t('at'), 'nowrap'], [t('result'), 'nowrap'], [t('fromTo'), 'who'], [t('copyMessage'), ''], [t('reason'), 'reason']];
    const nothing = copies.length ? empty(t('noRefused')) : empty(t('noCopies'), t('noCopiesWhy'), t('noCopiesDo'));
    place.replaceChildren(rows.length ? table(t('copiesTitle'), columns, rows) : nothing);
    if (missed) place.append(h('p', { class: 'pad soft' }, t('missed')));
  };
  const { state, button, run } = pausable(signal, (ending) => follow(ending, async () => {
    // The first answer comes at once: there may be none for long.
    const answer = await get('copies', { after: last, waitMs: last ? 25000 : 0 }, ending);
    const isFirst = last === 0 && copies.length === 0;
    copies.unshift(...answer.copies.reverse());
    copies.splice(ROWS_MAX);
    [last, missed] = [answer.last, missed || answer.hasMissed];
    trouble.replaceChildren();
    if (isFirst || answer.copies.length) draw();
    if (last === 0) await new Promise((done) => { setTimeout(done, 1000); ending.addEventListener('abort', done); });
  }, (error) => trouble.replaceChildren(failure(error))));
  main.append(h('div', { class: 'stack-s' }, h('h1', {}, t('copiesTitle')), h('p', { class: 'soft' }, t('copiesLead'))),
    h('div', { class: 'row spread' }, h('label', { class: 'row', for: 'only-refused' }, only, t('onlyRefused')), h('div', { class: 'row' }, state, button)),
    trouble, place);
  await run();
}

function rowOf(copy) {
  const content = copy.content;
  const result = copy.reason !== null ? mark('bad', t('refusedCopy')) : content ? mark('good', t('taken')) : mark('none', t('ignored'));
  const link = (account) => (account.includes('|') ? h('span', { class: 'id' }, account)
    : h('a', { class: 'id', href: accountAddress(copy.appKey, account) }, account));
  const helpKey = `copyHelp.${copy.reason}`;
  const app = copy.appKey ? h('span', { class: 'mono soft cut', title: copy.appKey }, copy.appKey) : h('span', { class: 'soft' }, t('unknownApp'));
  return [
    [time(copy.at), h('br'), app], result,
    content ? [content.from && [link(content.from), ' → '], link(content.to)] : h('span', { class: 'soft' }, '–'),
    content ? [h('span', { class: 'kind' }, t(`kind.${content.kind}`)), content.isUndelivered && mark('warn', t('undelivered')), h('span', { class: 'mono' }, content.messageId ?? ''), h('br'), time(content.time)]
      : h('span', { class: 'soft' }, copy.reason === null ? t('kind.ignored') : '–'),
    copy.reason === null ? '' : [h('p', {}, reason(copy.detail)), has(helpKey) && h('p', { class: 'soft small' }, t(helpKey))],
  ];
}
