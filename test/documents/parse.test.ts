import { strToU8 } from 'fflate';
import { createDocumentParser, ParseFailure, type DocumentParser } from '../../src/documents/parse';
import { docx, docxParts, paragraph, pdf, pptx, wordTable, xlsx, zip } from './samples';

let parser: DocumentParser;
beforeAll(() => {
  parser = createDocumentParser({ workers: 1 });
});
afterAll(() => parser.close());

const parse = (bytes: Uint8Array | string, fileName: string, declaredType?: string) =>
  parser.parse({ bytes: typeof bytes === 'string' ? strToU8(bytes) : bytes, fileName, declaredType });

const failureOf = async (bytes: Uint8Array | string, fileName: string): Promise<ParseFailure> => {
  const error: unknown = await parse(bytes, fileName).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ParseFailure)) throw new Error(`No ParseFailure: ${String(error)}`);
  return error;
};

describe('PDF', () => {
  it('gives the text with the place of every page, and what the file says of itself', async () => {
    const document = await parse(pdf(['First page.', 'Second page.']), 'paper.pdf');
    expect(document).toMatchObject({
      format: 'pdf',
      contentType: 'application/pdf',
      title: 'Paper',
      metadata: { author: 'Ada', page_count: 2, created_at: '2024-01-31T11:00:00.000Z' },
    });
    expect(document.pages!.map(({ start, end }) => document.text.slice(start, end))).toEqual([
      'First page.',
      'Second page.',
    ]);
  });

  it('says that a protected file needs its password', async () => {
    expect(await failureOf(pdf(['x'], { encrypt: true }), 'a.pdf')).toMatchObject({
      reason: 'encrypted',
      status: 422,
    });
  });

  it('says that a file without pages has no text', async () => {
    expect((await failureOf(pdf([]), 'a.pdf')).message).toMatch(/no pages|damaged/);
  });

  it('says that a torn file is damaged', async () => {
    expect(await failureOf('%PDF-1.7\ngarbage', 'a.pdf')).toMatchObject({ reason: 'broken' });
  });

  it('says that pages without text may be scans', async () => {
    expect(await failureOf(pdf(['']), 'a.pdf')).toMatchObject({ reason: 'no_text' });
  });
});

describe('Word documents', () => {
  it('keeps headings, tables and properties', async () => {
    const body =
      paragraph('Chapter', 'Heading1') +
      paragraph('Text &amp; more') +
      wordTable([
        ['Name', 'Age'],
        ['Bo|b', '7'],
      ]);
    const document = await parse(docx({ body, title: 'Report' }), 'report.docx');
    expect(document.text).toBe('# Chapter\n\nText & more\n\n| Name | Age |\n| --- | --- |\n| Bo\\|b | 7 |');
    expect(document).toMatchObject({ title: 'Report', markup: 'markdown', metadata: { author: 'Ada & Co' } });
  });

  it('refuses entities and document types', async () => {
    const prolog = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>';
    const failure = await failureOf(docx({ prolog, body: paragraph('&e;') }), 'a.docx');
    expect(failure.reason).toBe('broken');
    expect(failure.message).toMatch(/document type or entities/);
  });

  it('refuses an archive that unpacks to far more than it is', async () => {
    const bomb = zip(docxParts({ extra: { 'word/bomb.xml': new Uint8Array(60 * 1024 * 1024) } }));
    expect(bomb.length).toBeLessThan(200_000);
    expect(await failureOf(bomb, 'a.docx')).toMatchObject({ reason: 'too_large' });
  });

  it('does not follow an entry that lies about its size', async () => {
    const bytes = zip(docxParts({ extra: { 'word/bomb.xml': new Uint8Array(30 * 1024 * 1024).fill(0x20) } }));
    const view = new DataView(bytes.buffer);
    const size = 30 * 1024 * 1024;
    let changed = 0;
    for (let offset = 0; offset < bytes.length - 4; offset++) {
      if (view.getUint32(offset, true) !== size) continue;
      view.setUint32(offset, 100, true);
      changed++;
    }
    expect(changed).toBe(2);
    expect((await parse(bytes, 'a.docx')).text).toBe('Hello');
  });

  it('refuses thousands of entries', async () => {
    const extra = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`e${index}`, '']));
    expect(await failureOf(zip(docxParts({ extra })), 'a.docx')).toMatchObject({ reason: 'too_large' });
  });

  it('names the password of a protected document', async () => {
    const magic = Buffer.from('d0cf11e0a1b11ae1', 'hex');
    const bytes = Buffer.concat([magic, Buffer.alloc(504), Buffer.from('EncryptedPackage', 'utf16le')]);
    expect(await failureOf(bytes, 'a.docx')).toMatchObject({ reason: 'encrypted' });
    expect(await failureOf(Buffer.concat([magic, Buffer.alloc(504)]), 'a.doc')).toMatchObject({
      reason: 'unsupported',
      status: 415,
    });
  });
});

