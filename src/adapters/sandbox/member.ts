import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SandboxLanguage } from '../../ports/sandbox';

/** JavaScript heap of the process around the interpreter, MiB; the interpreter's own memory is limited inside. */
const HEAP_MIB = 192;

export class MemberLost extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MemberLost';
  }
}

interface Reply {
  id: number;
  value?: unknown;
  broken?: string;
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/** One sandbox process. It does one thing at a time; once it has run code it belongs to the tool whose code that was. */
export class Member {
  /** What it ran last: of another tool it never runs anything. */
  key: string | undefined;
  calls = 0;
  lastUsed = Date.now();
  readonly ready: Promise<unknown>;
  private readonly child: ChildProcess;
  private readonly directory: string;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  private ended = false;

  /** @param snapshot file with the interpreter's memory after its start, `make` to make one, '' for a start from nothing */
  constructor(
    readonly language: SandboxLanguage,
    snapshot: string,
    private readonly onEnd: (member: Member) => void,
  ) {
    this.directory = mkdtempSync(join(tmpdir(), 'agentflow-sandbox-'));
    this.child = fork(join(__dirname, 'child.cjs'), [language, snapshot], {
      cwd: this.directory,
      // Nothing of this process's environment, descriptors or flags reaches the child.
      env: {},
      execArgv: flags(snapshot),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    this.ready = this.wait(this.nextId++);
    this.ready.catch(() => undefined);
    this.child.on('message', (reply: Reply) => this.receive(reply));
    this.child.on('error', (error) => this.end(`could not be started: ${error.message}`));
    this.child.on('exit', (code, signal) => this.end(`ended with ${signal ?? `code ${code}`}`));
    // A sandbox that idles must not keep the server's process alive.
    this.child.unref();
    this.child.channel?.unref();
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
    this.lastUsed = Date.now();
    this.child.channel?.ref();
    try {
      this.child.send({ id, action, ...request }, (error) => {
        if (error) this.end(`cannot be reached: ${error.message}`);
      });
      return (await answer) as T;
    } finally {
      this.lastUsed = Date.now();
      if (this.waiting.size === 0) this.child.channel?.unref();
    }
  }

  kill(): void {
    this.child.kill('SIGKILL');
    this.end('was stopped');
  }

  private wait(id: number): Promise<unknown> {
    if (this.ended) return Promise.reject(new MemberLost('The sandbox process is gone.'));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  private receive({ id, value, broken }: Reply): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (broken === undefined) waiting?.resolve(value);
    else waiting?.reject(new MemberLost(broken));
  }

  private end(how: string): void {
    if (this.ended) return;
    this.ended = true;
    for (const { reject } of this.waiting.values()) reject(new MemberLost(`The sandbox process ${how}.`));
    this.waiting.clear();
    rmSync(this.directory, { recursive: true, force: true });
    this.onEnd(this);
  }
}

/** Node's permission model, where this version has it: no files but the interpreter's own, no processes, no add-ons. */
function flags(snapshot: string): string[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const permission = major > 23 || (major === 23 && minor >= 5) || (major === 22 && minor >= 13);
  const packages = dirname(dirname(require.resolve('pyodide/package.json')));
  const readable = [
    __dirname,
    ...PACKAGES.map((name) => join(packages, name)),
    ...(snapshot === '' || snapshot === 'make' ? [] : [snapshot]),
  ];
  return [
    permission ? '--permission' : '--experimental-permission',
    ...readable.map((path) => `--allow-fs-read=${path}`),
    '--allow-worker',
    '--disallow-code-generation-from-strings',
    '--no-warnings',
    `--max-old-space-size=${HEAP_MIB}`,
  ];
}

const PACKAGES = ['pyodide', 'quickjs-emscripten', 'quickjs-emscripten-core', '@jitl'];
