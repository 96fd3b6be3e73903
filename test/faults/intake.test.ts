import { readdirSync } from 'node:fs';
import path from 'node:path';
import { BAKING, freshName, makeBase, PIRATES, sendForm, type TestFile } from '../knowledge/kit';
import { eventually, type Json, type ServerProcess } from '../testkit/server';
import { buildProgram, embeddedServer, isHangUp, temporaryFolder } from './kit';

const BASES = '/api/v1/knowledge-bases';
/** As many as one request may bring, so that a kill between two of them is certain. */
const FILES = 100;

const folder = temporaryFolder();
let server: ServerProcess;

beforeAll(async () => {
  buildProgram();
  server = await embeddedServer(folder.path);
});
afterAll(async () => {
  await server.stop('SIGKILL');
  folder.remove();
});

const manyFiles = (what: string): TestFile[] =>
  Array.from({ length: FILES }, (_, n) => ({
    name: `${what}-${n}.md`,
    content: `# ${what} ${n}\n\nNote ${n} about ${what}.\n`,
    type: 'text/markdown',
  }));

const get = async (route: string): Promise<Json> => (await server.client.rest('GET', route)).body;

/** Sends files and kills the server when it has taken some of them, then starts it again. */
async function killWhileTaking(
  route: string,
  fields: Record<string, string>,
  what: string,
  base: () => Promise<Json>,
) {
  const sent = sendForm(server.client, route, fields, manyFiles(what)).then(
    () => 'answered',
    (error: unknown) => {
      if (!isHangUp(error)) throw error;
      return 'cut off';
    },
  );
  await eventually(async () => {
    const found = await base();
    return found && (await get(`${BASES}/${found.id}/files?limit=1`)).total > 5;
  }, 'some of the files are taken');
  await server.stop('SIGKILL');
  expect(await sent).toBe('cut off');
  server = await embeddedServer(folder.path);
}

async function everyFile(id: string): Promise<Json[]> {
  const files: Json[] = [];
  for (let cursor = ''; ;) {
    const page = await get(`${BASES}/${id}/files?limit=100${cursor}`);
    files.push(...page.files);
    if (page.next_cursor === null) return files;
    cursor = `&cursor=${page.next_cursor}`;
  }
}

const settled = (id: string): Promise<Json[]> =>
  eventually(
    async () => {
      const files = await everyFile(id);
      return files.every(({ status }) => status === 'completed' || status === 'failed') && files;
    },
    'no file waits any more',
    60_000,
  );

function storedFiles(): number {
  const root = path.join(folder.path, 'files', 'agentflow');
  return readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}

it('ingests what it had taken of a new base when it is killed in between, and keeps no file that nothing knows', async () => {
  const name = freshName('killed');
  await killWhileTaking(BASES, { name }, 'tale', async () =>
    (await get(BASES)).find((one: Json) => one.name === name),
  );
  const { id } = await get(`${BASES}/${name}`);
  const files = await settled(id);
  expect(files.length).toBeGreaterThan(5);
  expect(files.length).toBeLessThan(FILES);
  await eventually(async () => (await get(`${BASES}/${id}`)).status === 'completed', 'the base is complete');
  expect(storedFiles()).toBe(files.length);
}, 120_000);

it('ingests what it had taken for a base that was there', async () => {
  const before = storedFiles();
  const { id } = await makeBase(server.client, [PIRATES, BAKING]);
  await killWhileTaking(`${BASES}/${id}/documents`, {}, 'note', () => get(`${BASES}/${id}`));
  const files = await settled(id);
  expect(files.length).toBeGreaterThan(5);
  expect(files.length).toBeLessThan(FILES + 2);
  expect(storedFiles()).toBe(before + files.length);
}, 120_000);
