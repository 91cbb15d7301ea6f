// What each SDK must see, the same in Node and in a browser: the calls of the session service, pushes
// of a message, an edit and a recall, a cut, a wrong token, a kick, silence. `control` does what the
// app's own server and the network do.

import { codeOf, newClient, oldClient } from './clients.mjs';

const WAIT_MS = 30_000;
/** Longer than two heartbeats, which the SDKs send every 30 s. */
const IDLE_MS = 75_000;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(what, ready) {
  const since = Date.now();
  while (Date.now() - since < WAIT_MS) {
    const found = ready();
    if (found) return found;
    await sleep(10);
  }
  throw new Error(`not in ${WAIT_MS} ms: ${what}`);
}

function open(variant, options) {
  const { sdk, version, binary } = variant;
  return sdk.old ? oldClient(sdk.old, { ...options, binary }) : newClient(sdk.new, { ...options, binary, version });
}

/** Counts what holds, and stops at what does not. */
class Checks {
  constructor(name) {
    this.name = name;
    this.count = 0;
  }

  is(what, got, expected) {
    const [a, b] = [got, expected].map((value) => JSON.stringify(value));
    if (a !== b) throw new Error(`${this.name}: ${what}: ${a} instead of ${b}`);
    this.count += 1;
  }

  async fails(what, promise, expected) {
    const since = Date.now();
    const error = await promise.then(
      () => 'a success',
      (error) => error,
    );
    this.is(what, codeOf(error), expected);
    // Silence would take 8 seconds.
    if (Date.now() - since > 7_000) throw new Error(`${this.name}: ${what}: late`);
  }
}

/** Runs all of it with one SDK; returns the number of checks. */
async function run(variant, control) {
  const checks = new Checks(variant.name);
  const account = variant.account;
  const host = await control('proxy', { name: account });
  const { appKey, token, secure } = await control('token', { account });
  const options = { host, secure, appKey, account, token };
  const send = (from, n) => control('message', { from, to: account, n });
  for (const n of [1, 2, 3]) await send(`friend${n}`, n);

  // Where it fails, the SDKs take the address of their options.
  const lbs = await fetch(`${secure ? 'https' : 'http'}://${host}/nim/lbs?k=${appKey}`);
  checks.is('the LBS', (await lbs.json()).common?.link, [host]);
  const client = await open(variant, options);
  const { events } = client;
  checks.is('it is logged in', events.logins, 1);
  await calls(checks, client);
  await pushes(checks, client, account, control, variant);
  await cut(checks, client, account, control);
  if (variant.version === 'v2') {
    await checks.fails('conversations of V10', client.conversation(), 404);
  }
  const kicks = events.kicks.length;
  await control('block', { account });
  await until('a kick', () => events.kicks.length > kicks);
  checks.is('it is kicked once', events.kicks.length, kicks + 1);
  await control('unblock', { account });
  await client.close().catch(() => {});

  const wrong = { ...options, account: `${account}-wrong` };
  await checks.fails('a token of another account', open(variant, wrong), 302);
  return checks.count;
}

async function calls(checks, client) {
  const ids = (page) => page.rows.map((row) => row.id);
  const all = await client.list({ limit: 100, needLastMsg: true });
  checks.is('the list', ids(all), ['p2p|friend3', 'p2p|friend2', 'p2p|friend1']);
  checks.is('its end', all.hasMore, false);
  checks.is('its texts', all.rows.map((row) => row.text), ['text 3', 'text 2', 'text 1']);
  const first = await client.list({ limit: 2, needLastMsg: false });
  checks.is('a page', [ids(first), first.hasMore], [['p2p|friend3', 'p2p|friend2'], true]);
  checks.is('without last messages', first.rows[0].text, undefined);
  const next = await client.list({ limit: 2, needLastMsg: true, max: first.rows[1].time });
  checks.is('the next page', ids(next), ['p2p|friend2', 'p2p|friend1']);
  const one = await client.get('p2p|friend1');
  checks.is('a session', [one.id, one.ext, one.text], ['p2p|friend1', '', 'text 1']);
  await checks.fails('a session that is not there', client.get('p2p|nobody'), 404);
  await checks.fails('an ext that is too long', client.update('p2p|friend1', 'x'.repeat(5_000)), 414);
  await client.update('p2p|friend1', '{"pinned":"置顶"}');
  checks.is('its ext', (await client.get('p2p|friend1')).ext, '{"pinned":"置顶"}');
  const pushed = await until('a push of the ext', () => client.events.pushes.find((row) => row.ext));
  checks.is('the push of the ext', [pushed.id, pushed.ext], ['p2p|friend1', '{"pinned":"置顶"}']);
  await client.delete(['p2p|friend1', 'p2p|friend2']);
  await checks.fails('a session that is deleted', client.get('p2p|friend1'), 404);
  const left = await client.list({ limit: 100, needLastMsg: true });
  checks.is('what is left', ids(left), ['p2p|friend3']);
}

