// Requests to the console's own API. The token lives in this tab alone: no cookie, so that no other
// page can send it.
import { t } from './words.js';

const KEY = 'huihua-console-token';

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

export class Failure extends Error {
  constructor(title, message, more = {}) {
    super(message);
    this.title = title;
    Object.assign(this, more);
  }
}

// Called when the token opens nothing.
let locked = () => {};
export const onLocked = (callback) => { locked = callback; };

async function send(path, options = {}) {
  const headers = { ...options.headers, Authorization: `Bearer ${token.get()}` };
  let answer;
  try {
    answer = await fetch(`/console/api/${path}`, { ...options, headers, redirect: 'error' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Failure(t('offline'), t('offlineMessage'), { remedy: t('offlineRemedy') });
  }
  const text = await answer.text();
  if (answer.ok) return { text, value: JSON.parse(text) };
  let problem = {};
  try { problem = JSON.parse(text); } catch { /* Not ours: its status says enough. */ }
  const remedies = { 401: t('remedy401'), 403: t('remedy403'), 429: t('remedy429'), 500: t('remedy500'), 503: t('remedy503') };
  const failure = new Failure(`${t('refused')} (${answer.status})`, problem.detail ?? answer.statusText, {
    status: answer.status, requestId: problem.requestId, remedy: remedies[answer.status],
  });
  if (answer.status === 401) locked(failure);
  throw failure;
}

export function query(path, parameters, signal) {
  const given = Object.entries(parameters ?? {}).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given).toString();
  return send(text ? `${path}?${text}` : path, { signal });
}

export const get = async (path, parameters, signal) => (await query(path, parameters, signal)).value;

export const post = async (path, body) =>
  (await send(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).value;

// Asks again and again until `signal` says so; `ask` gets the last answer and returns the next.
export async function follow(signal, ask, failed) {
  let last;
  while (!signal.aborted) {
    try {
      last = await ask(last);
      // A busy account must not keep the server busy.
      await pause(600, signal);
    } catch (error) {
      if (signal.aborted) return;
      failed(error);
      if (error.status === 401 || error.status === 403) return;
      await pause(3000, signal);
    }
  }
}

const pause = (ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener('abort', () => { clearTimeout(timer); done(); }, { once: true });
});
