import { readdirSync } from 'node:fs';
import path from 'node:path';
import { makeBase, type TestFile } from '../knowledge/kit';
import { eventually, type ServerProcess } from '../testkit/server';
import { buildProgram, embeddedServer, isHangUp, temporaryFolder } from './kit';

const BASES = '/api/v1/knowledge-bases';
/** As many as one request may bring: their removal takes long enough to be interrupted. */
const FILES = 100;

const folder = temporaryFolder();
let server: ServerProcess;

beforeAll(buildProgram);
afterAll(async () => {
  await server.stop('SIGKILL');
  folder.remove();
});

const storedFiles = (): number =>
  readdirSync(path.join(folder.path, 'files', 'agentflow'), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile(),
  ).length;

it('finishes the deletion of a knowledge base that SIGKILL interrupted', async () => {
  server = await embeddedServer(folder.path);
  const notes = Array.from({ length: FILES }, (_, n): TestFile => ({
    name: `note-${n}.md`,
    content: `# Note ${n}\n\nThe text of note ${n}.\n`,
  }));
  const { id } = await makeBase(server.client, notes);
  expect(storedFiles()).toBe(FILES);

  const deletion = server.client.rest('DELETE', `${BASES}/${id}`).catch((error: unknown) => {
    if (!isHangUp(error)) throw error;
  });
  while (storedFiles() === FILES) await new Promise(setImmediate);
  await server.stop('SIGKILL');
  expect(await deletion).toBeUndefined();
  expect(storedFiles()).toBeGreaterThan(0);

  server = await embeddedServer(folder.path);
  expect((await server.client.rest('GET', `${BASES}/${id}`)).status).toBe(404);
  await eventually(async () => storedFiles() === 0, 'every file is removed', 30_000);
}, 120_000);
