// A session list by NIM's own Web SDK, 10.x: what is special to Huihua are the addresses in `login`.

/* global NIM */

const PAGE = 20;
const KINDS = {
  image: '[图片]',
  audio: '[语音]',
  video: '[视频]',
  geo: '[位置]',
  file: '[文件]',
  notification: '[通知]',
  custom: '[自定义消息]',
};

const element = (id) => document.getElementById(id);
const rows = new Map();
let nim;
/** The time of the last row of the last page. A change may show an older row: it is no page's. */
let oldest = 0;

function status(text, kind) {
  Object.assign(element('status'), { textContent: text, className: kind });
}

/** The SDK, with the two addresses of the server. */
function connect({ server, appKey, account, token }) {
  const url = new URL(server);
  const service = {
    lbsUrls: [`${url.origin}/nim/lbs`],
    linkUrl: `${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`,
    linkSSL: url.protocol === 'https:',
  };
  const made = new NIM(
    { appkey: appKey, account, token, apiVersion: 'v1', debugLevel: 'off' },
    {
      V1NIMLoginServiceConfig: service,
      reporterConfig: { enableCompass: false, isDataReportEnable: false },
      abtestConfig: { isAbtestEnable: false },
    },
  );
  made.on('logined', () => {
    status('live', 'live');
    again().catch(showError);
  });
  made.on('willReconnect', () => status('reconnecting …', 'waits'));
  made.on('disconnect', () => status('disconnected', 'off'));
  made.on('kicked', (reason) => status(`signed out: ${reason.reason ?? reason}`, 'off'));
  // Every change of the list, from any device: messages, edits, recalls, ext.
  made.on('multiSyncUpdateCloudSession', (session) => {
    rows.set(session.sessionId, session);
    show(session.sessionId);
  });
  return made;
}

async function login(given) {
  status('connecting …', 'waits');
  nim = connect(given);
  await nim.connect();
  element('login').hidden = true;
  element('list').hidden = false;
  element('who').textContent = given.account;
}

/** The page of the sessions that are not newer than this time; 0: the first one. */
async function page(maxTimestamp) {
  const found = await nim.cloudSession.queryCloudSessionList({
    minTimestamp: 0,
    maxTimestamp,
    limit: PAGE,
    includedLastMsg: true,
  });
  for (const session of found.sessionList) rows.set(session.sessionId, session);
  oldest = found.sessionList.at(-1)?.updateTime ?? maxTimestamp;
  element('more').hidden = !found.hasMore;
  show();
}

/** The next page, by the time of the last row: it never gets stuck. */
const more = () => page(oldest);

/** The list from its beginning, after each login: whoever was away for long, or comes back to a
 * server that was restarted, is not told what it missed. */
function again() {
  rows.clear();
  return page(0);
}

const newest = (a, b) => b.updateTime - a.updateTime;

function preview(session) {
  const info = session.lastMsgInfo;
  if (!info) return '';
  if (info.isLastMsgRecalled) return '撤回了一条消息';
  const message = info.lastMsg;
  const text = message.body || KINDS[message.type] || `[${message.type}]`;
  const isTeam = !session.sessionId.startsWith('p2p');
  return isTeam ? `${message.fromNick || message.from}: ${text}` : text;
}

function time(ms) {
  const date = new Date(ms);
  const isToday = date.toDateString() === new Date().toDateString();
  const options = isToday ? { timeStyle: 'short' } : { month: 'short', day: 'numeric' };
  return date.toLocaleString(undefined, options);
}

const pinned = (session) => (session.ext ?? '').includes('"pinned":true');

function button(text, title, act) {
  const made = document.createElement('button');
  Object.assign(made, { textContent: text, title, type: 'button' });
  made.addEventListener('click', () => act().catch(showError));
  return made;
}

/** The row of a session; texts of others go in as text. */
function row(session, isNew) {
  const [kind, ...rest] = session.sessionId.split('-');
  const name = rest.join('-');
  const item = document.createElement('li');
  item.className = [kind, pinned(session) ? 'pinned' : '', isNew ? 'new' : ''].join(' ');
  const add = (tag, className, text) => {
    const part = document.createElement(tag);
    Object.assign(part, { className, textContent: text });
    item.append(part);
  };
  add('span', 'avatar', [...name][0]?.toUpperCase() ?? '?');
  add('span', 'name', name);
  add('time', 'time', time(session.updateTime));
  add('span', 'text', preview(session));
  const actions = document.createElement('span');
  actions.className = 'actions';
  const ext = JSON.stringify({ pinned: !pinned(session) });
  const id = session.sessionId;
  actions.append(
    button('★', 'pin', () => nim.cloudSession.updateCloudSession({ sessionId: id, ext })),
    button('✕', 'delete', async () => {
      await nim.cloudSession.deleteCloudSessionList({ sessionIdList: [id] });
      // A deletion is not pushed: the protocol has no word for it.
      rows.delete(id);
      show();
    }),
  );
  item.append(actions);
  return item;
}

function show(changed) {
  const sorted = [...rows.values()].sort((a, b) => pinned(b) - pinned(a) || newest(a, b));
  element('rows').replaceChildren(
    ...sorted.map((session) => row(session, session.sessionId === changed)),
  );
  element('empty').hidden = sorted.length > 0;
}

function showError(error) {
  status(`failed: ${error.code ?? ''} ${error.message ?? error}`, 'off');
}

const form = element('login');
// `#server=…&appKey=…&account=…&token=…` fills it in: a part that browsers send to nobody.
for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
  if (form.elements[name]) form.elements[name].value = value;
}
form.addEventListener('submit', (event) => {
  event.preventDefault();
  login(Object.fromEntries(new FormData(form))).catch(showError);
});
element('more').addEventListener('click', () => more().catch(showError));
if (form.elements.token.value) form.requestSubmit();