async function pushes(checks, client, account, control, variant) {
  const { events } = client;
  const next = async (what) => {
    const known = events.pushes.length;
    return () => until(what, () => events.pushes[known]);
  };
  let pushed = await next('a push of a message');
  await control('message', { from: 'friend1', to: account, n: 4 });
  let row = await pushed();
  checks.is('a message', [row.id, row.text, row.ext], ['p2p|friend1', 'text 4', '']);
  pushed = await next('a push of an edit');
  await control('edit', { from: 'friend1', to: account, n: 4, text: 'edited' });
  row = await pushed();
  checks.is('an edit', [row.id, row.text, row.isRecalled], ['p2p|friend1', 'edited', false]);
  pushed = await next('a push of a recall');
  await control('recall', { from: 'friend1', to: account, n: 4 });
  row = await pushed();
  checks.is('a recall', [row.id, row.text], ['p2p|friend1', undefined]);
  // 9.x has no notice in a push: the row without a message says it, and a list tells the rest.
  checks.is('its kind', row.isRecalled, true);
  const listed = await client.get('p2p|friend1');
  checks.is('the recall in the list', [listed.isRecalled, listed.text], [true, undefined]);
  checks.is('pushes so far', events.pushes.length, 4);
}

async function cut(checks, client, account, control) {
  const { events } = client;
  const known = events.pushes.length;
  const logins = events.logins;
  // What was pushed counts once the client's pong has arrived; else it comes again. An answer comes
  // after the ping of what was pushed before it, the next call after that one's pong. The last of
  // several pushes may have waited for the pong of the first.
  for (let call = 0; call < 3; call += 1) await client.get('p2p|friend1');
  await control('down', { name: account });
  await control('message', { from: 'missed', to: account, n: 5 });
  await control('up', { name: account });
  await until('a login after the cut', () => events.logins > logins);
  const missed = await until('what was missed', () => events.pushes[known]);
  checks.is('what was missed comes', [missed.id, missed.text], ['p2p|missed', 'text 5']);
  await control('message', { from: 'friend1', to: account, n: 6 });
  const row = await until('a push after the cut', () => events.pushes[known + 1]);
  checks.is('and what comes then', [row.id, row.text], ['p2p|friend1', 'text 6']);
  checks.is('nothing comes twice', events.pushes.length, known + 2);
}

/** A link in silence: it is the same one after 75 s, and tells what changes then. */
async function idle(variant, control) {
  const checks = new Checks(`${variant.name}, idle`);
  const account = `${variant.account}-idle`;
  const host = await control('proxy', { name: account });
  const { appKey, token, secure } = await control('token', { account });
  const client = await open(variant, { host, secure, appKey, account, token });
  const before = await control('connections', { name: account });
  await sleep(IDLE_MS);
  checks.is('connections made', await control('connections', { name: account }), before);
  checks.is('logins', client.events.logins, 1);
  await control('message', { from: 'friend', to: account, n: 7 });
  const row = await until('a push after 75 s', () => client.events.pushes[0]);
  checks.is('a push after 75 s', row.text, 'text 7');
  await client.close().catch(() => {});
  return checks.count;
}

async function named(name, promise) {
  try {
    return await promise;
  } catch (error) {
    const what = error?.message ?? JSON.stringify(error);
    throw new Error(what.startsWith(name) ? what : `${name}: ${what}`, { cause: error });
  }
}

/** Runs the variants one after the other, and beside them their silences. */
export async function runAll(variants, control, withIdle) {
  const silences = variants
    .filter(() => withIdle)
    .map((variant) => named(variant.name, idle(variant, control)));
  // A failure is reported by the await below, not as an unhandled one meanwhile.
  silences.forEach((silence) => silence.catch(() => {}));
  const results = [];
  for (const variant of variants) {
    const checks = await named(variant.name, run(variant, control));
    results.push({ name: variant.name, checks });
  }
  for (const [n, silence] of silences.entries()) results[n].checks += await silence;
  return results;
}
