// Drives the console of a running server in headless Chromium, by keyboard alone, and fails at the
// first thing that does not hold. `cargo xtask test --only console` starts it with the server's
// facts in the environment; the pictures go into the folder PICTURES.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const { CONSOLE, TOKEN, DEV_JSON, LIN, PICTURES, CHROMIUM } = process.env;
const dev = JSON.parse(readFileSync(DEV_JSON, 'utf8'));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const T0 = Date.UTC(2026, 0, 5, 9, 30);
const WAIT = 15_000;
const say = (text) => console.log(`console: ${text}`);

// What the server knows: lists to page, a team that lin is not in, one that it is in, a pin, a
// recall, a deletion, and copies, one of them with a wrong sum.
async function events(list) {
  const answer = await fetch(`${dev.url}/v1/events`, {
    method: 'POST', body: JSON.stringify({ events: list }),
    headers: { Authorization: `Bearer ${dev.ingestKey}`, 'Content-Type': 'application/json' },
  });
  assert.equal(answer.status, 200, await answer.text());
}

const message = (sessionType, from, to, minute, body, more = {}) => ({
  type: 'message', sessionType, from, to, time: T0 + minute * 60_000, messageId: String(7_000_000 + minute),
  msgType: 'text', body, fromNick: from[0].toUpperCase() + from.slice(1), ...more,
});

async function copy(fields, secret = dev.appSecret) {
  const body = JSON.stringify({
    eventType: '1', convType: 'PERSON', fromAccount: 'kim', to: 'lin', msgTimestamp: String(T0 + 9_000_000),
    msgType: 'TEXT', msgidServer: '7100001', body: 'Are you in on Friday?', ...fields,
  });
  const time = String(Date.now());
  const md5 = createHash('md5').update(body).digest('hex');
  const sum = createHash('sha1').update(secret + md5 + time).digest('hex');
  const headers = { AppKey: dev.appKey, CurTime: time, CheckSum: sum, 'Content-Type': 'application/json' };
  return (await fetch(`${dev.url}/nim/copy`, { method: 'POST', body, headers })).status;
}

