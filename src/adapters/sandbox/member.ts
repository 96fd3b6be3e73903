import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync, realpathSync, rmSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import type { SandboxLanguage } from '../../ports/sandbox';
import { temporaryFolder } from './temporary';

/** JavaScript heap of the process around the interpreter, MiB; the interpreter's own memory is limited inside. */
const HEAP_MIB = 192;
/** Half of the usual stack of a process; V8's own default is a fraction of it, too little for recursion in an interpreter. */
const STACK_KIB = 3_900;
const PAGE_BYTES = 4096;

/** The process ended, or its interpreter broke, before there was an answer. */
export class MemberLost extends Error {
  /** @param reason name of the error that broke the interpreter, when it could still tell */
  constructor(
    message: string,
    readonly reason: string | null = null,
  ) {
    super(message);
    this.name = 'MemberLost';
  }
}

interface Reply {
  id: number;
  value?: unknown;
  spent?: boolean;
  broken?: { type: string; message: string };
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

export interface MemberOptions {
  language: SandboxLanguage;
  /** File with the interpreter's memory after its start, `make` to make one, '' for a start from nothing. */
  snapshot: string;
  now: () => number;
  onEnd: (member: Member) => void;
}

/** One sandbox process. It does one thing at a time. */
export class Member {
  calls = 0;
  /** What ran left something behind that cannot be put back: it must not run anything again. */
  spent = false;
  lastUsed: number;
  readonly language: SandboxLanguage;
  readonly ready: Promise<unknown>;
  private readonly child: ChildProcess;
  private readonly directory: string;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  private ended = false;

  constructor(private readonly options: MemberOptions) {
    this.language = options.language;
    this.lastUsed = options.now();
    this.directory = temporaryFolder('sandbox');
    this.child = fork(
      join(realpathSync(__dirname), 'child.cjs'),
      [options.language, String(process.pid), options.snapshot, packagesFolder()],
      {
        cwd: this.directory,
        // Nothing of this process's environment, descriptors or flags reaches the child.
        env: {},
        execArgv: flags(options.snapshot),
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        serialization: 'advanced',
      },
    );
    this.yieldToServer();
    this.ready = this.wait(this.nextId++);
    this.ready.catch(() => undefined);
    this.child.on('message', (reply: Reply) => this.receive(reply));
    this.child.on('error', (error) => this.end(`could not be started: ${error.message}`));
    this.child.on('exit', (code, signal) => this.end(`ended with ${signal ?? `code ${code}`}`));
    // A sandbox that idles must not keep the server's process alive; `wait` holds it while somebody asks.
    this.child.unref();
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get alive(): boolean {
    return !this.ended;
  }

  /** @throws MemberLost when the process ends before it answers */
  async ask<T>(action: 'run' | 'inspect', request: object): Promise<T> {
    await this.ready;
    const id = this.nextId++;
    const answer = this.wait(id);
    this.lastUsed = this.options.now();
    this.child.send({ id, action, ...request }, (error) => {
      if (error) this.end(`cannot be reached: ${error.message}`);
    });
    try {
      return (await answer) as T;
    } finally {
      this.lastUsed = this.options.now();
    }
  }

  kill(): void {
    this.child.kill('SIGKILL');
    this.end('was stopped');
  }

  /** Resident memory, bytes; null where the system does not tell (only Linux does, cheaply). */
  residentBytes(): number | null {
    if (process.platform !== 'linux' || this.ended) return null;
    try {
      const [, pages] = readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ');
      return Number(pages) * PAGE_BYTES;
    } catch {
      return null; // it has just ended, which its own event reports
    }
  }

  /** Foreign code that burns a processor gets what the server leaves. */
  private yieldToServer(): void {
    if (this.child.pid === undefined) return;
    try {
      setPriority(this.child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      return; // some systems do not allow it; the limits hold without
    }
  }

  private wait(id: number): Promise<unknown> {
    if (this.ended) return Promise.reject(new MemberLost('The sandbox process is gone.'));
    this.child.channel?.ref();
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  private receive({ id, value, spent, broken }: Reply): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    this.spent ||= spent === true;
    if (this.waiting.size === 0) this.child.channel?.unref();
    if (broken === undefined) waiting?.resolve(value);
    else {
      waiting?.reject(new MemberLost(broken.message, broken.type));
      this.kill();
    }
  }

  private end(how: string): void {
    if (this.ended) return;
    this.ended = true;
    for (const { reject } of this.waiting.values()) reject(new MemberLost(`The sandbox process ${how}.`));
    this.waiting.clear();
    rmSync(this.directory, { recursive: true, force: true });
    this.options.onEnd(this);
  }
}

/** Node's permission model, where this version has it: no files but the interpreter's own, no processes, no add-ons. */
function flags(snapshot: string): string[] {
  const [major = 0, minor = 0, patch = 0] = process.versions.node.split('.').map(Number);
  const permission = major > 23 || (major === 23 && minor >= 5) || (major === 22 && minor >= 13);
  // Before 20.19.5 Node finds a package only where it may read the whole of `node_modules`.
  const findsPackages = major > 20 || minor > 19 || patch >= 5;
  const readable = [
    realpathSync(__dirname),
    ...(findsPackages ? PACKAGES.map((name) => join(packagesFolder(), name)) : [packagesFolder()]),
    ...(snapshot === '' || snapshot === 'make' ? [] : [snapshot]),
  ];
  return [
    permission ? '--permission' : '--experimental-permission',
    ...readable.map((path) => `--allow-fs-read=${path}`),
    '--allow-worker',
    '--disallow-code-generation-from-strings',
    '--no-warnings',
    `--max-old-space-size=${HEAP_MIB}`,
    `--stack-size=${STACK_KIB}`,
  ];
}

/** Links resolved. */
const packagesFolder = (): string => dirname(dirname(require.resolve('pyodide/package.json')));

const PACKAGES = [
  'pyodide',
  'moment-timezone',
  'quickjs-emscripten',
  'quickjs-emscripten-core',
  '@jitl',
  'acorn',
];
