// The words of the pages: English here, Chinese in words-zh.js. `t` fills {names}.
import { chinese, details } from './words-zh.js';

export const english = {
  console: 'Console', skip: 'Skip to content', views: 'Views', account: 'Account', copies: 'Copies', token: 'Token',
  health: 'Health', language: 'Language', theme: 'Theme', auto: 'Auto', light: 'Light', dark: 'Dark', signOut: 'Sign out',
  keys: 'Keys', close: 'Close', loading: 'Loading…', none: 'none', open: 'Open',
  signIn: 'Open the console', consoleToken: 'Console token',
  signInWhere: 'The token is in the file console-token of the server’s data folder, or in the file that console_token_file names. It stays in this tab.',
  signInWrong: 'That token does not open this console.',
  offline: 'No answer', offlineMessage: 'The server’s admin listener does not answer.',
  offlineRemedy: 'Check that the server runs, and that the ssh tunnel is open.',
  refused: 'Not answered', requestId: 'Find it in the server’s log under {id}.',
  remedy401: 'Sign in with the token of this console.',
  remedy403: 'Open the console by an IP address or as localhost.',
  remedy429: 'Wait a minute, then try again with the right token.',
  remedy500: 'Run huihua-server verify: a stored value may be damaged.',
  remedy503: 'Look at Health: the store may be full or the server stopping.',
  keyFind: 'Go to the first field', keyRows: 'Next and previous row', keyHelp: 'This list', keyGo: 'Go to {view}',
  keyOpen: 'Open the row',

  appKey: 'App', accountId: 'Account id', accountHint: 'Open an account to see its list as its app gets it.',
  accountEmpty: 'Whose list?', accountAudit: 'Every look is written to the audit log with your name.',
  blocked: 'blocked', notBlocked: 'not blocked', teamsIn: 'Teams: {count}', moreTeams: 'and {count} more',
  writtenAs: 'This app writes “{typed}” as “{written}”.',
  list: 'List', changes: 'Live changes', why: 'Why is a session shown, or not?', explain: 'Explain',
  sessionHint: 'p2p|bob or team|42, in the list or not',
  session: 'Session', updated: 'Updated', lastMessage: 'Last message', ext: 'Ext', received: 'Received', change: 'Change',
  noRows: 'No session in this list',
  noRowsWhy: 'Nothing that concerns this account has come in, or it deleted everything. The id may be written otherwise.',
  noRowsDo: 'Ask about one session above: the explanation says what is known of it.',
  nextPage: 'Next page', firstPage: 'First page', page: 'Page {number}', rows: '{count} sessions', more: 'more follow', lastPage: 'end of the list',
  limit: 'Rows', exact: 'The answer, byte for byte', exactHow: 'What its client gets from GET {path}',
  p2p: 'p2p', team: 'team', super_team: 'super team', recalledBy: 'recalled by {who}',
  noMessageShort: 'no message', noTexts: 'no text', gone: 'deleted', shownAgain: 'shown or changed',
  waiting: 'Waiting for changes', paused: 'Paused', pause: 'Pause', resume: 'Resume',
  noChanges: 'Nothing has changed yet', noChangesWhy: 'New messages, deletions and pins of this account appear here at once.',
  resetChange: 'The cursor was too old: its client reads the list again.',

  sees: '{account} sees {id}', seesNot: '{account} does not see {id}', whyHead: 'Why', doHead: 'What helps', unavailable: 'Registers are not available with this engine',
  byUpdate: 'It is shown because updateMySession was called {time}. It has no last message: ',
  'reason.message': 'Its last message, of {messageTime}, is above everything that hides it.',
  'reason.edited': 'Its last message, of {messageTime}, is shown with an edit laid over it.',
  'reason.recalled': 'Its last message, of {messageTime}, was recalled: the notice stands in its place.',
  'reason.left': '{account} is out of the team since {messageTime}: the session shows the notice of that, and changes no more.',
  'reason.dissolved': 'The team was dissolved {messageTime}: the session shows the notice of that, and changes no more.',
  'reason.noMessage': 'No message of this session is known to the server.',
  'reason.noTeamMessage': '{account} is in since {since}, but no message of this team is known to the server.',
  'reason.deleted': '{account} deleted the session up to {floorTime}; its last message is of {messageTime}.',
  'reason.notKnownToBeIn': 'Nothing tells that {account} is in this team: no notice of membership counts, and no message names it.',
  'reason.beforeItCameIn': '{account} is in since {since}; the team’s last message, of {messageTime}, is older.',
  'help.noMessage': 'Look at Copies: does the copy of the message come in, and is it taken? Is the session id written as the app writes it?',
  'help.noTeamMessage': 'The next message of the team makes it appear. Look at Copies: do copies of this team come in?',
  'help.deleted': 'The next newer message brings it back, with empty ext. Nothing else does.',
  'help.notKnownToBeIn': 'Tell the server who is in: huihua-server members import, or POST /v1/events with type join. An invitation in NIM tells it too.',
  'help.beforeItCameIn': 'The next message of the team makes it appear. If it was in earlier, import that membership with its time.',
  'help.left': 'A notice that it came in again, dated after this, brings the team back.',
  'help.dissolved': 'Ids that are made again count from a join dated after the end.',
  membership: 'Membership', inSince: 'in since', byHint: 'by a hint alone', outSince: 'out since', byDissolution: 'the team was dissolved',
  unknown: 'unknown', steps: 'How that came about', stepTime: 'Counts at', stepKind: 'What is known', stepEffect: 'Effect',
  'step.in': 'came in, by notice', 'step.invited': 'invited somebody', 'step.hint': 'a message names it or is its own (a hint)', 'step.dissolved': 'the team was dissolved', 'step.out': 'left or was sent away',
  'effect.cameIn': 'is in from here on', 'effect.wentOut': 'is out from here on', 'effect.noticeReplaced': 'another notice is shown', 'effect.nothing': 'nothing: it was so already',
  noSteps: 'No notice, no hint', registers: 'Registers', floor: 'Floor: hidden up to', created: 'updateMySession first called', version: 'Version',
  hint: 'Hint: message of', inviter: 'Invited first, last', head: 'Team’s last message', waitingAmendments: 'Recalls and edits kept',
  lastRaw: 'Last message, raw', lastRawNone: 'No message is known.', lastHidden: 'Its client does not get this one.', registersRaw: 'All registers, raw', clientGets: 'What its client gets',

  copiesTitle: 'Message copies as they come', copiesLead: 'The last ones since the server started, without their texts.',
  onlyRefused: 'Refused only', result: 'Result', refusedCopy: 'refused', taken: 'taken', ignored: 'ignored', at: 'Came in', kind: 'Holds', fromTo: 'From → to', copyMessage: 'Message', reason: 'Reason',
  noCopies: 'No copy has come in since the server started', noCopiesWhy: 'NIM posts copies to /nim/copy. Events of your own servers (/v1/events) are answered one by one and not listed here.',
  noCopiesDo: 'Check the address in NIM’s console, and that NIM reaches it.', noRefused: 'No copy was refused', missed: 'Older copies were forgotten: console_copies_kb is the memory for them.',
  undelivered: 'not delivered', unknownApp: 'unknown',
  'kind.message': 'message', 'kind.recall': 'recall', 'kind.edit': 'edit', 'kind.membership': 'membership', 'kind.ignored': 'nothing of concern',
  'copyHelp.copy of unknown app': 'Add the app’s key to the configuration, or correct it there; then send SIGHUP.',
  'copyHelp.copy without CurTime': 'Does a proxy drop headers? NIM sends CurTime with each copy.',
  'copyHelp.copy with wrong sum': 'The app secret in the configuration is not NIM’s: correct it and send SIGHUP. A proxy that rewrites bodies breaks the sum too.',
  'copyHelp.malformed copy': 'The sender leaves a field out or writes it otherwise: docs/from-nim.md lists what must be there.',
  'copyHelp.copy too large': 'No copy of NIM is so large: who sends it?',
  'copyHelp.copies too frequent': 'Raise copies_per_s if your app is that busy. NIM sends them again.',
  'copyHelp.copy not stored': 'Look at Health: the store or this machine’s clock. NIM sends them again.',

  tokenTitle: 'Why does a token not open a list?', tokenLead: 'Checked by the code that checks every request. The token is sent to this server alone, and neither stored nor logged.',
  pasteToken: 'A client’s token', check: 'Check', accepted: 'This token opens the list of {account}', notAccepted: 'This token opens nothing ({code})',
  isBlocked: 'The token is right, but the account is blocked ({code})',
  tokenHelp302: 'Compare the claims below with docs/protocol.md: HS256, kid = app key, sub = account, exp at most 90 days ahead.',
  tokenHelp422: 'Your app’s server unblocks it with user/unblock.action.', says: 'What it says of itself', notJwt: 'Not a JWT: only a token that user/create gave can look so.',
  alg: 'Algorithm', kid: 'App key (kid)', sub: 'Account (sub)', exp: 'Expires (exp)', nbf: 'Not before (nbf)', iat: 'Issued (iat)', otherClaims: 'Other claims', opens: 'Opens', until: 'until', clock: 'Server’s clock', missing: 'missing',

  healthTitle: 'Health and limits', ready: 'Reads and writes', notReady: 'Does not read and write', since: 'Running since', storeSize: 'Store', queue: 'Writes waiting', commits: 'Commits', commitTime: 'Commit, mean', commitHigh: '99 of 100 within', batch: 'Writes in one commit', waits: 'Waiting syncs', signedInAs: 'Signed in as {name}',
  notReadyHelp: 'A full disk is the usual reason: free space, the server goes on by itself. Else the log says more.',
  apps: 'Apps', accountIds: 'Account ids', tokenKeys: 'Token keys', ingestKeys: 'Ingest keys', nimForm: 'as NIM writes them (lower case)', exactForm: 'as they come',
  refusals: 'Refused since the start', noRefusals: 'Nothing was refused', count: 'Count', requests: 'Requests since the start', route: 'Route', status: 'Status', limits: 'Limits', key: 'Key in the configuration', value: 'Value', meaning: 'What it bounds', byShare: 'a share of all',
  refresh: 'Refresh',
  'limit.connections_max': 'Open connections', 'limit.connections_per_address': 'Open connections of one address', 'limit.streams_per_connection': 'Requests at once of one HTTP/2 connection', 'limit.waits_per_account': 'Waiting syncs of one account', 'limit.account_requests_per_s': 'Requests a second of one account', 'limit.app_requests_per_s': 'Requests a second of one app', 'limit.events_requests_per_s': 'Requests with events a second of one app', 'limit.copies_per_s': 'Message copies a second of one app', 'limit.nim_calls_per_s': 'Calls of NIM’s server API a second of one app', 'limit.wrong_credentials_per_s': 'Wrong tokens a second of one address', 'limit.bodies_mb': 'MiB of request bodies in memory', 'limit.bodies_per_address_mb': 'MiB of them of one address', 'limit.answers_mb': 'MiB of large answers not yet taken', 'limit.rates_mb': 'MiB to remember callers’ rates', 'limit.tls_handshake_wait_s': 'Seconds for a TLS handshake', 'limit.head_wait_s': 'Seconds for a request’s head', 'limit.body_wait_s': 'Seconds for its body', 'limit.answer_wait_s': 'Seconds to take the answer',
};

const languages = { en: english, zh: chinese };
const KEY = 'huihua-console-language';

export const locale = () => {
  const chosen = localStorage.getItem(KEY);
  if (chosen in languages) return chosen;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
};
export const choose = (language) => localStorage.setItem(KEY, language);

// A reason of the server's in the reader's language, if we have it there.
export const reason = (text) => (locale() === 'zh' ? details[text] ?? text : text);

export const has = (key) => key in english;

export function t(key, values = {}) {
  const text = languages[locale()][key] ?? english[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
