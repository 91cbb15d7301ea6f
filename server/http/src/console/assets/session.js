// One session of one account: whether it is visible, why, what helps, and every register behind it.
import { get } from './api.js';
import { accountAddress } from './account.js';
import { empty, failure, h, json, loading, mark, table, time } from './dom.js';
import { has, t } from './words.js';

export async function sessionView(main, [app, account, , id], signal) {
  const place = h('div', { class: 'stack' }, loading());
  main.append(h('nav', { class: 'crumbs', 'aria-label': t('account') },
    h('a', { href: '#/account' }, t('account')), '/', h('span', {}, app), '/',
    h('a', { href: accountAddress(app, account) }, account), '/', h('span', { class: 'mono' }, id ?? '')), place);
  try {
    const answer = await get('session', { app, account, sessionId: id ?? '' }, signal);
    if (!answer.isAvailable) {
      place.replaceChildren(h('h1', {}, answer.sessionId), h('div', { class: 'sheet' }, empty(t('unavailable'))));
      return;
    }
    place.replaceChildren(...told(answer.inspected, account, answer.sessionId));
  } catch (error) {
    if (!signal.aborted) place.replaceChildren(failure(error));
  }
}

function told(inspected, account, id) {
  const { explanation, session, registers, team } = inspected;
  const hidden = (team ? team.last : registers.last).message?.text;
  const last = session?.lastMsg ? json(session.lastMsg)
    : hidden ? [h('p', { class: 'soft' }, t('lastHidden')), json(JSON.parse(hidden))] : h('p', { class: 'soft' }, t('lastRawNone'));
  return [
    h('h1', {}, id),
    verdict(explanation, registers, account, id),
    explanation.membership && membership(explanation),
    h('div', { class: 'columns' },
      h('section', { class: 'sheet pad stack-s' }, h('h2', {}, t('registers')), facts(inspected)),
      h('section', { class: 'sheet pad stack-s' }, h('h2', {}, t('lastRaw')), last)),
    h('details', {}, h('summary', {}, t('clientGets')), json(session ?? null)),
    h('details', {}, h('summary', {}, t('registersRaw')), json({ ext: inspected.ext, registers, team })),
  ].filter(Boolean);
}

const text = (ms) => (ms === undefined || ms === null ? '?' : time(ms).textContent);

function verdict(explanation, registers, account, id) {
  const { last, visibleBy, membership: member } = explanation;
  const isTeam = member !== null;
  const code = last.code === 'noMessage' && isTeam ? 'noTeamMessage' : last.code;
  const words = {
    account, id, since: text(last.since ?? member?.since), floorTime: text(last.floorTime),
    messageTime: text(last.messageTime ?? explanation.updateTime), time: text(registers.created),
  };
  const why = t(`reason.${code}`, words);
  const help = has(`help.${code}`) ? t(`help.${code}`, words) : null;
  const tone = visibleBy === null ? 'bad' : visibleBy === 'update' || ['left', 'dissolved'].includes(code) ? 'warn' : 'good';
  return h('section', { class: `verdict ${tone}`, 'aria-label': t('whyHead') },
    h('h2', {}, t(visibleBy === null ? 'seesNot' : 'sees', words)),
    h('p', {}, visibleBy === 'update' ? t('byUpdate', words) : '', why),
    help && h('p', {}, h('b', {}, `${t('doHead')}: `), help));
}

function membership({ membership: member, steps }) {
  const state = {
    in: () => [mark('good', `${t('inSince')} ${text(member.since)}`), member.byHint && h('span', { class: 'soft' }, t('byHint'))],
    out: () => [mark('warn', `${t('outSince')} ${text(member.since)}`), member.byDissolution && h('span', { class: 'soft' }, t('byDissolution'))],
    unknown: () => [mark('none', t('unknown'))],
  }[member.state]();
  const tones = { cameIn: 'good', wentOut: 'warn', noticeReplaced: 'warn', nothing: 'none' };
  const rows = steps.map((step) => [time(step.time), t(`step.${step.kind}`), mark(tones[step.effect], t(`effect.${step.effect}`))]);
  return h('section', { class: 'sheet' },
    h('div', { class: 'pad row spread' }, h('h2', {}, t('membership')), h('div', { class: 'row' }, state)),
    rows.length ? table(t('steps'), [[t('stepTime'), 'nowrap'], [t('stepKind'), ''], [t('stepEffect'), '']], rows)
      : h('p', { class: 'soft under' }, t('noSteps')));
}

const key = (at) => (at ? [time(at.time), ' ', h('code', { class: 'soft' }, at.id || '–')] : h('span', { class: 'soft' }, t('none')));
const when = (ms) => (ms === null || ms === undefined ? h('span', { class: 'soft' }, t('none')) : time(ms));

function facts({ ext, registers, team }) {
  const last = team ? team.last : registers.last;
  const kept = registers.last.amendments.length + (team ? team.last.amendments.length : 0);
  const pairs = [
    [t(team || registers.notices ? 'head' : 'lastMessage'), key(last.message?.key)],
    [t('floor'), key(registers.floor)],
    [t('created'), when(registers.created)],
    [t('ext'), ext ? h('code', {}, ext) : h('span', { class: 'soft' }, t('none'))],
    [t('waitingAmendments'), String(kept)],
  ];
  if (registers.notices) {
    pairs.push([t('hint'), when(registers.hint)],
      [t('inviter'), [when(registers.inviter[0]), ' · ', when(registers.inviter[1])]]);
  }
  pairs.push([t('version'), h('span', { class: 'mono' }, team ? `${registers.version} · ${team.version}` : String(registers.version))]);
  return h('dl', { class: 'facts' }, pairs.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}
