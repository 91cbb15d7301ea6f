// An account: its list page by page as its client gets it, and its changes as they come.
import { get, query, follow } from './api.js';
import { empty, failure, field, h, json, loading, mark, number, pausable, table, time } from './dom.js';
import { t } from './words.js';

// Rows of live changes that stay on the page.
const CHANGES_MAX = 200;
const LIMITS = [20, 50, 100];
const KINDS = { 0: 'text', 1: 'image', 2: 'audio', 3: 'video', 4: 'location', 5: 'notification', 6: 'file', 7: 'avchat', 10: 'tip', 11: 'robot', 12: 'call', 100: 'custom' };

export const accountAddress = (app, account, ...more) => `#/${['account', app, account, ...more].map(encodeURIComponent).join('/')}`;
export const sessionAddress = (app, account, id) => accountAddress(app, account, 'session', id);

export async function accountView(main, [app, account, tab = 'list'], signal) {
  const form = h('div', {}, loading());
  main.append(form);
  let apps;
  try {
    apps = (await get('status', {}, signal)).apps.map((one) => one.appKey);
  } catch (error) {
    if (!signal.aborted) form.replaceChildren(failure(error));
    return;
  }
  form.replaceChildren(finder(apps, app, account));
  if (account === undefined) {
    main.prepend(h('h1', {}, t('accountEmpty')));
    main.append(h('div', { class: 'sheet' }, empty(t('accountHint'), t('accountAudit'))));
    return;
  }
  const head = h('div', {}, loading());
  main.append(head);
  try {
    const facts = await get('account', { app, account }, signal);
    head.replaceChildren(about(facts, app, account));
    const tabs = [['list', t('list')], ['changes', t('changes')]].map(([name, title]) =>
      h('a', { href: accountAddress(app, account, name), 'aria-current': name === tab ? 'true' : 'false' }, title));
    const content = h('section', { class: 'stack-s', 'aria-label': t(tab) });
    main.append(h('nav', { class: 'tabs', 'aria-label': account }, tabs), content);
    if (tab === 'changes') await changes(content, app, account, signal);
    else await list(content, app, account, signal);
  } catch (error) {
    if (!signal.aborted) head.replaceChildren(failure(error));
  }
}

function finder(apps, app, account) {
  const select = h('select', { name: 'app' }, apps.map((key) => h('option', { value: key }, key)));
  if (app !== undefined && !apps.includes(app)) select.append(h('option', { value: app }, app));
  select.value = app ?? apps[0];
  const input = h('input', { class: 'id', name: 'account', required: true, autocomplete: 'off', spellcheck: 'false', 'data-first': true, value: account ?? '' });
  const submit = (event) => {
    event.preventDefault();
    const address = accountAddress(select.value, input.value);
    if (location.hash === address) window.dispatchEvent(new HashChangeEvent('hashchange'));
    else location.hash = address;
  };
  return h('form', { class: 'row row-end', onsubmit: submit, role: 'search' },
    field(t('appKey'), select), field(t('accountId'), input), h('button', { class: 'main' }, t('open')));
}

function about(facts, app, typed) {
  const teams = facts.teams.slice(0, 60).map((id) => h('a', { class: 'mono', href: sessionAddress(app, facts.account, id) }, id));
  const rest = facts.teamCount - teams.length;
  const ask = h('input', { class: 'id', name: 'session', placeholder: 'team|42', title: t('sessionHint'), required: true, autocomplete: 'off', spellcheck: 'false' });
  const explain = (event) => {
    event.preventDefault();
    location.hash = sessionAddress(app, facts.account, ask.value.trim());
  };
  return h('div', { class: 'stack-s' },
    h('div', { class: 'row spread row-end' },
      h('div', {}, h('h1', {}, facts.account),
        h('div', { class: 'row' }, facts.isBlocked ? mark('bad', t('blocked')) : mark('none', t('notBlocked')),
          teams.length === 0 && h('span', { class: 'soft' }, t('teamsIn', { count: 0 })))),
      h('form', { class: 'row row-end', onsubmit: explain }, field(t('why'), ask), h('button', {}, t('explain')))),
    facts.account !== typed && h('p', { class: 'soft' }, t('writtenAs', { typed, written: facts.account })),
    teams.length > 0 && h('details', {}, h('summary', {}, t('teamsIn', { count: number(facts.teamCount) })),
      h('div', { class: 'row' }, teams, rest > 0 && h('span', { class: 'soft' }, t('moreTeams', { count: number(rest) })))));
}

// The id of a session with its kind.
export function sessionName(app, account, id) {
  const [kind, peer] = [id.slice(0, id.indexOf('|')), id.slice(id.indexOf('|') + 1)];
  return [h('span', { class: 'kind' }, t(kind)), h('a', { class: 'id', href: sessionAddress(app, account, id), 'aria-label': id }, peer)];
}

