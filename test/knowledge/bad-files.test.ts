import { docx, pdf, zip } from '../documents/samples';
import { expectProblem } from '../testkit/contract';
import { type Json, startTestServer, type TestServer } from '../testkit/server';
import { BAKING, finished, freshName, makeBase, PIRATES, sendForm, type TestFile } from './kit';

const BASES = '/api/v1/knowledge-bases';
const MEBIBYTE = 1024 * 1024;
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const get = async (route: string): Promise<Json> => (await server.dev.rest('GET', route)).body;

const search = async (id: string, query: string, fields: object = {}): Promise<Json[]> => {
  const answer = await server.dev.rest('POST', `${BASES}/${id}/search`, { query, ...fields });
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status: 200 });
  return answer.body.documents;
};

/** Makes a base of a good file and these. @returns its id and the file rows of its job by name */
async function ingest(files: TestFile[], fields: Record<string, string> = {}): Promise<Json> {
  const answer = await sendForm(server.dev, BASES, { name: freshName('files'), ...fields }, [
    PIRATES,
    ...files,
  ]);
  expect([201, 202]).toContain(answer.status);
  const job = await finished(server.dev, answer.body.job_id);
  const rows = Object.fromEntries(job.files.map((row: Json) => [row.file_name, row]));
  expect(rows[PIRATES.name]).toMatchObject({ status: 'completed' });
  return { id: answer.body.id, job, rows };
}

/** 60 MB of zeros in some kilobytes of archive. */
const bomb = (): Uint8Array => docx({ extra: { 'word/bomb.xml': new Uint8Array(60 * MEBIBYTE) } });

const utf16 = (text: string): Uint8Array =>
  Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);

describe('files that cannot be read', () => {
  it('fail one by one with a reason that a person understands, and the others go on', async () => {
    const files: [TestFile, RegExp][] = [
      [{ name: 'empty.md', content: '' }, /empty/i],
      [{ name: 'blank.txt', content: ' \n\t\n' }, /empty|no text/i],
      [{ name: 'no-pages.pdf', content: pdf([]) }, /no (?:text|pages)/i],
      [{ name: 'locked.pdf', content: pdf(['Secret'], { encrypt: true }) }, /password/i],
      [{ name: 'bomb.docx', content: bomb() }, /unpacks|too large|larger/i],
      [{ name: 'torn.docx', content: docx().slice(0, 300) }, /damaged/i],
      [{ name: 'archive.docx', content: zip({ 'a.txt': 'x' }) }, /./],
      [
        {
          name: 'wrong.pdf',
          content: Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]),
        },
        /something else/,
      ],
    ];
    const { id, job, rows } = await ingest(files.map(([file]) => file));
    expect(job).toMatchObject({
      status: 'completed',
      request_counts: { total: files.length + 1, completed: 1, failed: files.length },
    });
    for (const [{ name }, reason] of files) {
      expect({ name, status: rows[name].status }).toEqual({ name, status: 'failed' });
      expect(rows[name].error).toMatch(reason);
      expect(rows[name].error).not.toMatch(/Error:|\bat \/|undefined|node_modules/);
    }
    const shown = (await get(`${BASES}/${id}/files`)).files;
    expect(shown.filter((file: Json) => file.status === 'failed')).toHaveLength(files.length);
    expect((await search(id, 'gold'))[0]).toMatchObject({ source_file: PIRATES.name });
    expect(await get(`${BASES}/${id}`)).toMatchObject({ status: 'completed' });
  }, 60_000);

  it('fail the base where there is no other', async () => {
    const answer = await sendForm(server.dev, BASES, { name: freshName('failed') }, [
      { name: 'locked.pdf', content: pdf(['Secret'], { encrypt: true }) },
    ]);
    const job = await finished(server.dev, answer.body.job_id);
    expect(job).toMatchObject({ status: 'failed', error: expect.any(String) });
    expect(await get(`${BASES}/${answer.body.id}`)).toMatchObject({ status: 'failed', chunk_count: 0 });
  });

  it('of 60 MB are refused with 413, nothing is made, and the connection lives', async () => {
    const name = freshName('large');
    const large = { name: 'large.txt', content: new Uint8Array(60 * MEBIBYTE).fill(97) };
    const before = (await get(BASES)).length;
    expectProblem(await sendForm(server.dev, BASES, { name }, [large]), 413, 'payload_too_large');
    const { id } = await makeBase(server.dev, [BAKING]);
    expectProblem(
      await sendForm(server.dev, `${BASES}/${id}/documents`, {}, [PIRATES, large]),
      413,
      'payload_too_large',
    );
    expect((await get(BASES)).length).toBe(before + 1);
    expect((await get(`${BASES}/${id}/files`)).total).toBe(1);
  }, 60_000);
});

