// Why a client's token opens nothing: what it says, and what the server's own check says of it.
import { post } from './api.js';
import { accountAddress } from './account.js';
import { failure, field, h, time } from './dom.js';
import { reason, t } from './words.js';

export async function tokenView(main, _, signal) {
  const input = h('textarea', { name: 'token', required: true, autocomplete: 'off', spellcheck: 'false', 'data-first': true, 'aria-describedby': 'token-lead' });
  const place = h('div', { 'aria-live': 'polite', class: 'stack' });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const answer = await post('token', { token: input.value });
      if (!signal.aborted) place.replaceChildren(...told(answer));
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(failure(error));
    }
  };
  main.append(h('div', { class: 'stack-s' }, h('h1', {}, t('tokenTitle')), h('p', { class: 'soft', id: 'token-lead' }, t('tokenLead'))),
    h('form', { class: 'stack-s', onsubmit: submit }, field(t('pasteToken'), input), h('div', { class: 'row' }, h('button', { class: 'main' }, t('check')))),
    place);
}

function told(answer) {
  const title = answer.isAccepted ? t('accepted', { account: answer.account })
    : answer.code === 422 ? t('isBlocked', { code: 422 }) : t('notAccepted', { code: answer.code });
  const help = answer.isAccepted ? null : t(answer.code === 422 ? 'tokenHelp422' : 'tokenHelp302');
  const opens = answer.account && [h('dt', {}, t('opens')),
    h('dd', {}, h('a', { class: 'mono', href: accountAddress(answer.appKey, answer.account) }, `${answer.appKey} / ${answer.account}`), ` ${t('until')} `, time(answer.expiresAt))];
  return [
    h('section', { class: `verdict ${answer.isAccepted ? 'good' : 'bad'}` }, h('h2', {}, title),
      answer.reason && h('p', {}, reason(answer.reason)), help && h('p', {}, h('b', {}, `${t('doHead')}: `), help)),
    h('section', { class: 'sheet pad stack-s' }, h('h2', {}, t('says')),
      answer.jwt ? null : h('p', { class: 'soft' }, t('notJwt')),
      h('dl', { class: 'facts' }, opens, answer.jwt ? claims(answer.jwt, answer.now) : null, h('dt', {}, t('clock')), h('dd', {}, time(answer.now)))),
  ];
}

function claims(jwt) {
  const missing = () => h('span', { class: 'soft' }, t('missing'));
  const plain = (value) => (value === null ? missing() : h('code', {}, value));
  const seconds = (value) => (value === null ? missing() : time(value * 1000));
  const pairs = [['alg', plain(jwt.alg)], ['kid', plain(jwt.kid)], ['sub', plain(jwt.sub)], ['exp', seconds(jwt.exp)], ['nbf', seconds(jwt.nbf)], ['iat', seconds(jwt.iat)],
    ['otherClaims', jwt.otherClaims.length ? h('code', {}, jwt.otherClaims.join(', ')) : h('span', { class: 'soft' }, t('none'))]];
  return pairs.map(([name, value]) => [h('dt', {}, t(name)), h('dd', {}, value)]);
}
