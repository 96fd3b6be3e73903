import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { DiskStorage } from '../../src/adapters/disk';
import { S3Storage } from '../../src/adapters/s3';
import type { FileStorage } from '../../src/ports/files';
import { S3_CREDENTIALS, startS3Stub, type S3Stub } from './s3-stub';

const MEBIBYTE = 1024 * 1024;
const UNKNOWN = '01890000-0000-4000-8000-000000000000';

interface Setup {
  storage: FileStorage;
  /** Names of everything that is kept, in whatever form. */
  kept(): Promise<string[]>;
  unknownKey: string;
  close(): Promise<void>;
}

async function onDisk(): Promise<Setup> {
  const folder = await mkdtemp(join(tmpdir(), 'agentflow-files-'));
  return {
    storage: new DiskStorage(folder),
    kept: async () =>
      (await readdir(folder, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map(({ name }) => name),
    unknownKey: `acme/01/${UNKNOWN}`,
    close: () => rm(folder, { recursive: true }),
  };
}

let stub: S3Stub;

async function onS3(): Promise<Setup> {
  stub = await startS3Stub();
  const storage = new S3Storage({
    endpoint: stub.url,
    region: 'eu-test-1',
    bucket: 'files',
    credentials: S3_CREDENTIALS,
    forcePathStyle: true,
  });
  return {
    storage,
    kept: () => Promise.resolve([...stub.objects.keys(), ...stub.openUploads.keys()]),
    unknownKey: `acme/${UNKNOWN}`,
    close: async () => {
      await stub.close();
      expect(stub.complaints).toEqual([]);
    },
  };
}

describe.each([
  ['disk', onDisk],
  ['s3', onS3],
] as const)('file storage: %s', (kind, start) => {
  let setup: Setup;
  let storage: FileStorage;
  beforeEach(async () => {
    setup = await start();
    ({ storage } = setup);
  });
  afterEach(() => setup.close());

  const put = (bytes: Buffer, maxBytes = 20 * MEBIBYTE, tenant = 'acme') =>
    storage.put(Readable.from(chunked(bytes)), { tenant, maxBytes });

  it('stores under a key that the caller recorded before, and under none of another tenant', async () => {
    const key = storage.newKey('acme');
    expect(await storage.stat(key)).toBeNull();
    const bytes = (): Readable => Readable.from([Buffer.from('known')]);
    expect((await storage.put(bytes(), { tenant: 'acme', maxBytes: 10, key })).key).toBe(key);
    expect((await buffer(await storage.get(key))).toString()).toBe('known');
    await expect(storage.put(bytes(), { tenant: 'other', maxBytes: 10, key })).rejects.toThrow('no key of');
    expect(await setup.kept()).toHaveLength(1);
  });

  it.each([0, 1, 70_000, 12 * MEBIBYTE])(
    'gives %d bytes back as they were, with their hash',
    async (length) => {
      const bytes = randomBytes(length);
      const stored = await put(bytes);
      expect(stored).toEqual({
        key: expect.stringMatching(/^acme\//),
        bytes: length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      });
      expect((await buffer(await storage.get(stored.key))).equals(bytes)).toBe(true);
      expect(await storage.stat(stored.key)).toEqual({ bytes: length });
      expect(storage.kind).toBe(kind);
    },
  );

  it('gives a range of the bytes', async () => {
    const { key } = await put(Buffer.from('0123456789'));
    expect((await buffer(await storage.get(key, { start: 2, end: 5 }))).toString()).toBe('2345');
    expect((await buffer(await storage.get(key, { start: 9, end: 9 }))).toString()).toBe('9');
  });

  it('keeps nothing of a file that is larger than allowed', async () => {
    await expect(put(randomBytes(7 * MEBIBYTE), 6 * MEBIBYTE)).rejects.toMatchObject({
      code: 'payload_too_large',
    });
    expect(await setup.kept()).toEqual([]);
    await expect(put(Buffer.alloc(10), 10)).resolves.toMatchObject({ bytes: 10 });
  });

  it('keeps nothing of a stream that breaks off', async () => {
    const broken = Readable.from(
      (function* () {
        yield randomBytes(6 * MEBIBYTE);
        throw new Error('connection lost');
      })(),
    );
    await expect(storage.put(broken, { tenant: 'acme', maxBytes: 20 * MEBIBYTE })).rejects.toThrow();
    expect(await setup.kept()).toEqual([]);
  });

  it('keeps nothing when the caller aborts', async () => {
    const abort = new AbortController();
    const endless = Readable.from(
      (function* () {
        for (let index = 0; ; index++) {
          if (index === 3) abort.abort(new Error('enough'));
          yield randomBytes(MEBIBYTE);
        }
      })(),
    );
    const storing = storage.put(endless, { tenant: 'acme', maxBytes: 100 * MEBIBYTE, signal: abort.signal });
    await expect(storing).rejects.toThrow('enough');
    expect(await setup.kept()).toEqual([]);
  });

  it('removes a file once', async () => {
    const { key } = await put(Buffer.from('x'));
    expect(await storage.remove(key)).toBe(true);
    expect(await storage.remove(key)).toBe(false);
    expect(await storage.stat(key)).toBeNull();
    await expect(storage.get(key)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('knows no file under keys that it did not make', async () => {
    for (const key of [setup.unknownKey, '', '../../etc/passwd', 'acme/../../x', '/etc/passwd', 'acme\0']) {
      expect(await storage.stat(key)).toBeNull();
      expect(await storage.remove(key)).toBe(false);
      await expect(storage.get(key)).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it('gives equal files of two tenants keys of their own', async () => {
    const [first, second] = await Promise.all([put(Buffer.from('x')), put(Buffer.from('x'), 10, 'other')]);
    expect(first.key.split('/')[0]).toBe('acme');
    expect(second.key.split('/')[0]).toBe('other');
    await storage.remove(first.key);
    expect(await storage.stat(second.key)).toEqual({ bytes: 1 });
  });
});

function* chunked(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += 65_536) yield bytes.subarray(from, from + 65_536);
}

describe('a folder', () => {
  it('loses what a process that died left half written, and nothing that is on its way', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agentflow-files-'));
    const partial = join(folder, '.partial');
    await mkdir(partial);
    await writeFile(join(partial, 'old'), 'x');
    await utimes(join(partial, 'old'), new Date(0), new Date(0));
    await writeFile(join(partial, 'new'), 'x');
    const storage = new DiskStorage(folder);
    expect(await storage.sweep(new Date(1_000))).toBe(1);
    expect(await readdir(partial)).toEqual(['new']);
    expect(await new DiskStorage(join(folder, 'nowhere')).sweep(new Date())).toBe(0);
    await rm(folder, { recursive: true });
  });

  it('that cannot be written is an error and not a lost file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agentflow-files-'));
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(
      new DiskStorage(file).put(Readable.from(['x']), { tenant: 'acme', maxBytes: 10 }),
    ).rejects.toThrow(/ENOTDIR/);
    await rm(folder, { recursive: true });
  });
});

describe('an object storage', () => {
  it('that fails is named as the one that failed', async () => {
    const { storage, close } = await onS3();
    const { key } = await storage.put(Readable.from([Buffer.from('x')]), { tenant: 'acme', maxBytes: 10 });
    stub.failWith.status = 403;
    await expect(storage.get(key)).rejects.toMatchObject({
      code: 'provider_error',
      message: expect.stringContaining('403'),
    });
    await close();
    await expect(storage.stat(key)).rejects.toMatchObject({ code: 'provider_error' });
  });
});
