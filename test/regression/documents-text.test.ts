import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chunkDocument } from '../../src/documents/chunk';
import { createDocumentParser, ParseFailure, type DocumentParser } from '../../src/documents/parse';

let parser: DocumentParser;
beforeAll(() => {
  parser = createDocumentParser({ workers: 1 });
});
afterAll(() => parser.close());

const input = (name: string): Buffer => readFileSync(join(__dirname, 'inputs/documents', name));
const read = (content: Buffer | string, fileName: string) =>
  parser.parse({ bytes: typeof content === 'string' ? Buffer.from(content) : content, fileName });

describe('charsets', () => {
  /** Text, as its bytes are in the charset. */
  const written: [string, string, string][] = [
    ['gb18030', '产品;价格', 'b2fac6b73bbcdbb8f1'],
    ['big5', '今天天氣很好', 'a4b5a4d1a4d1aef0abdca66e'],
    ['shift_jis', '製品ランプ', '90bb956983898393 8376'.replace(' ', '')],
    ['euc-jp', '公園へ行きます', 'b8f8b1e0a4d8b9d4a4ada4dea4b9'],
    ['euc-kr', '서울은 수도이다', 'bcadbfefc0ba20bcf6b5b5c0ccb4d9'],
    ['windows-1251', 'Стул', 'd1f2f3eb'],
    ['koi8-u', 'Привет', 'f0d2c9d7c5d4'],
    ['windows-1250', 'Żarówka', 'af6172f3776b61'],
    ['windows-1253', 'Τιμή', 'd4e9ecde'],
    ['windows-1255', 'ירושלים', 'e9f8e5f9ece9ed'],
    ['windows-1252', 'It’s Köln – “fine”', '497492732 04bf66c6e2096 209366696e6594'.replace(/ /g, '')],
  ];
  it.each(written)('reads a line of %s: %s', async (charset, text, hex) => {
    expect(await read(Buffer.from(hex, 'hex'), 'a.txt')).toMatchObject({ text, metadata: { charset } });
  });

  it('reads tables as Excel writes them in China and Russia', async () => {
    expect((await read(input('gbk.csv'), 'gbk.csv')).text).toContain('| 产品 | 价格 |');
    expect((await read(input('cp1251.csv'), 'cp1251.csv')).text).toContain('| Товар | Цена |');
  });

  it('reads UTF-16 and UTF-32 without a mark, and takes no numbers for it', async () => {
    const text = 'Привет, мир\n';
    expect((await read(Buffer.from(text, 'utf16le').swap16(), 'a.txt')).text).toBe(text);
    const wide = Buffer.from(
      [...text].flatMap((char) => [char.charCodeAt(0) & 255, char.charCodeAt(0) >> 8, 0, 0]),
    );
    expect((await read(wide, 'a.txt')).text).toBe(text);
    const samples = Buffer.alloc(2000);
    for (let at = 0; at < 1000; at++) samples.writeInt16LE(Math.round(300 * Math.sin(at / 7)), at * 2);
    await expect(read(samples, 'sound')).rejects.toThrow(ParseFailure);
    await expect(read(Buffer.concat([Buffer.from([0xff, 0xfe]), samples]), 'a.txt')).rejects.toThrow(
      ParseFailure,
    );
  });

  it('keeps a file of UTF-8 with one broken byte, and says so', async () => {
    const bytes = Buffer.concat([
      Buffer.from('Grüße aus Köln und Zürich, schöne Tage für Müßiggänger: ä ö ü'),
      Buffer.from([0xff]),
    ]);
    const { text, warnings } = await read(bytes, 'a.txt');
    expect(text).toContain('Müßiggänger');
    expect(warnings).toEqual([expect.stringMatching(/^1 characters? could not be read/)]);
  });
});

describe('tables of text', () => {
  it('are cut by what several records say', async () => {
    expect((await read(input('header-newline.csv'), 'a.csv')).text).toContain('| Lamp | 3,50 |');
    expect((await read(input('backslash.csv'), 'a.csv')).metadata.columns).toHaveLength(2);
  });

  it.each([
    ['sep=;\nItem;Price\nLamp;3,50\n', '| Item | Price |\n| --- | --- |\n| Lamp | 3,50 |'],
    [
      'Prices, as of May\n\nItem;Price\nLamp;3,50\nChair;20,00\n',
      'Prices, as of May\n\n| Item | Price |\n| --- | --- |\n| Lamp | 3,50 |\n| Chair | 20,00 |',
    ],
    ['a\tb, c\n1\tx, y\n', '| a | b, c |\n| --- | --- |\n| 1 | x, y |'],
    ["'a','b'\n'x, y','z'\n", '| a | b |\n| --- | --- |\n| x, y | z |'],
  ])('as %j', async (csv, text) => {
    expect((await read(csv, 'a.csv')).text).toBe(text);
  });

  it('are read with a quote that is never closed, and say so', async () => {
    const { text, warnings } = await read('name,size\n"Lamp,5\nChair,7\n', 'a.csv');
    expect(text).toContain('| Chair | 7 |');
    expect(warnings).toEqual([expect.stringContaining('Quotes are not closed')]);
  });
});

