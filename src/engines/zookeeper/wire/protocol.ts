/** The request types of ZooKeeper's protocol that are used here. */
export const Op = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  check: 13,
  multi: 14,
  removeWatches: 18,
  multiRead: 22,
  sasl: 102,
  addWatch: 106,
  closeSession: -11,
  /** Only in replies: the result of an operation of a multi that failed. */
  error: -1,
} as const

/** Request numbers with a meaning of their own. */
export const Xid = { event: -1, ping: -2, auth: -4 } as const

/** The types of a watch event that mean something special here. */
export const EventType = { dataChanged: 3 } as const

/** The error codes of ZooKeeper that mean something special here. */
export const Code = {
  ok: 0,
  runtimeInconsistency: -2,
  connectionLoss: -4,
  unimplemented: -6,
  operationTimeout: -7,
  unknownSession: -12,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  authFailed: -115,
  sessionMoved: -118,
  noWatcher: -121,
  sessionClosedRequireAuth: -124,
  quotaExceeded: -125,
  throttled: -127,
} as const

const names: Readonly<Record<number, string>> = {
  [-1]: 'SYSTEMERROR',
  [-2]: 'RUNTIMEINCONSISTENCY',
  [-3]: 'DATAINCONSISTENCY',
  [-4]: 'CONNECTIONLOSS',
  [-5]: 'MARSHALLINGERROR',
  [-6]: 'UNIMPLEMENTED',
  [-7]: 'OPERATIONTIMEOUT',
  [-8]: 'BADARGUMENTS',
  [-12]: 'UNKNOWNSESSION',
  [-13]: 'NEWCONFIGNOQUORUM',
  [-14]: 'RECONFIGINPROGRESS',
  [-100]: 'APIERROR',
  [-101]: 'NONODE',
  [-102]: 'NOAUTH',
  [-103]: 'BADVERSION',
  [-108]: 'NOCHILDRENFOREPHEMERALS',
  [-110]: 'NODEEXISTS',
  [-111]: 'NOTEMPTY',
  [-112]: 'SESSIONEXPIRED',
  [-113]: 'INVALIDCALLBACK',
  [-114]: 'INVALIDACL',
  [-115]: 'AUTHFAILED',
  [-118]: 'SESSIONMOVED',
  [-119]: 'NOTREADONLY',
  [-120]: 'EPHEMERALONLOCALSESSION',
  [-121]: 'NOWATCHER',
  [-122]: 'REQUESTTIMEOUT',
  [-123]: 'RECONFIGDISABLED',
  [-124]: 'SESSIONCLOSEDREQUIRESASLAUTH',
  [-125]: 'QUOTAEXCEEDED',
  [-127]: 'THROTTLEDOP',
}

/** ZooKeeper's name of an error code, with the code. */
export const codeName = (code: number): string => `${names[code] ?? 'unknown error'} (${code})`

/** Whether an answer says that this connection is of no more use; what became of the request is then unknown. */
export const endsConnection = (code: number): boolean =>
  code === Code.connectionLoss ||
  code === Code.operationTimeout ||
  code === Code.unknownSession ||
  code === Code.sessionExpired ||
  code === Code.sessionMoved ||
  code === Code.sessionClosedRequireAuth