// What a last message says in one line.
export function summary(session) {
  const message = session.lastMsg;
  if (!message) return h('span', { class: 'soft' }, t('noMessageShort'));
  if (session.lastMsgType === 1) return h('span', { class: 'soft' }, t('recalledBy', { who: message['16'] ?? message['3'] ?? '?' }));
  const kind = KINDS[message['8']] ?? String(message['8'] ?? '');
  const text = message['9'] ?? (kind === 'text' ? t('noTexts') : '');
  const from = message['6'] || message['2'];
  return [kind !== 'text' && h('span', { class: 'kind' }, kind), from && h('span', { class: 'soft' }, `${from}: `), String(text)];
}

async function list(content, app, account, signal) {
  let [limit, page, token] = [LIMITS[1], 1, undefined];
  const select = h('select', { name: 'limit' }, LIMITS.map((rows) => h('option', { value: String(rows) }, String(rows))));
  select.value = String(limit);
  const place = h('div', { class: 'stack-s' });
  const turn = async (to, byToken) => {
    [page, token] = [to, byToken];
    place.setAttribute('aria-busy', 'true');
    try {
      const parameters = token ? { pageToken: token, limit } : { limit };
      const { text, value } = await query('sessions', { app, account, ...parameters }, signal);
      place.replaceChildren(...pageOf(text, value, parameters));
    } catch (error) {
      if (signal.aborted) return;
      place.replaceChildren(failure(error), h('button', { onclick: () => turn(1) }, t('firstPage')));
    }
    place.removeAttribute('aria-busy');
  };
  const pageOf = (text, value, parameters) => {
    const rows = value.sessionList.map((session) => [
      sessionName(app, account, session.sessionId), time(session.updateTime), summary(session),
      session.ext ? h('span', { class: 'mono' }, session.ext) : h('span', { class: 'soft' }, '–')]);
    const columns = [[t('session'), ''], [t('updated'), 'nowrap'], [t('lastMessage'), 'text'], [t('ext'), 'text']];
    const shown = rows.length ? table(t('list'), columns, rows)
      : empty(t('noRows'), t('noRowsWhy'), t('noRowsDo'));
    const buttons = [
      page > 1 && h('button', { onclick: () => turn(1) }, t('firstPage')),
      value.nextPageToken && h('button', { class: 'main', onclick: () => turn(page + 1, value.nextPageToken) }, t('nextPage'))];
    const path = `/v1/sessions?${new URLSearchParams(parameters)}`;
    return [
      h('div', { class: 'sheet' }, shown),
      h('div', { class: 'row spread' },
        h('p', { class: 'soft', role: 'status' }, `${t('page', { number: page })} · ${t('rows', { count: rows.length })} · ${value.hasMore ? t('more') : t('lastPage')}`),
        h('div', { class: 'row' }, buttons)),
      h('details', {}, h('summary', {}, t('exact')), h('p', { class: 'soft small' }, t('exactHow', { path })), json(text))];
  };
  select.addEventListener('change', () => { limit = Number(select.value); turn(1); });
  content.append(h('div', { class: 'row' }, h('label', { class: 'row small soft' }, t('limit'), select)), place);
  await turn(1);
}

async function changes(content, app, account, signal) {
  const trouble = h('div', {});
  const rows = [];
  const place = h('div', { class: 'sheet' });
  const draw = () => place.replaceChildren(rows.length
    ? table(t('changes'), [[t('received'), 'nowrap'], [t('session'), ''], [t('change'), 'nowrap'], [t('updated'), 'nowrap'], [t('lastMessage'), 'text']], rows)
    : empty(t('noChanges'), t('noChangesWhy')));
  const add = (page) => {
    for (const change of page.changes) rows.unshift(rowOf(change, app, account));
    if (page.reset) rows.unshift([time(Date.now()), h('span', { class: 'soft' }, '–'), mark('warn', t('resetChange')), '', '']);
    rows.splice(CHANGES_MAX);
    if (page.changes.length || page.reset) draw();
  };
  let cursor = 'latest';
  const { state, button, run } = pausable(signal, (ending) => follow(ending, async () => {
    const page = await get('sync', { app, account, cursor, waitMs: 25000 }, ending);
    cursor = page.cursor;
    trouble.replaceChildren();
    add(page);
  }, (error) => trouble.replaceChildren(failure(error))));
  content.append(h('div', { class: 'row spread' }, state, button), trouble, place);
  draw();
  await run();
}

function rowOf(change, app, account) {
  if (change.deleted) return [time(Date.now()), sessionName(app, account, change.deleted), mark('none', t('gone')), '', ''];
  const { session } = change;
  return [time(Date.now()), sessionName(app, account, session.sessionId), mark('good', t('shownAgain')), time(session.updateTime), summary(session)];
}