describe('files under a wrong name', () => {
  it('are taken for what their bytes are', async () => {
    const { id, rows } = await ingest([
      { name: 'report.txt', content: pdf(['The turbine hall was repainted in May.']) },
      { name: 'letter.pdf', content: docx() },
    ]);
    expect(rows['report.txt']).toMatchObject({ status: 'completed' });
    expect(rows['letter.pdf']).toMatchObject({ status: 'completed' });
    expect((await search(id, 'turbine hall'))[0]).toMatchObject({
      source_file: 'report.txt',
      metadata: { format: 'pdf' },
    });
  });
});

describe('texts of all kinds', () => {
  it.each([
    ['UTF-16 with its mark', utf16('Der Zeppelin landete in Köln.'), 'Zeppelin Köln', 'Köln'],
    ['Arabic', 'كانت السفينة الزرقاء ترسو في ميناء الإسكندرية.', 'السفينة ميناء', 'الإسكندرية'],
    ['Hebrew', 'הספרייה הגדולה נמצאת ליד הנהר.', 'הספרייה', 'הנהר'],
    ['Chinese', '上海的图书馆每天早上九点开门。', '图书馆', '上海'],
    ['Japanese', '京都の古い寺院では毎朝鐘が鳴ります。', '寺院', '京都'],
    ['Korean', '부산 항구에는 매일 아침 배가 들어옵니다.', '항구에는 아침', '부산'],
  ])('are found by their words: %s', async (_, content, query, part) => {
    const { id, rows } = await ingest([{ name: 'text.txt', content, type: 'text/plain' }]);
    expect(rows['text.txt']).toMatchObject({ status: 'completed' });
    const [first] = await search(id, query, { search_type: 'keyword' });
    expect(first).toMatchObject({ source_file: 'text.txt' });
    expect(first.content).toContain(part);
  });

  it('one word is a document', async () => {
    const { id, rows } = await ingest([{ name: 'word.txt', content: 'Zanzibar' }]);
    expect(rows['word.txt']).toMatchObject({ status: 'completed', chunks_total: 1 });
    expect((await search(id, 'zanzibar'))[0]).toMatchObject({ content: 'Zanzibar' });
  });

  it('20,000 words are cut, covered without a gap, and found at their end', async () => {
    const words = Array.from({ length: 20_000 }, (_, n) => (n % 12 === 11 ? `word${n}.` : `word${n}`));
    const text = `${words.join(' ')} The last words speak of a chrysanthemum.`;
    const { id, rows } = await ingest([{ name: 'long.txt', content: text }], { chunk_size: '4000' });
    expect(rows['long.txt']).toMatchObject({ status: 'completed', error: null });
    expect(rows['long.txt'].chunks_total).toBeGreaterThan(30);
    const [first] = await search(id, 'chrysanthemum', { search_type: 'keyword' });
    expect(first).toMatchObject({ source_file: 'long.txt', chunk_index: rows['long.txt'].chunks_total - 1 });
    const documentId = rows['long.txt'].document_id;
    let covered = 0;
    for (let cursor = ''; ;) {
      const page = await get(`${BASES}/${id}/documents?limit=100&document_id=${documentId}${cursor}`);
      for (const chunk of page.documents) {
        expect(text.slice(chunk.start, chunk.end).trim()).toBe(chunk.content.trim());
        expect(text.slice(covered, Math.max(covered, chunk.start)).trim()).toBe('');
        covered = Math.max(covered, chunk.end);
      }
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(text.slice(covered).trim()).toBe('');
  }, 120_000);
});

describe('the same content twice', () => {
  it('in one request is one document', async () => {
    const { id, job } = await ingest([{ ...PIRATES, name: 'pirates-again.md' }]);
    expect(job.request_counts).toMatchObject({ total: 1, completed: 1 });
    expect((await get(`${BASES}/${id}/files`)).total).toBe(1);
  });

  it('at the same moment in two requests is one document, found once', async () => {
    const { id } = await makeBase(server.dev, [BAKING]);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => sendForm(server.dev, `${BASES}/${id}/documents`, {}, [PIRATES])),
    );
    for (const { status, body } of answers) {
      expect(status).toBe(202);
      expect(await finished(server.dev, body.job_id)).toMatchObject({ status: 'completed' });
    }
    expect((await get(`${BASES}/${id}/files`)).total).toBe(2);
    const found = await search(id, 'gold buried', { search_type: 'keyword' });
    expect(found.map((one) => one.source_file)).toEqual(['pirates.md']);
    const stored = server.application.database.store('agentflow').knowledge;
    expect(await stored.chunkIdsOfBase(id, 100)).toHaveLength((await get(`${BASES}/${id}/documents`)).total);
  });
});

