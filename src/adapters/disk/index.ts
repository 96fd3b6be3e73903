import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { DomainError, notFound } from '../../errors';
import type { ByteRange, FileStorage, PutOptions, StoredFile } from '../../ports/files';

/** Keys are made here; any other text never reaches the file system. */
const KEY = /^[a-z0-9][a-z0-9-]{0,62}\/[0-9a-f]{2}\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Files that are on their way in; no tenant's name begins with a dot. */
const PARTIAL = '.partial';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * Files in a folder, `<tenant>/<two digits>/<uuid>`.
 * A file is written in a folder beside, synced and renamed: a crash leaves the whole file in its place or none.
 */
export class DiskStorage implements FileStorage {
  readonly kind = 'disk';

  constructor(private readonly folder: string) {}

  newKey(tenant: string): string {
    const id = randomUUID();
    return `${tenant}/${id.slice(0, 2)}/${id}`;
  }

  async put(stream: Readable, { tenant, maxBytes, signal, ...given }: PutOptions): Promise<StoredFile> {
    const key = given.key ?? this.newKey(tenant);
    const path = this.pathOf(key);
    if (path === null || !key.startsWith(`${tenant}/`)) throw new Error(`${key} is no key of ${tenant}.`);
    const partial = join(this.folder, PARTIAL, basename(path));
    try {
      const file = await inFolderOf(partial, () => open(partial, 'wx', 0o600));
      const written = await write(stream, file, maxBytes, signal);
      await inFolderOf(path, () => rename(partial, path));
      await syncFolder(dirname(path));
      return { key, ...written };
    } catch (error) {
      stream.destroy();
      await rm(partial, { force: true });
      throw explained(error);
    }
  }

  /** Removes what a process that died left half written. */
  async sweep(before: Date): Promise<number> {
    return sweepFolder(join(this.folder, PARTIAL), before);
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    const path = this.pathOf(key);
    const handle = path && (await open(path, 'r').catch(ifMissing));
    if (!handle) throw notFound('File', key);
    // Opened before it is answered: a file that is removed in the meantime is still read to its end.
    return createReadStream('', { fd: handle, start: range?.start, end: range?.end });
  }

  async remove(key: string): Promise<boolean> {
    const path = this.pathOf(key);
    if (path === null || !(await stat(path).catch(ifMissing))) return false;
    await rm(path, { force: true });
    return true;
  }

  async stat(key: string): Promise<{ bytes: number } | null> {
    const path = this.pathOf(key);
    const found = path && (await stat(path).catch(ifMissing));
    return found ? { bytes: found.size } : null;
  }

  private pathOf(key: string): string | null {
    return KEY.test(key) ? join(this.folder, key) : null;
  }
}

/** Removes files of a folder that were last written before `before`. @returns how many there were */
export async function sweepFolder(folder: string, before: Date): Promise<number> {
  const names = (await readdir(folder).catch(ifMissing)) ?? [];
  let removed = 0;
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(ifMissing);
    if (!found?.isFile() || found.mtime >= before) continue;
    await rm(path, { force: true });
    removed++;
  }
  return removed;
}

function ifMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}

/** Most folders are there: one is made when it turns out to be missing. */
async function inFolderOf<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return act();
  }
}

async function write(
  stream: Readable,
  file: FileHandle,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Omit<StoredFile, 'key'>> {
  const hash = createHash('sha256');
  try {
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      hash.update(chunk);
      await writeAll(file, chunk);
    }
    await file.sync();
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let from = 0; from < chunk.length;)
    from += (await file.write(chunk, from, chunk.length - from)).bytesWritten;
}

/** The rename is on disk only when its folder is; systems that cannot sync folders do without. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  try {
    await handle?.sync();
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle?.close();
  }
}

export const tooLarge = (maxBytes: number): DomainError =>
  new DomainError('payload_too_large', `The file is larger than ${maxBytes} bytes.`, {
    extra: { max_bytes: maxBytes },
  });

function explained(error: unknown): unknown {
  if (!FULL.has((error as NodeJS.ErrnoException).code ?? '')) return error;
  return new DomainError('storage_full', 'There is no room left to store the file.', { cause: error });
}
