// One shape for the session services of NIM's three Web APIs: 9.x, 10.x with its API v1, and 10.x
// with its API v2. The options are those of docs/from-nim.md.

const toOld = (id) => {
  const [kind, to] = id.split('|');
  return { scene: kind === 'super_team' ? 'superTeam' : kind, to };
};
const fromOld = (id) => id.replace(/^superTeam-/, 'super_team-').replace('-', '|');
const toNew = (id) => id.replace('|', '-').replace(/^super_team-/, 'superTeam-');

/** A row of 9.x. */
const oldRow = (row) => ({
  id: fromOld(row.id),
  time: Number(row.updateTime),
  ext: row.ext ?? '',
  text: row.lastMsg?.text,
  isRecalled: String(row.lastMsgType) === '1',
});

/** A row of 10.x. */
const newRow = (row) => ({
  id: fromOld(row.sessionId),
  time: row.updateTime,
  ext: row.ext ?? '',
  text: row.lastMsgInfo?.lastMsg?.body,
  isRecalled: row.lastMsgInfo?.isLastMsgRecalled === true,
});

const codeOf = (error) => error?.code ?? error;

/** What a client counts, and whom it tells. */
class Events {
  constructor() {
    this.pushes = [];
    this.logins = 0;
    this.kicks = [];
  }
}

/** 9.x; `binary` as its option `binaryWebsocket`. */
export function oldClient(NIM, { host, secure, appKey, account, token, binary }) {
  const events = new Events();
  const lbs = `${secure ? 'https' : 'http'}://${host}/nim/lbs`;
  return new Promise((resolve, reject) => {
    const nim = NIM.getInstance({
      appKey,
      account,
      token,
      db: false,
      secure,
      lbsUrl: lbs,
      lbsBackup: false,
      defaultLink: host,
      binaryWebsocket: binary,
      privateConf: {
        lbs_web: lbs,
        link_ssl_web: secure,
        https_enabled: secure,
        nos_uploader_web: null,
        isABTestEnable: false,
        isDataReportEnable: false,
        isMixStoreEnable: false,
      },
      onconnect() {
        events.logins += 1;
      },
      onsyncdone() {
        resolve(client);
      },
      ondisconnect(error) {
        if (error?.code === 'kicked') events.kicks.push(error.reason ?? error.message);
        reject(error);
      },
      // It tells of what no login needs, such as the missing file servers.
      onerror() {},
      onSyncUpdateServerSession(row) {
        events.pushes.push(oldRow(row));
      },
    });
    const call = (name, options) =>
      new Promise((done, fail) => {
        nim[name]({ ...options, done: (error, data) => (error ? fail(error) : done(data)) });
      });
    const client = {
      events,
      async list({ limit, max, needLastMsg }) {
        const options = { limit, needLastMsg, minTimestamp: 0, maxTimestamp: max ?? 0 };
        const page = await call('getServerSessions', options);
        return { rows: page.sessionList.map(oldRow), hasMore: page.hasMore };
      },
      get: async (id) => oldRow(await call('getServerSession', toOld(id))),
      update: (id, ext) => call('updateServerSession', { ...toOld(id), extra: ext }),
      delete: (ids) => call('deleteServerSessions', { sessions: ids.map(toOld) }),
      close: () => new Promise((done) => nim.destroy({ done })),
    };
  });
}

/** 10.x; `version` as its option `apiVersion`. */
export async function newClient(NIM, given) {
  const { host, secure, appKey, account, token, binary, version } = given;
  const events = new Events();
  const lbs = `${secure ? 'https' : 'http'}://${host}/nim/lbs`;
  const service = { lbsUrls: [lbs], linkUrl: host, linkSSL: secure };
  const common = { appkey: appKey, apiVersion: version, debugLevel: 'off' };
  const options = version === 'v1' ? { ...common, account, token } : common;
  const nim = new NIM(
    { ...options, binaryWebsocket: binary },
    {
      V1NIMLoginServiceConfig: service,
      V2NIMLoginServiceConfig: service,
      reporterConfig: { enableCompass: false, isDataReportEnable: false },
      abtestConfig: { isAbtestEnable: false },
    },
  );
  nim.on('multiSyncUpdateCloudSession', (row) => events.pushes.push(newRow(row)));
  if (version === 'v1') {
    nim.on('logined', () => (events.logins += 1));
    nim.on('kicked', (detail) => events.kicks.push(detail.reason ?? detail));
    await nim.connect();
  } else {
    const login = nim.V2NIMLoginService;
    login.on('onLoginStatus', (status) => (events.logins += status === 1 ? 1 : 0));
    login.on('onKickedOffline', (detail) => events.kicks.push(detail.reasonDesc));
    await login.login(account, token);
  }
  const service7 = nim.cloudSession;
  return {
    events,
    async list({ limit, max, needLastMsg }) {
      const page = await service7.queryCloudSessionList({
        minTimestamp: 0,
        maxTimestamp: max ?? 0,
        limit,
        includedLastMsg: needLastMsg,
      });
      return { rows: page.sessionList.map(newRow), hasMore: page.hasMore };
    },
    get: async (id) => newRow(await service7.queryCloudSession({ sessionId: toNew(id) })),
    update: (id, ext) => service7.updateCloudSession({ sessionId: toNew(id), ext }),
    delete: (ids) => service7.deleteCloudSessionList({ sessionIdList: ids.map(toNew) }),
    /** V10's own conversations, which are not served. */
    conversation() {
      const id = nim.V2NIMConversationIdUtil.p2pConversationId('friend1');
      return nim.V2NIMConversationService.createConversation(id);
    },
    close: () => nim.destroy(),
  };
}

export { codeOf };
