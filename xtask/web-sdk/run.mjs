// Runs NIM's Web SDKs against real servers: in Node in clear, in headless Chromium over TLS, where a
// browser asks over HTTP/2. Called by `cargo xtask test --only web-sdk` in a network namespace
// without a way out:
//   node run.mjs SERVER CHROMIUM
// HUIHUA_WEB_SDK_IDLE=0 leaves the 75 s of silence out.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import http, { createServer } from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import vm from 'node:vm';

import { runAll } from './scenario.mjs';

const require = createRequire(import.meta.url);
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const [, , serverProgram, chromium] = process.argv;
const withIdle = process.env.HUIHUA_WEB_SDK_IDLE !== '0';
/** A time long ago, so that nothing depends on the clock. */
const T0 = 1_700_000_000_000;
const LIMIT_MS = 240_000;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const folder = mkdtempSync(path.join(tmpdir(), 'huihua-web-sdk-'));
const children = [];
let reported;
const report = new Promise((done) => (reported = done));

process.on('unhandledRejection', (error) => {
  // The SDKs leave some of their own timeouts to nobody.
  if (process.env.HUIHUA_WEB_SDK_DEBUG) console.error('unhandled', error);
});

// The app's own server, and the network.

const base = ({ from, to, n }) => ({ sessionType: 'p2p', from, to, messageId: String(n) });

/** A server, its app's own backend, and the network to it. */
class App {
  #dev;
  #certificate;
  #proxies = new Map();
  #tokens = new Set();

  /** `dev`: what the server says of itself; `certificate`: its own, if it speaks TLS. */
  constructor(dev, certificate) {
    this.#dev = dev;
    this.#certificate = certificate;
  }

  #post(path, headers, body) {
    const { request } = this.#certificate ? https : http;
    const options = { method: 'POST', headers, ca: this.#certificate };
    return new Promise((done, fail) => {
      const asked = request(`${this.#dev.url}${path}`, options, async (answer) => {
        let text = '';
        for await (const part of answer) text += part;
        done(JSON.parse(text));
      });
      asked.on('error', fail);
      asked.end(body);
    });
  }

