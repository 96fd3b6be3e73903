import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Form, readMultipart } from '../../rest-facade/multipart';

/** Files are written side by side, so that a short one may be on disk before a long one that stands ahead of it. */
describe('the files of a form', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'af-form-'));
  const forms: Form[] = [];
  const server = http.createServer((request, response) => {
    const limits = { directory, maxFileBytes: 10_000_000, maxFiles: 50, maxTotalBytes: 100_000_000 };
    void readMultipart(request, limits).then((form) => {
      forms.push(form);
      response.end();
    });
  });
  let url: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true, force: true });
  });

  it('keep their order, so that a repeated request is the same and metadata meet their files', async () => {
    const names = ['long.md', 'b.md', 'c.md', 'd.md'];
    const send = async (): Promise<void> => {
      const form = new FormData();
      for (const name of names)
        form.append('files', new Blob(['# x'.repeat(name === 'long.md' ? 100_000 : 1)]), name);
      form.append('name', 'base');
      await fetch(url, { method: 'POST', body: form });
    };
    for (let round = 0; round < 25; round += 1) await Promise.all(Array.from({ length: 8 }, send));

    expect(forms).toHaveLength(200);
    for (const { files, fields } of forms) {
      expect(files.map(({ fileName }) => fileName)).toEqual(names);
      expect(files[0]!.size).toBe(300_000);
      expect(Object.entries(fields)).toEqual([
        ['files', ['', '', '', '']],
        ['name', 'base'],
      ]);
    }
  });
});