describe('slides, sheets and tables', () => {
  it('reads slides in the order in which they are shown', async () => {
    const slides = [
      { title: 'One', lines: ['a', 'b'] },
      { title: 'Two', lines: ['c'] },
    ];
    const document = await parse(pptx(slides), 'deck.pptx');
    expect(document.text).toBe('## One\n\na\nb\n\n## Two\n\nc');
    expect(document.pages).toHaveLength(2);
    expect(document.title).toBe('Deck');
  });

  it('reads sheets as tables, with shared and inline text, gaps and dates', async () => {
    const document = await parse(xlsx(), 'prices.xlsx');
    expect(document.text).toBe(
      '## Prices\n\n| Item | Price \\| EUR |  | Since |\n| --- | --- | --- | --- |\n| Bolt | 2.5 |  | 2024-01-01 |',
    );
    expect(document.metadata.sheets).toEqual(['Prices', 'Leer']);
  });

  it('finds the delimiter of CSV and keeps quoted line breaks in their row', async () => {
    const document = await parse('name;note\n"Müller";"two\nlines; one cell"\n', 'a.csv');
    expect(document.text).toBe('| name | note |\n| --- | --- |\n| Müller | two lines; one cell |');
    expect(document.metadata).toMatchObject({ row_count: 1, columns: ['name', 'note'] });
  });
});