  async #events(...events) {
    const headers = {
      authorization: `Bearer ${this.#dev.ingestKey}`,
      'content-type': 'application/json',
    };
    const body = await this.#post('/v1/events', headers, JSON.stringify({ events }));
    if (body.results?.[0]?.status !== 'applied') throw new Error(`not applied: ${JSON.stringify(body)}`);
    return {};
  }

  async #nimCall(call, account) {
    const time = String(Math.floor(Date.now() / 1000));
    const nonce = 'nonce';
    const { appKey, appSecret } = this.#dev;
    const headers = {
      AppKey: appKey,
      Nonce: nonce,
      CurTime: time,
      CheckSum: createHash('sha1').update(appSecret + nonce + time).digest('hex'),
      'content-type': 'application/x-www-form-urlencoded',
    };
    const body = await this.#post(`/user/${call}.action`, headers, `accid=${account}`);
    if (body.code !== 200) throw new Error(`${call}: ${JSON.stringify(body)}`);
    return body;
  }

  /** A way to the server that can be cut. */
  async proxy({ name }) {
    const proxy = { sockets: new Set(), isUp: true, accepted: 0 };
    const { port } = new URL(this.#dev.url);
    proxy.listener = net.createServer((socket) => {
      proxy.accepted += 1;
      if (!proxy.isUp) return socket.destroy();
      const up = net.connect(Number(port), '127.0.0.1');
      for (const [one, other] of [[socket, up], [up, socket]]) {
        proxy.sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          proxy.sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    await new Promise((done) => proxy.listener.listen(0, '127.0.0.1', done));
    this.#proxies.set(name, proxy);
    return `127.0.0.1:${proxy.listener.address().port}`;
  }

  async token({ account }) {
    const call = this.#tokens.has(account) ? 'refreshToken' : 'create';
    const made = await this.#nimCall(call, account);
    this.#tokens.add(account);
    const secure = this.#certificate !== undefined;
    return { appKey: this.#dev.appKey, token: made.info.token, secure };
  }

  message({ from, to, n }) {
    const event = { type: 'message', ...base({ from, to, n }), time: T0 + n, msgType: 'text' };
    return this.#events({ ...event, body: `text ${n}` });
  }

  edit({ from, to, n, text }) {
    return this.#events({ type: 'edit', ...base({ from, to, n }), time: T0 + n + 1, body: text });
  }

  recall({ from, to, n }) {
    const event = { type: 'recall', ...base({ from, to, n }), messageTime: T0 + n };
    return this.#events({ ...event, time: T0 + n + 2, ps: 'oops' });
  }

  async block({ account }) {
    await this.#nimCall('block', account);
    return {};
  }

  async unblock({ account }) {
    await this.#nimCall('unblock', account);
    return {};
  }

  down({ name }) {
    const proxy = this.#proxies.get(name);
    proxy.isUp = false;
    for (const socket of proxy.sockets) socket.destroy();
    return {};
  }

  up({ name }) {
    this.#proxies.get(name).isUp = true;
    return {};
  }

  connections({ name }) {
    return this.#proxies.get(name).accepted;
  }

  report(result) {
    reported(result);
    return {};
  }
}

// The page and its control.

const FILES = {
  '/': ['page.html', 'text/html'],
  '/clients.mjs': ['clients.mjs', 'text/javascript'],
  '/scenario.mjs': ['scenario.mjs', 'text/javascript'],
  '/sdk/old.js': ['node_modules/@yxim/nim-web-sdk/dist/SDK/NIM_Web_NIM.js', 'text/javascript'],
  '/sdk/new.js': ['node_modules/nim-web-sdk-ng/dist/v2/NIM_BROWSER_SDK.js', 'text/javascript'],
};

/** The app that the page's SDKs connect to. */
let secureApp;
const pages = createServer(async (request, response) => {
  const name = request.url.split('?')[0];
  if (name.startsWith('/control/')) {
    let body = '';
    for await (const part of request) body += part;
    try {
      const result = await secureApp[name.slice('/control/'.length)](JSON.parse(body));
      return response.end(JSON.stringify(result));
    } catch (error) {
      response.statusCode = 500;
      return response.end(String(error));
    }
  }
  const file = FILES[name];
  if (!file) {
    response.statusCode = 404;
    return response.end();
  }
  response.setHeader('content-type', `${file[1]}; charset=utf-8`);
  response.end(readFileSync(path.join(here, file[0])));
});

// Programs.

function start(program, args, options) {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  let log = '';
  child.stderr.on('data', (data) => (log = (log + data).slice(-20_000)));
  child.log = () => log;
  children.push(child);
  return child;
}

/** Makes a certificate of this machine and its key; returns their paths. */
function makeCertificate() {
  const paths = ['certificate.pem', 'key.pem'].map((name) => path.join(folder, name));
  const of = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-out', paths[0], '-keyout', paths[1], '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...key, ...of, ...files], { stdio: 'pipe' });
  return paths;
}

async function startServer(name, settings) {
  const data = path.join(folder, name);
  const env = { ...process.env, HUIHUA_LINK: 'true', HUIHUA_LOG: 'warn', ...settings };
  const server = start(serverProgram, ['dev', '--data', data, '--listen', '127.0.0.1:0'], { env });
  for (let n = 0; !existsSync(path.join(data, 'dev.json')); n++) {
    if (server.exitCode !== null || n > 3_000) throw new Error(`no server: ${server.log()}`);
    await sleep(10);
  }
  return { server, dev: JSON.parse(readFileSync(path.join(data, 'dev.json'))) };
}

/** Nothing but this machine may answer. */
function assertNoWayOut() {
  return new Promise((done, fail) => {
    const socket = net.connect({ host: '192.0.2.1', port: 443, timeout: 2_000 });
    socket.on('connect', () => fail(new Error('there is a way out of this namespace')));
    socket.on('timeout', () => fail(new Error('there may be a way out of this namespace')));
    socket.on('error', (error) =>
      error.code === 'ENETUNREACH' ? done() : fail(new Error(`unexpected: ${error.code}`)),
    );
  });
}

/** 10.x has no build for Node. Its browser build gets a world of its own with what it takes from a
 * browser: 9.x must not see that one. */
function loadNew() {
  const store = new Map();
  const nothing = () => {};
  const events = { addEventListener: nothing, removeEventListener: nothing };
  const module = { exports: {} };
  const world = {
    ...events,
    module,
    exports: module.exports,
    console,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    queueMicrotask,
    performance,
    TextEncoder,
    TextDecoder,
    URL,
    btoa,
    atob,
    WebSocket: require('ws'),
    XMLHttpRequest: Requests,
    localStorage: {
      getItem: (key) => store.get(key) ?? null,
      setItem: (key, value) => store.set(key, String(value)),
      removeItem: (key) => store.delete(key),
    },
    document: { ...events, hidden: false, createElement: () => ({ style: {} }), getElementsByTagName: () => [] },
    location: { href: 'http://localhost/', protocol: 'http:', host: 'localhost', search: '' },
    navigator: { userAgent: 'Mozilla/5.0 Chrome/120', onLine: true },
    // What a socket gives is of these.
    ArrayBuffer,
    Uint8Array,
    DataView,
  };
  world.window = world.self = world.globalThis = world;
  const file = require.resolve('nim-web-sdk-ng/dist/v2/NIM_BROWSER_SDK.js');
  vm.runInNewContext(readFileSync(file, 'utf8'), world, { filename: file });
  return module.exports.default ?? module.exports;
}

/** As much of XMLHttpRequest as the SDK uses. */
class Requests {
  readyState = 0;
  status = 0;
  #headers = {};
  open(method, url) {
    Object.assign(this, { method, url });
  }
  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }
  abort() {}
  async send(body) {
    const { method } = this;
    try {
      const options = { method, headers: this.#headers, body: method === 'GET' ? undefined : body };
      const answer = await fetch(this.url, options);
      this.status = answer.status;
      this.response = this.responseText = await answer.text();
    } catch {
      this.status = 0;
    }
    this.readyState = 4;
    this.onreadystatechange?.();
  }
}

async function inNode(app) {
  const old = { old: require('@yxim/nim-web-sdk/dist/SDK/NIM_Web_NIM_nodejs.js') };
  const next = { new: loadNew() };
  const variants = [
    { name: '9.x', account: 'node-old', sdk: old },
    { name: '10.x API v1', account: 'node-new-v1', sdk: next, version: 'v1' },
    { name: '10.x API v2 binary', account: 'node-new-v2-binary', sdk: next, version: 'v2', binary: true },
    { name: '10.x API v2 text', account: 'node-new-v2-text', sdk: next, version: 'v2', binary: false },
  ];
  return runAll(variants, async (name, parameters) => app[name](parameters), withIdle);
}

async function inChromium(origin) {
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  // Nobody vouches for the certificate.
  flags.push('--ignore-certificate-errors');
  const profile = `--user-data-dir=${path.join(folder, 'chromium')}`;
  const url = `${origin}/${withIdle ? '?idle' : ''}`;
  const browser = start(chromium, [...flags, profile, url], { detached: true });
  const ended = new Promise((_, fail) => {
    browser.on('exit', (code) => fail(new Error(`chromium ended with ${code}: ${browser.log()}`)));
    browser.on('error', fail);
  });
  const { results, error } = await Promise.race([report, ended]);
  if (error) throw new Error(`in Chromium: ${error}`);
  return results;
}

async function main() {
  await assertNoWayOut();
  await new Promise((done) => pages.listen(0, '127.0.0.1', done));
  const origin = `http://127.0.0.1:${pages.address().port}`;
  const clear = await startServer('clear', {});
  const [certificate, key] = makeCertificate();
  const secure = await startServer('secure', {
    HUIHUA_LINK_ORIGINS: origin,
    HUIHUA_TLS_CERTIFICATE: certificate,
    HUIHUA_TLS_KEY: key,
  });
  secureApp = new App(secure.dev, readFileSync(certificate));
  const late = sleep(LIMIT_MS).then(() => {
    throw new Error(`not done in ${LIMIT_MS / 1000} s`);
  });
  const both = Promise.all([inNode(new App(clear.dev)), chromium ? inChromium(origin) : []]);
  const [node, browser] = await Promise.race([both, late]);
  let sum = 0;
  for (const [where, results] of [['Node', node], ['Chromium, TLS', browser]]) {
    for (const { name, checks } of results) {
      console.log(`web-sdk: ${where.padEnd(13)} ${name.padEnd(20)} ${checks} checks`);
      sum += checks;
    }
  }
  console.log(`web-sdk: ${sum} checks hold${withIdle ? ', with 75 s of silence' : ''}`);
  for (const { server } of [clear, secure]) {
    if (server.exitCode !== null) throw new Error(`a server ended: ${server.log()}`);
  }
}

let failed = false;
try {
  await main();
} catch (error) {
  failed = true;
  console.error('web-sdk:', error);
  children.forEach((child) => console.error(child.spawnfile, child.log()));
}
for (const child of children) {
  try {
    process.kill(child.spawnargs.includes('--headless=new') ? -child.pid : child.pid, 'SIGTERM');
  } catch {
    // It has ended.
  }
}
await sleep(300);
rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
process.exit(failed ? 1 : 0);