async function client(method, path, body) {
  const headers = { Authorization: `Bearer ${LIN}`, 'Content-Type': 'application/json' };
  const answer = await fetch(dev.url + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
}

async function fill() {
  const many = Array.from({ length: 64 }, (_, n) => message('p2p', `guest${String(n).padStart(2, '0')}`, 'lin', n, `Question ${n + 1}`));
  await events(many);
  await events([
    { type: 'join', sessionType: 'team', teamId: '7', accounts: ['lin', 'bob'], time: T0 },
    { type: 'join', sessionType: 'team', teamId: '42', accounts: ['bob'], time: T0 },
    { type: 'leave', sessionType: 'team', teamId: '9', accounts: ['lin'], time: T0 + 60_000 },
    { type: 'join', sessionType: 'team', teamId: '9', accounts: ['lin'], time: T0 },
    message('team', 'bob', '7', 100, 'Lunch at twelve?'),
    message('team', 'bob', '42', 101, 'The plan for Monday is in the folder.'),
    message('p2p', 'amy', 'lin', 102, '你好，林！明天见'),
    message('p2p', 'lin', 'bob', 103, 'See you tomorrow'),
    message('p2p', 'dan', 'lin', 104, 'Please delete this'),
    { type: 'recall', sessionType: 'p2p', from: 'lin', to: 'bob', messageTime: T0 + 103 * 60_000, messageId: '7000103', time: T0 + 104 * 60_000, operator: 'lin' },
  ]);
  await client('PUT', '/v1/sessions/p2p%7Camy/ext', { ext: '{"pinned":true}' });
  await client('POST', '/v1/sessions/delete', { sessionIds: ['p2p|dan'] });
  assert.equal(await copy({}), 200);
  assert.equal(await copy({ msgidServer: '7100002' }, 'PRIVATE-SECRET'), 403);
  assert.equal(await copy({ msgTimestamp: undefined }), 400);
}

function rawStatus(headers, path = '/console/api/status') {
  const { hostname, port } = new URL(CONSOLE);
  return new Promise((done, failed) => {
    httpRequest({ hostname, port, path, headers }, (answer) => { answer.resume(); done(answer.statusCode); }).on('error', failed).end();
  });
}

// Without its token, from another origin, by another name: nothing.
async function closed(browser) {
  const right = { Authorization: `Bearer ${TOKEN}` };
  assert.equal(await rawStatus(right), 200);
  assert.equal(await rawStatus({}), 401);
  assert.equal(await rawStatus({ Authorization: `Bearer ${dev.ingestKey}` }), 401);
  assert.equal(await rawStatus({ ...right, Host: 'evil.example' }), 403);
  assert.equal(await rawStatus({ Host: 'evil.example' }, '/console/'), 403);
  assert.equal(await rawStatus({ ...right, Origin: 'http://evil.example' }), 403);
  const page = await browser.newPage();
  const other = createServer((_, answer) => answer.end('<title>other</title>')).listen(0, '127.0.0.1');
  await new Promise((done) => { other.once('listening', done); });
  await page.goto(`http://127.0.0.1:${other.address().port}/`);
  const api = new URL('/console/api/status', CONSOLE).href;
  const got = await page.evaluate(async ([url, token, front]) => {
    const outcome = async (options) => {
      try {
        const answer = await fetch(url, options);
        return `${answer.type} ${answer.status} ${(await answer.text()).length}`;
      } catch (error) {
        return error.name;
      }
    };
    const frame = document.createElement('iframe');
    frame.src = front;
    document.body.append(frame);
    await new Promise((done) => { frame.onload = done; });
    let framed;
    try { framed = frame.contentDocument?.title ?? 'foreign'; } catch (error) { framed = error.name; }
    return [await outcome({ headers: { Authorization: `Bearer ${token}` } }), await outcome({}), await outcome({ mode: 'no-cors' }), framed];
  }, [api, TOKEN, CONSOLE]);
  assert.deepEqual(got, ['TypeError', 'TypeError', 'TypeError', 'foreign'], 'a page of another origin');
  const frame = page.frames().at(-1);
  assert.ok(!frame.url().startsWith(CONSOLE), `our page is shown in another's: ${frame.url()}`);
  await page.close();
  other.close();
  say('from another origin, by another name and without its token: nothing');
}

async function check(page, what) {
  const found = await page.evaluate(async (source) => {
    if (!window.axe) (0, eval)(source);
    return (await window.axe.run(document, { resultTypes: ['violations'] })).violations
      .filter((one) => ['serious', 'critical'].includes(one.impact))
      .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
  }, axe);
  assert.deepEqual(found, [], `axe-core, ${what}`);
}

const text = (page, shown) => page.getByText(shown, { exact: false }).first().waitFor({ timeout: WAIT });
const type = (page, keys) => page.keyboard.type(keys);

// Presses Tab until this is in focus.
async function tabTo(page, selector) {
  // A page of the list has fifty rows.
  for (let n = 0; n < 120; n += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab does not reach ${selector}`);
}

async function go(page, key, selector) {
  await page.evaluate(() => document.activeElement?.blur());
  await type(page, `g${key}`);
  await page.waitForSelector(selector, { timeout: WAIT });
}

async function signIn(page, words) {
  await page.goto(CONSOLE);
  await page.waitForSelector('#console-token');
  await check(page, 'sign in');
  await type(page, 'x'.repeat(40));
  await page.keyboard.press('Enter');
  await text(page, words.wrong);
  await type(page, TOKEN);
  await page.keyboard.press('Enter');
  await page.waitForSelector('input[name=account]', { timeout: WAIT });
}

async function look(page, words, name) {
  const shoot = (view) => page.screenshot({ path: `${PICTURES}/console-${view}-${name}.png` });
  await type(page, '/');
  await type(page, 'LIN');
  await page.keyboard.press('Enter');
  await text(page, words.written);
  await page.waitForSelector('tbody tr', { timeout: WAIT });
  const rows = await page.locator('tbody tr').allTextContents();
  assert.equal(rows.length, 50);
  const amy = rows.find((row) => row.includes('你好，林！明天见'));
  assert.ok(amy?.includes('{"pinned":true}') && amy.includes('2026-01-05 19:12:00.000'), `amy's row is ${amy}`);
  assert.ok(!rows.some((row) => row.includes('dan')), 'a deleted session is in the list');
  await check(page, `list, ${name}`);
  await shoot('list');
  await tabTo(page, 'section button.main');
  await page.keyboard.press('Enter');
  await text(page, words.page2);
  assert.ok((await page.locator('tbody tr').count()) < 50);
  // A row by its keys.
  await page.evaluate(() => document.activeElement?.blur());
  await type(page, 'jjk');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.verdict.good', { timeout: WAIT });
  // Why does lin not see team 42?
  await page.goBack();
  await page.waitForSelector('input[name=session]', { timeout: WAIT });
  await tabTo(page, 'input[name=session]');
  await type(page, 'team|42');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.verdict.bad', { timeout: WAIT });
  await text(page, words.notIn);
  await check(page, `session, ${name}`);
  await shoot('session');
  // Each with what must be in its registers and raw last message, times in the reader's zone; and why.
  const told = [
    ['team|7', 'good', ['"Lunch at twelve?"', '7000100']],
    ['team|9', 'warn', [], [words.wentOut, '2026-01-05 17:31:00.000']],
    ['team|42', 'bad', ['"The plan for Monday is in the folder."', '7000101']],
    ['p2p|dan', 'bad', [`${words.floor}2026-01-05 19:14:00.000 7000104`, '"Please delete this"']],
    ['p2p|bob', 'good', ['7000103'], [words.recalled]],
    ['p2p|amy', 'good', [`${words.ext}{"pinned":true}`, '"你好，林！明天见"', '2026-01-05 19:12:00.000 7000102']],
  ];
  for (const [id, tone, facts, why = []] of told) {
    await page.evaluate((address) => { location.hash = address; }, `#/account/${dev.appKey}/lin/session/${encodeURIComponent(id)}`);
    await page.waitForFunction((heading) => document.querySelector('h1')?.textContent === heading && document.querySelector('.verdict'), id);
    assert.ok(await page.locator(`.verdict.${tone}`).count(), `${id} is ${tone}`);
    for (const [place, wanted] of [['.columns', facts], ['main', why]]) {
      const shown = await page.locator(place).textContent();
      for (const fact of wanted) assert.ok(shown.includes(fact), `${id} shows ${fact}: ${shown}`);
    }
  }
  await page.goto(`${CONSOLE}#/account/${dev.appKey}/nobody`);
  await text(page, words.nothing);
  await check(page, `an empty list, ${name}`);
}

// What comes while the page is paused shows when it goes on, and not before.
async function paused(page, words, send, shown) {
  await tabTo(page, 'button.pause');
  await page.keyboard.press('Enter');
  await text(page, words.paused);
  await send();
  await assert.rejects(shown.first().waitFor({ timeout: WAIT / 10 }), 'it is paused');
  await page.keyboard.press('Enter');
  await shown.first().waitFor({ timeout: WAIT });
}

let tick = 0;
async function live(page, words, name) {
  await page.evaluate((address) => { location.hash = address; }, `#/account/${dev.appKey}/lin`);
  await page.waitForSelector('.tabs a', { timeout: WAIT });
  await tabTo(page, '.tabs a[aria-current=false]');
  await page.keyboard.press('Enter');
  await text(page, words.noChange);
  const send = async (body) => {
    tick += 1;
    await events([message('p2p', 'ann', 'lin', 200 + tick, body)]);
  };
  // A message that comes before the page waits is none of its changes: the first one may be that.
  const first = page.getByText(`Live ${name} one`);
  for (let tries = 0; tries < 5 && !(await first.count()); tries += 1) {
    await send(`Live ${name} one`);
    await first.first().waitFor({ timeout: WAIT / 5 }).catch(() => {});
  }
  await send(`Live ${name} two`);
  await text(page, `Live ${name} two`);
  await check(page, `live changes, ${name}`);
  await page.screenshot({ path: `${PICTURES}/console-changes-${name}.png` });
  await paused(page, words, () => send(`Live ${name} three`), page.getByText(`Live ${name} three`));
}

async function others(page, words, name) {
  await go(page, 'c', '#only-refused');
  await page.waitForSelector('tbody tr', { timeout: WAIT });
  await text(page, words.sumHelp);
  assert.ok(!(await page.content()).includes('Friday'), 'no text of a copy');
  await type(page, '/');
  await page.keyboard.press('Space');
  await page.waitForFunction(() => [...document.querySelectorAll('tbody .mark')].every((one) => one.classList.contains('bad')));
  await page.keyboard.press('Space');
  const sender = { 'en-light': 'eve', 'zh-dark': 'fay' }[name];
  await copy({ msgidServer: String(7_200_000 + tick), fromAccount: sender });
  await page.getByRole('link', { name: sender }).first().waitFor({ timeout: WAIT });
  const late = `${sender}-late`;
  await paused(page, words, () => copy({ msgidServer: String(7_300_000 + tick), fromAccount: late }), page.getByRole('link', { name: late }));
  await check(page, `copies, ${name}`);
  await page.screenshot({ path: `${PICTURES}/console-copies-${name}.png` });
  await go(page, 't', 'textarea');
  for (const [token, tone] of [[LIN, 'good'], [`${LIN.slice(0, -4)}AAAA`, 'bad'], ['x', 'bad']]) {
    await type(page, '/');
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(token);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForSelector(`.verdict.${tone}`, { timeout: WAIT });
    const verdict = await page.locator('.verdict').textContent();
    assert.ok(verdict.includes(tone === 'good' ? 'lin' : '302'), `the token is ${tone}: ${verdict}`);
    if (token.length > 9) await text(page, 'HS256');
    await check(page, `token, ${name}`);
    if (tone === 'bad' && token.length > 9) await page.screenshot({ path: `${PICTURES}/console-token-${name}.png` });
    await page.evaluate(() => document.activeElement?.blur());
  }
  await go(page, 'h', 'code');
  await text(page, 'copies_per_s');
  await text(page, dev.appKey);
  await text(page, 'copy with wrong sum');
  await check(page, `health, ${name}`);
  await page.screenshot({ path: `${PICTURES}/console-health-${name}.png` });
  await type(page, '?');
  await page.waitForSelector('dialog[open]');
  await check(page, `keys, ${name}`);
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog[open]', { state: 'detached' });
}

const ENGLISH = {
  wrong: 'does not open this console', written: 'writes “LIN” as “lin”', page2: 'Page 2', notIn: 'Nothing tells that lin is in this team',
  nothing: 'No session in this list', noChange: 'Nothing has changed yet', paused: 'Paused',
  floor: 'Floor: hidden up to', ext: 'Ext', wentOut: 'is out from here on', recalled: 'was recalled', sumHelp: 'The app secret in the configuration is not NIM’s',
};
const CHINESE = {
  wrong: '此令牌打不开这个控制台', written: '把“LIN”写作“lin”', page2: '第 2 页', notIn: '没有任何信息说明 lin 在这个群里',
  nothing: '列表里没有会话', noChange: '还没有变化', paused: '已暂停',
  floor: '下限：隐藏至', ext: '扩展字段', wentOut: '从此不在群', recalled: '已被撤回', sumHelp: '与云信的不一致',
};

async function round(browser, locale, colorScheme, words) {
  const name = `${locale.slice(0, 2)}-${colorScheme}`;
  const context = await browser.newContext({ locale, colorScheme, viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1, timezoneId: 'Asia/Shanghai' });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (line) => {
    // Chromium reports each answer that is no success by itself.
    if (line.type() === 'error' && !line.text().startsWith('Failed to load resource')) faults.push(line.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(CONSOLE).origin) faults.push(`asks another host: ${request.url()}`);
  });
  await signIn(page, words);
  await look(page, words, name);
  await live(page, words, name);
  await others(page, words, name);
  assert.deepEqual(await context.cookies(), []);
  assert.deepEqual(faults, [], name);
  await context.close();
  say(`every view by keyboard, no serious finding of axe-core: ${name}`);
}

// A narrow window, and a choice of language and theme that stays.
async function choices(browser) {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 420, height: 800 } });
  const page = await context.newPage();
  await page.goto(`${CONSOLE}#token=${TOKEN}`);
  await page.waitForSelector('input[name=account]', { timeout: WAIT });
  assert.ok(!page.url().includes(TOKEN), 'the address bar keeps no token');
  await page.locator('#language').selectOption('zh');
  await page.locator('#theme').selectOption('dark');
  await page.reload();
  await text(page, '查看谁的列表');
  const seen = await page.evaluate(() => [document.documentElement.lang, getComputedStyle(document.body).colorScheme, document.documentElement.scrollWidth <= innerWidth]);
  assert.deepEqual(seen, ['zh-CN', 'dark', true]);
  await check(page, 'a narrow window');
  await context.close();
}

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
try {
  await fill();
  await closed(browser);
  await round(browser, 'en-GB', 'light', ENGLISH);
  await round(browser, 'zh-CN', 'dark', CHINESE);
  await choices(browser);
} finally {
  await browser.close();
}