describe('Markdown', () => {
  it('takes no heading from comments, code and raw HTML', async () => {
    const document = await read(input('comment-heading.md'), 'a.md');
    const paths = chunkDocument(document, { size: 100 }).map(({ metadata }) => metadata.headings);
    expect(new Set(paths.map(String))).toEqual(new Set(['A']));
    const { title } = await read(
      '```\n# code\n```\n<pre>\n# raw\n</pre>\n\nThe *real*\n`title`\n===\n\ntext',
      'b.md',
    );
    expect(title).toBe('The real title');
  });

  it('makes front matter metadata, without aliases and in bounds', async () => {
    const front =
      '---\ntitle: Rent\nproduct: lamp\nyear: 2024\ndraft: false\ntags: [a, b]\nnested: {x: 1}\n---\n# Text\n';
    expect(await read(front, 'a.md')).toMatchObject({
      title: 'Rent',
      text: '# Text\n',
      metadata: { product: 'lamp', year: 2024, draft: false, tags: ['a', 'b'] },
      warnings: [expect.stringContaining('nested')],
    });
    const bomb = `---\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\ntext`;
    expect((await read(bomb, 'a.md')).text).toContain('text');
  });
});

describe('JSON', () => {
  it('is read with comments and trailing commas', async () => {
    expect((await read(input('settings.json'), 'tsconfig.json')).text).toContain('"strict": true');
  });

  it('keeps numbers and equal keys as they are written', async () => {
    const { text } = await read('{"id":12345678901234567890,"a":1e999,"a":10.0,"e":{},"l":[]}', 'a.json');
    expect(text).toBe(
      '{\n  "id": 12345678901234567890,\n  "a": 1e999,\n  "a": 10.0,\n  "e": {},\n  "l": []\n}',
    );
  });

  it('says what is wrong and reads it as text', async () => {
    const { text, warnings } = await read("{\n  name: 'Lamp'\n}", 'a.json');
    expect(text).toContain('Lamp');
    expect(warnings).toEqual([expect.stringContaining('no valid JSON')]);
  });
});

describe('mail', () => {
  it('is read by its HTML where the plain part is a stub, with Cc', async () => {
    const { text } = await read(input('stub-text.eml'), 'a.eml');
    expect(text).toContain('Order 4711 ships on Tuesday.');
    expect(text).toContain('Cc: bob@example.com');
    expect(text).not.toContain('does not show HTML');
  });

  const mixed = (...parts: string[]): string =>
    `From: a@example.com\r\nSubject: S\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`;

  it('is read with attached texts, messages and appointments, and names the rest', async () => {
    const { text, warnings } = await read(
      mixed(
        'Content-Type: text/plain\r\n\r\nSee below.',
        'Content-Type: text/csv; name=p.csv\r\nContent-Disposition: attachment; filename=p.csv\r\n\r\nItem;Price\r\nLamp;3,50',
        'Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Board meeting\r\nDTSTART:20240131T110000Z\r\nATTENDEE;CN=Ada:mailto:ada@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR',
        'Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\nFrom: c@example.com\r\nSubject: Older\r\n\r\nInner words.',
        'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\nx',
      ),
      'a.eml',
    );
    for (const words of [
      'See below.',
      '| Lamp | 3,50 |',
      'Event: Board meeting',
      'Start: 2024-01-31T11:00:00Z',
      'Ada <ada@example.com>',
      'Inner words.',
    ])
      expect(text).toContain(words);
    expect(warnings).toEqual([expect.stringContaining('plan.pdf')]);
  });

  it('is read when it is saved in UTF-16', async () => {
    const bytes = Buffer.from('\uFEFFSubject: Grüße\r\nFrom: a@example.com\r\n\r\nHallo Köln\r\n', 'utf16le');
    expect(await read(bytes, 'a.eml')).toMatchObject({
      title: 'Grüße',
      text: expect.stringContaining('Hallo Köln'),
    });
  });

  it('of a web archive is the page', async () => {
    const mht =
      'From: <Saved by Blink>\r\nSubject: Rent\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<title>Rent =\r\nlaw</title><p>Deposit: =E2=82=AC 5</p>\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n';
    expect(await read(mht, 'a.mht')).toMatchObject({
      format: 'mht',
      title: 'Rent law',
      text: 'Deposit: € 5',
    });
  });
});
