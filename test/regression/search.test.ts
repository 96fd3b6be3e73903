import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { finished, makeBase, sendForm, type TestFile } from '../knowledge/kit';
import { type Json, startTestServer, type TestServer } from '../testkit/server';

const BASES = '/api/v1/knowledge-bases';
const INPUTS = path.join(__dirname, 'inputs', 'search');
const input = (name: string): TestFile => ({ name, content: readFileSync(path.join(INPUTS, name)) });

const FILES: TestFile[] = [
  input('korean.md'),
  input('soft-hyphen.html'),
  { name: 'cat.txt', content: '黒い猫が公園で寝ている。' },
  { name: 'street.txt', content: 'Die Straße nach Łódź ist gesperrt.' },
  { name: 'cpp.txt', content: 'Our engine is written in C++ and nothing else.' },
  { name: 'c.txt', content: 'Our kernel is written in C and nothing else.' },
  { name: 'dotnet.txt', content: 'The services run on .NET in containers.' },
  { name: 'hamlet.txt', content: 'To be, or not to be' },
  { name: 'party.txt', content: 'Hooray, a release 🎉' },
];

let server: TestServer;
let base: Json;
const dataDir = mkdtempSync(path.join(tmpdir(), 'af-search-'));
const start = (): Promise<TestServer> =>
  startTestServer({ AGENTFLOW_DATA_DIR: dataDir, AGENTFLOW_DB_PREFIX: `search${process.pid}` });

beforeAll(async () => {
  server = await start();
  base = await makeBase(server.dev, FILES);
});
afterAll(async () => {
  await server.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const search = async (query: string, fields: object = {}): Promise<Json> => {
  const { status, body } = await server.dev.rest('POST', `${BASES}/${base.id}/search`, {
    query,
    search_type: 'keyword',
    ...fields,
  });
  expect([status, body]).toEqual([200, expect.anything()]);
  return body;
};
const filesOf = (answer: Json): string[] => answer.documents.map((one: Json) => one.source_file);

describe('a keyword search', () => {
  it.each([
    ['학교', 'korean.md'],
    ['서울', 'korean.md'],
    ['猫', 'cat.txt'],
    ['公', 'cat.txt'],
    ['Grundstücksverkehrsgenehmigung', 'soft-hyphen.html'],
    ['STRASSE', 'street.txt'],
    ['lodz', 'street.txt'],
    ['C++', 'cpp.txt'],
    ['C', 'c.txt'],
    ['.NET', 'dotnet.txt'],
    ['🎉', 'party.txt'],
  ])('for %s finds %s alone, and marks the sentence as it was written', async (query, file) => {
    const answer = await search(query);
    expect(filesOf(answer)).toEqual([file]);
    const [{ content, highlights }] = answer.documents;
    expect(highlights).toHaveLength(1);
    expect(content.slice(highlights[0].start, highlights[0].end)).toBe(highlights[0].text);
  });

  it('for stop words only finds those that are in a text, the best first', async () => {
    expect(filesOf(await search('to be or not to be'))[0]).toBe('hamlet.txt');
  });

  it('for signs only says that there is nothing to search for', async () => {
    const { documents, search_metadata: metadata } = await search('?! ...');
    expect(documents).toEqual([]);
    expect(metadata.notes).toEqual([expect.stringContaining('no word to search for')]);
    const hybrid = await search('?! ...', { search_type: 'hybrid' });
    expect(hybrid.search_metadata.notes).toEqual([expect.stringContaining('by meaning alone')]);
  });
});

describe('a filter of a search', () => {
  it.each<[string, object]>([
    ['a name', { file_name: 'cat.txt' }],
    ['a part of a name', { file_name: { contains: 'KOREAN' } }],
    ['a title', { title: { contains: 'hamlet' } }],
    ['a content type', { content_type: 'text/html' }],
    ['bytes', { bytes: { lt: 40 } }],
    ['a status', { status: 'completed' }],
    ['a status that nothing has', { status: 'failed' }],
    ['a time', { created_at: { gte: '2020-01-01T00:00:00Z' } }],
    ['a time that is still to come', { created_at: { gt: '2999-01-01T00:00:00Z' } }],
    ['a format', { format: { ne: 'text' } }],
    ['several', { or: [{ file_name: 'c.txt' }, { not: { content_type: { contains: 'plain' } } }] }],
  ])('by %s means what it means for documents', async (_name, filter) => {
    const route = `${BASES}/${base.id}/documents/filter`;
    const { status, body } = await server.dev.rest('POST', route, { metadata_filters: filter, limit: 100 });
    expect([status, body]).toEqual([200, expect.anything()]);
    const rows: Json[] = Array.isArray(body) ? body : (body.documents ?? body.items);
    const expected = rows.map((one) => one.file_name).sort();
    const answer = await search('any', { search_type: 'semantic', metadata_filters: filter, limit: 100 });
    expect(filesOf(answer).sort()).toEqual(expected);
    expect(answer.search_metadata.notes).toEqual([]);
  });

  it('knows every field that metadata-schema names', async () => {
    const { body } = await server.dev.rest('GET', `${BASES}/${base.id}/metadata-schema`);
    const names: string[] = (body.fields ?? body).map((one: Json) => one.name);
    expect(names).toEqual(expect.arrayContaining(['file_name', 'title', 'content_type', 'bytes', 'status']));
    const filter = { and: names.map((name) => ({ [name]: { exists: true } })) };
    const answer = await search('written', { metadata_filters: filter });
    expect(answer.search_metadata.notes).toEqual([]);
  });

  it('says which field no document has', async () => {
    const answer = await search('written', { metadata_filters: { colour: 'blue' } });
    expect(answer.documents).toEqual([]);
    expect(answer.search_metadata.notes).toEqual([expect.stringContaining('colour')]);
  });
});

describe('an index that an earlier version wrote', () => {
  it('is built again from the database, with documents that come meanwhile', async () => {
    await server.application.close();
    const folder = path.join(dataDir, 'search');
    const logs = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((one) =>
      one.endsWith('.chunks'),
    );
    expect(logs).not.toEqual([]);
    for (const one of logs) {
      const file = openSync(path.join(folder, one), 'r+');
      writeSync(file, 'AGENTFLOW1-00002', 0, 'latin1');
      closeSync(file);
    }
    server = await start();
    const route = `${BASES}/${base.id}/documents`;
    const more = { name: 'new.txt', content: '서울역' };
    const added = await sendForm(server.dev, route, {}, [more]);
    await finished(server.dev, added.body.job_id);
    expect(filesOf(await search('서울')).sort()).toEqual(['korean.md', 'new.txt']);
    expect(
      filesOf(await search('any', { metadata_filters: { file_name: 'c.txt' }, search_type: 'semantic' })),
    ).toEqual(['c.txt']);
  });
});