describe('pages and mail', () => {
  it('takes the main text of a page without scripts and menus', async () => {
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(20);
    const html = `<!doctype html><html lang="en"><head><title>Fox</title></head><body><nav>Menu</nav><article><h1>Fox</h1><p>${text}</p><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table><script>alert(1)</script></article></body></html>`;
    const document = await parse(html, 'page.html');
    expect(document).toMatchObject({ title: 'Fox', format: 'html', metadata: { language: 'en' } });
    expect(document.text).toContain('lazy dog.');
    expect(document.text).toContain('| a | b |\n| --- | --- |\n| 1 | 2 |');
    expect(document.text).not.toMatch(/alert|Menu/);
  });

  it('reads a short page whole', async () => {
    expect((await parse('<html><body><h2>Hi</h2><p>Short.</p></body></html>', 'p.html')).text).toBe(
      '## Hi\n\nShort.',
    );
  });

  it.each([
    [
      'no tag of a head',
      '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>T</title>\n<body><p>Text</p></body></html>',
    ],
    ['no tag but a title', '<!-- c --><title>T</title><p>Text</p>'],
    ['a head and no body', '<head><title>T</title></head><p>Text</p>'],
    [
      'a script in the head that speaks of a body',
      '<html><title>T</title><script>let a = "<body>";</script><p>Text</p></html>',
    ],
    ['a head that is not closed', '<html><head><title>T</title><body><p>Text</p>'],
    [
      'a declaration of XML',
      '<?xml version="1.0"?>\n<html><head><title>T</title></head><body><p>Text</p></body></html>',
    ],
  ])('reads a page with %s', async (_, html) => {
    expect(await parse(html, 'page.html')).toMatchObject({ title: 'T', text: 'Text' });
  });

  it('reads an e-mail with its headers and names its attachments', async () => {
    const mail =
      'From: Ada <ada@example.com>\r\nTo: Bob <bob@example.com>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello <b>Bob</b></p>\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="plan.pdf"\r\n\r\nx\r\n--b--\r\n';
    const document = await parse(mail, 'mail.eml');
    expect(document.title).toBe('Grüße');
    expect(document.text).toMatch(/^# Grüße\n\nFrom: Ada <ada@example.com>\nTo: Bob <bob@example.com>/);
    expect(document.text).toMatch(/Hello\s+\**Bob\**/);
    expect(document.metadata).toMatchObject({ attachments: ['plan.pdf'] });
  });
});

describe('text', () => {
  it.each([
    ['UTF-8 with a mark', Buffer.from('\uFEFFGrüße, 世界'), 'utf-8'],
    ['UTF-16 little-endian', Buffer.from('\uFEFFGrüße, 世界', 'utf16le'), 'utf-16le'],
    ['UTF-16 big-endian', Buffer.from('\uFEFFGrüße, 世界', 'utf16le').swap16(), 'utf-16be'],
  ])('reads %s', async (_name, bytes, charset) => {
    expect(await parse(bytes, 'a.txt')).toMatchObject({ text: 'Grüße, 世界', metadata: { charset } });
  });

  it('reads Latin-1, and UTF-16 without a mark', async () => {
    expect((await parse(Buffer.from('Grüße aus Köln', 'latin1'), 'a.txt')).text).toBe('Grüße aus Köln');
    expect((await parse(Buffer.from('Plain words in UTF-16', 'utf16le'), 'a.txt')).text).toBe(
      'Plain words in UTF-16',
    );
  });

  it('keeps right-to-left and CJK text as it is', async () => {
    const text = 'שלום עולם. مرحبا بالعالم.\n日本語の文章です。二つ目の文。';
    expect((await parse(text, 'a.md')).text).toBe(text);
  });

  it.each([
    ['its first line', 'The annual report\n\nIt was a good year.', 'The annual report'],
    [
      'its first sentence',
      `On the flow past plates . ${'It was measured many times. '.repeat(20)}`,
      'On the flow past plates',
    ],
    ['nothing, where it begins with a long sentence', `${'And so on and on '.repeat(20)}. Then more.`, null],
    ['nothing, where it begins without an end', 'x'.repeat(500), null],
  ])('takes the title of a plain text from %s', async (_name, text, title) => {
    expect((await parse(text, 'a.txt')).title).toBe(title);
    expect((await parse(text, 'a.md')).title).toBe(title);
  });

  it('takes no title from the first line of code and data', async () => {
    expect((await parse('// The main program\nlet a = 1;', 'a.js')).title).toBeNull();
    expect((await parse('a,b\n1,2', 'a.csv')).title).toBeNull();
  });

  it('takes the title of Markdown from its front matter or first heading', async () => {
    expect((await parse('---\ntitle: "Front"\n---\n# Head\n\nx', 'a.md')).title).toBe('Front');
    expect((await parse('Intro\n\n# Head\n\nx', 'a.md')).title).toBe('Head');
  });

  it('lays JSON out, and says where it is none', async () => {
    expect((await parse('{"a":[1]}', 'a.json')).text).toBe('{\n  "a": [\n    1\n  ]\n}');
    expect(await failureOf('{"a":', 'a.json')).toMatchObject({ reason: 'broken' });
  });

  it('reads source code as code', async () => {
    expect(await parse('def f():\n    return 1\n', 'a.py')).toMatchObject({
      format: 'code',
      markup: 'code',
      metadata: { language: 'py' },
    });
  });
});

describe('what a file is', () => {
  it('goes by the bytes and not by the name', async () => {
    expect(await parse(pdf(['Text']), 'notes.txt')).toMatchObject({ format: 'pdf' });
    expect(await parse(docx(), 'x.pdf')).toMatchObject({
      format: 'docx',
      metadata: { wrong_extension: true },
    });
    expect(await parse('<!doctype html><html><body><p>Sign in</p></body></html>', 'x.pdf')).toMatchObject({
      format: 'html',
    });
  });

  it('takes the declared type where bytes and name are silent', async () => {
    expect(await parse('a,b\n1,2\n', 'upload', 'text/csv')).toMatchObject({ format: 'csv' });
  });

  it('refuses what it does not read with 415, naming the type', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
    const failure = await failureOf(png, 'a.png');
    expect(failure).toMatchObject({ reason: 'unsupported', status: 415, contentType: 'image/png' });
    expect(await failureOf(zip({ 'a.txt': 'x' }), 'a.zip')).toMatchObject({ reason: 'unsupported' });
  });

  it('refuses an empty file and one of white space', async () => {
    expect(await failureOf('', 'a.txt')).toMatchObject({ reason: 'empty' });
    expect(await failureOf(' \n\t ', 'a.txt')).toMatchObject({ reason: 'no_text' });
  });

  it('refuses noise under the name of a document', async () => {
    const noise = Uint8Array.from({ length: 1000 }, (_, index) => (index * 73) % 31);
    expect(await failureOf(noise, 'a.docx')).toMatchObject({ reason: 'broken' });
  });
});

