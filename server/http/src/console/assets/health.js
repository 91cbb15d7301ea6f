// Health: does the store read and write, what waits, what was refused, and which limits hold.
import { get } from './api.js';
import { empty, failure, h, loading, number, table, time } from './dom.js';
import { t } from './words.js';

export async function healthView(main, _, signal) {
  const place = h('div', { class: 'stack' }, loading());
  const refresh = async () => {
    try {
      const [status, metrics] = await Promise.all([get('status', {}, signal), counters(signal)]);
      place.replaceChildren(...told(status, metrics));
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(failure(error));
    }
  };
  main.append(h('div', { class: 'row spread' }, h('h1', {}, t('healthTitle')), h('button', { type: 'button', onclick: refresh, 'data-first': true }, t('refresh'))), place);
  await refresh();
}

// The counters that Prometheus reads: a line each.
async function counters(signal) {
  const text = await (await fetch('/metrics', { signal })).text();
  const found = { refusals: [], requests: [] };
  const line = /^huihua_(refusals|http_requests)_total\{(.*)\} (\d+)$/gm;
  for (const [, name, labels, count] of text.matchAll(line)) {
    const label = (key) => labels.match(new RegExp(`${key}="([^"]*)"`))?.[1] ?? '';
    if (name === 'refusals') found.refusals.push([label('reason'), Number(count)]);
    else found.requests.push([`${label('method')} ${label('route')}`, label('status'), Number(count)]);
  }
  found.refusals.sort((a, b) => b[1] - a[1]);
  found.requests.sort((a, b) => b[2] - a[2]);
  return found;
}

const mib = (bytes) => [number(bytes / 1048576, 1), h('small', {}, ' MiB')];
const ms = (seconds) => (seconds === null ? '–' : [number(seconds * 1000, 2), h('small', {}, ' ms')]);

function told(status, metrics) {
  const { store } = status;
  const tiles = [[t('storeSize'), mib(store.bytes)], [t('queue'), number(store.queueJobs)], [t('commits'), number(store.commits)], [t('commitTime'), ms(store.commitSeconds)],
    [t('commitHigh'), ms(store.commitSecondsHigh)], [t('batch'), store.batchJobs === null ? '–' : number(store.batchJobs, 1)], [t('waits'), number(status.waits)]];
  const tableOrNothing = (title, columns, rows, nothing) => h('section', { class: 'sheet' }, h('div', { class: 'pad' }, h('h2', {}, title)),
    rows.length ? table(title, columns, rows) : empty(nothing));
  const apps = status.apps.map((app) => [h('span', { class: 'id' }, app.appKey), t(app.accounts === 'nim' ? 'nimForm' : 'exactForm'), number(app.tokenKeys), number(app.ingestKeys)]);
  const limits = status.limits.map((limit) => [h('code', {}, limit.key), t(`limit.${limit.key}`), limit.value === null ? t('byShare') : number(limit.value)]);
  return [
    h('section', { class: `verdict ${status.notReady ? 'bad' : 'good'}` }, h('h2', {}, t(status.notReady ? 'notReady' : 'ready')),
      status.notReady && h('p', {}, status.notReady), status.notReady && h('p', {}, t('notReadyHelp')),
      h('p', {}, `Huihua ${status.version} · ${t('since')} `, time(status.startedAt), ` · ${t('signedInAs', { name: status.operator })}`)),
    h('section', { class: 'sheet' }, h('dl', { class: 'tiles' }, tiles.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))))),
    tableOrNothing(t('apps'), [[t('appKey'), ''], [t('accountIds'), ''], [t('tokenKeys'), 'number'], [t('ingestKeys'), 'number']], apps, t('none')),
    h('div', { class: 'columns' },
      tableOrNothing(t('refusals'), [[t('reason'), ''], [t('count'), 'number']], metrics.refusals.map(([reason, count]) => [reason, number(count)]), t('noRefusals')),
      tableOrNothing(t('requests'), [[t('route'), ''], [t('status'), 'nowrap'], [t('count'), 'number']], metrics.requests.slice(0, 20).map(([route, code, count]) => [h('code', {}, route), code, number(count)]), t('none'))),
    tableOrNothing(t('limits'), [[t('key'), ''], [t('meaning'), ''], [t('value'), 'number']], limits, t('none')),
  ];
}
