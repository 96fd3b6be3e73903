/** Commands by which drivers, mongosh and Compass find out what they talk to. */
import os from 'node:os';
import { Int32, Long, type Document } from 'bson';
import { MongoCommandError } from '../errors';
import { MAX_DOCUMENT_BYTES } from '../raw-bson';
import { MAX_MESSAGE_BYTES } from '../wire';
import { flagOf, type CommandContext, type CommandSpec } from './context';

/** The server version whose behaviour is followed; drivers derive features from maxWireVersion instead. */
const VERSION = '7.0.0';
/** Wire version 21 is MongoDB 7.0. */
const MAX_WIRE_VERSION = 21;
const MAX_WRITE_BATCH_SIZE = 100_000;
const SESSION_TIMEOUT_MINUTES = 30;

/** `topologyVersion` is left out on purpose: the driver then polls instead of streaming. */
function handshake(ctx: CommandContext): Document {
  return {
    helloOk: true,
    ismaster: true,
    isWritablePrimary: true,
    maxBsonObjectSize: new Int32(MAX_DOCUMENT_BYTES),
    maxMessageSizeBytes: new Int32(MAX_MESSAGE_BYTES),
    maxWriteBatchSize: new Int32(MAX_WRITE_BATCH_SIZE),
    localTime: ctx.engine.now(),
    logicalSessionTimeoutMinutes: new Int32(SESSION_TIMEOUT_MINUTES),
    connectionId: new Int32(ctx.connectionId),
    minWireVersion: new Int32(0),
    maxWireVersion: new Int32(MAX_WIRE_VERSION),
    readOnly: false,
    ok: 1,
  };
}

const buildInfo = (): Document => ({
  version: VERSION,
  gitVersion: 'agentflow-embedded',
  modules: [],
  allocator: 'system',
  javascriptEngine: 'none',
  sysInfo: 'deprecated',
  versionArray: VERSION.split('.').map(Number).concat(0),
  openssl: { running: 'disabled', compiled: 'disabled' },
  bits: 64,
  debug: false,
  maxBsonObjectSize: new Int32(MAX_DOCUMENT_BYTES),
  storageEngines: ['lmdb'],
  ok: 1,
});

function serverStatus({ engine }: CommandContext): Document {
  const uptimeMs = Math.max(0, engine.now().getTime() - engine.startedAt.getTime());
  const memory = process.memoryUsage();
  return {
    host: os.hostname(),
    version: VERSION,
    process: 'agentflow-embedded-mongo',
    pid: Long.fromNumber(process.pid),
    uptime: uptimeMs / 1_000,
    uptimeMillis: Long.fromNumber(uptimeMs),
    localTime: engine.now(),
    connections: { current: engine.counters['connections'] ?? 0, available: 1_000 },
    opcounters: Object.fromEntries(
      ['insert', 'find', 'update', 'delete', 'getMore', 'aggregate', 'findAndModify'].map((name) => [
        name === 'find' ? 'query' : name.toLowerCase(),
        Long.fromNumber(engine.counters[name] ?? 0),
      ]),
    ),
    mem: { bits: 64, resident: Math.round(memory.rss / 1_048_576), virtual: 0, supported: true },
    metrics: { cursor: { open: { total: Long.fromNumber(engine.cursors.size) } } },
    transactions: { currentOpen: Long.fromNumber(engine.transactions.openCount) },
    storageEngine: { name: 'lmdb', persistent: true, readOnly: false, supportsCommittedReads: true },
    ok: 1,
  };
}

const hostInfo = (): Document => ({
  system: {
    currentTime: new Date(),
    hostname: os.hostname(),
    cpuAddrSize: 64,
    memSizeMB: Math.round(os.totalmem() / 1_048_576),
    numCores: os.cpus().length,
    cpuArch: os.arch(),
    numaEnabled: false,
  },
  os: { type: os.type(), name: os.platform(), version: os.release() },
  extra: {},
  ok: 1,
});

const PARAMETERS: Document = {
  featureCompatibilityVersion: { version: '7.0' },
  authenticationMechanisms: [],
};

function getParameter({ body }: CommandContext): Document {
  const wanted: unknown = body['getParameter'];
  const all = wanted === '*' || flagOf((wanted as Document | null)?.['allParameters']);
  const entries = Object.entries(PARAMETERS).filter(([name]) => all || name in body);
  if (entries.length === 0) {
    throw new MongoCommandError(
      'InvalidOptions',
      'no option found to get; the embedded server has: ' + Object.keys(PARAMETERS).join(', '),
    );
  }
  return { ...Object.fromEntries(entries), ok: 1 };
}

function getLog({ body }: CommandContext): Document {
  if (body['getLog'] === '*') return { names: ['global', 'startupWarnings'], ok: 1 };
  return { totalLinesWritten: 0, log: [], ok: 1 };
}

const connectionStatus = (): Document => ({
  authInfo: { authenticatedUsers: [], authenticatedUserRoles: [], authenticatedUserPrivileges: [] },
  ok: 1,
});

const any = (run: CommandSpec['run']): CommandSpec => ({ run, options: null });

export const diagnosticCommands: Record<string, CommandSpec> = {
  hello: any(handshake),
  isMaster: any(handshake),
  ismaster: any(handshake),
  ping: { run: () => ({ ok: 1 }), options: [] },
  buildInfo: any(buildInfo),
  buildinfo: any(buildInfo),
  serverStatus: any(serverStatus),
  hostInfo: any(hostInfo),
  getParameter: any(getParameter),
  getLog: any(getLog),
  getCmdLineOpts: any(() => ({ argv: ['agentflow', 'db'], parsed: {}, ok: 1 })),
  connectionStatus: any(connectionStatus),
  whatsmyuri: any(() => ({ you: 'local', ok: 1 })),
};