describe('hostile shapes', () => {
  it('reads or refuses pages nested a hundred thousand deep, and lives', async () => {
    const outcome = await parse(`${'<div>'.repeat(100_000)}text`, 'deep.html').catch(
      (error: unknown) => error,
    );
    if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ParseFailure);
    else expect(outcome).toMatchObject({ text: 'text' });
    expect((await parse('next', 'a.txt')).text).toBe('next');
  });

  it('does not widen every row for one stray cell', async () => {
    const csv = `a,b\n${'1,2\n'.repeat(5_000)}${','.repeat(16_000)}x\n`;
    const { text } = await parse(csv, 'stray.csv');
    expect(text.split('\n')).toHaveLength(5_003);
    expect(text.length).toBeLessThan(200_000);
  });
});

describe('limits', () => {
  it('ends a file that takes too long, and reads the next one', async () => {
    const hurried = createDocumentParser({ workers: 1, timeoutMs: 1 });
    try {
      await expect(hurried.parse({ bytes: docx(), fileName: 'a.docx' })).rejects.toMatchObject({
        reason: 'time_limit',
      });
    } finally {
      await hurried.close();
    }
  });

  it('survives a file that takes too much memory', async () => {
    const small = createDocumentParser({ workers: 1, memoryMb: 24 });
    try {
      const rows = `[${'{"a":1},'.repeat(2_000_000)}{}]`;
      await expect(small.parse({ bytes: strToU8(rows), fileName: 'a.json' })).rejects.toMatchObject({
        reason: 'memory_limit',
      });
      expect((await small.parse({ bytes: strToU8('fine'), fileName: 'a.txt' })).text).toBe('fine');
    } finally {
      await small.close();
    }
  });

  it('stops when the caller aborts', async () => {
    const abort = new AbortController();
    const reading = parser.parse({ bytes: docx(), fileName: 'a.docx' }, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    expect((await parse('next', 'a.txt')).text).toBe('next');
  });
});

describe('reading in one step', () => {
  it('parses and cuts in the thread', async () => {
    const text = `# A\n\n${'Words here. '.repeat(60)}\n\n# B\n\n${'More words. '.repeat(60)}`;
    const { document, chunks } = await parser.read(
      { bytes: strToU8(text), fileName: 'a.md' },
      { size: 400, overlap: 0 },
    );
    expect(document.title).toBe('A');
    expect(new Set(chunks.map(({ metadata }) => metadata.headings?.[0]))).toEqual(new Set(['A', 'B']));
    expect(await parser.chunk(document, { size: 400, overlap: 0 })).toEqual(chunks);
    await expect(parser.read({ bytes: strToU8(text), fileName: 'a.md' }, { size: 1 })).rejects.toThrow(
      'chunk_size',
    );
  });
});
