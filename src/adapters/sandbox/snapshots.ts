import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../ports/logger';
import { Member } from './member';
import { temporaryFolder } from './temporary';

const MAKE_SNAPSHOT_MS = 60_000;

/** The memory of a started Python interpreter: a process that begins with it is ready in a fraction of a second. */
export class Snapshots {
  private made: Promise<string> | undefined;
  private temporary: string | undefined;

  constructor(private readonly options: { logger: Logger; directory?: string }) {}

  /** Path of the snapshot, made when it is not there; '' when it cannot be made, which only costs time. */
  file(): Promise<string> {
    this.made ??= this.make().catch((error: unknown) => {
      this.options.logger.warn(
        { err: error },
        'no snapshot of the Python interpreter; processes start slowly',
      );
      return '';
    });
    return this.made;
  }

  async remove(): Promise<void> {
    await this.made;
    if (this.temporary !== undefined) rmSync(this.temporary, { recursive: true, force: true });
    this.temporary = undefined;
  }

  private async make(): Promise<string> {
    const directory = this.directory();
    const path = join(directory, `python-${recipe()}.snapshot`);
    if (existsSync(path)) return path;
    const maker = new Member({ language: 'python', snapshot: 'make', now: Date.now, onEnd: () => undefined });
    const timer = setTimeout(() => maker.kill(), MAKE_SNAPSHOT_MS);
    try {
      const { snapshot } = (await maker.ready) as { snapshot: Uint8Array };
      const unfinished = `${path}.${process.pid}.tmp`;
      writeFileSync(unfinished, snapshot, { mode: 0o600 });
      removeOthers(directory, unfinished);
      renameSync(unfinished, path);
      return path;
    } finally {
      clearTimeout(timer);
      maker.kill();
    }
  }

  private directory(): string {
    const { directory } = this.options;
    if (directory === undefined) return (this.temporary = temporaryFolder('snapshot'));
    mkdirSync(directory, { recursive: true });
    return directory;
  }
}

/** Snapshots of earlier versions are of no use to anybody. */
function removeOthers(directory: string, except: string): void {
  for (const name of readdirSync(directory))
    if (/^python-\w+\.snapshot(?:\.\d+\.tmp)?$/.test(name) && join(directory, name) !== except)
      rmSync(join(directory, name), { force: true });
}

/** A snapshot fits only the interpreter, the harness and the platform it was made with. */
function recipe(): string {
  const { version } = JSON.parse(readFileSync(require.resolve('pyodide/package.json'), 'utf8')) as {
    version: string;
  };
  return createHash('sha256')
    .update(`${version} ${process.version} ${process.arch}`)
    .update(readFileSync(require.resolve('moment-timezone/data/packed/latest.json')))
    .update(readFileSync(join(__dirname, 'zones.cjs')))
    .update(readFileSync(join(__dirname, 'zones.py')))
    .update(readFileSync(join(__dirname, 'annotations.py')))
    .update(readFileSync(join(__dirname, 'harness.py')))
    .digest('hex')
    .slice(0, 16);
}