it('deletes a base while it is ingested: the job ends, and nothing of it is left', async () => {
  const notes = Array.from({ length: 60 }, (_, n) => ({
    name: `note-${n}.md`,
    content: `# Note ${n}\n\nText ${n}.`,
  }));
  const { id } = await makeBase(server.dev, [PIRATES]);
  const { body } = await sendForm(server.dev, `${BASES}/${id}/documents`, {}, notes);
  expect((await server.dev.rest('DELETE', `${BASES}/${id}`)).status).toBe(200);
  expect((await finished(server.dev, body.job_id)).status).toBe('cancelled');
  const { knowledge } = server.application.database.store('agentflow');
  const left = async (): Promise<number> =>
    (await knowledge.chunkIdsOfBase(id, 10)).length +
    (await knowledge.countDocuments({ knowledgeBaseId: id }));
  for (let tries = 0; tries < 100 && (await left()) > 0; tries++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await left()).toBe(0);
}, 60_000);

it('answers every search during a refresh: never a gap, never a passage twice', async () => {
  const notes = Array.from({ length: 30 }, (_, n) => ({
    name: `note-${n}.md`,
    content: `# Note ${n}\n\nThe beacon number ${n} shines over the bay.`,
  }));
  const { id } = await makeBase(server.dev, notes);
  await server.dev.rest('PUT', `${BASES}/${id}`, { chunk_size: 400 });
  const { body } = await server.dev.rest('POST', `${BASES}/${id}/refresh`);
  let running = true;
  const job = finished(server.dev, body.job_id).finally(() => (running = false));
  let searches = 0;
  while (running || searches === 0) {
    for (const search_type of ['keyword', 'hybrid']) {
      const found = await search(id, 'beacon shines over the bay', { limit: 100, search_type });
      const files = found.map((one) => one.source_file);
      expect(new Set(files).size).toBe(notes.length);
      expect(files).toHaveLength(notes.length);
    }
    searches++;
  }
  expect(await job).toMatchObject({ status: 'completed' });
  expect(searches).toBeGreaterThan(1);
  expect(await get(`${BASES}/${id}`)).toMatchObject({ generation: 1 });
}, 60_000);
