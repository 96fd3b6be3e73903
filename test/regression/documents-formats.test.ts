import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { createDocumentParser, type DocumentParser } from '../../src/documents/parse';

let parser: DocumentParser;
beforeAll(() => {
  parser = createDocumentParser({ workers: 1 });
});
afterAll(() => parser.close());

const read = (content: Uint8Array | string, fileName: string) =>
  parser.parse({ bytes: typeof content === 'string' ? Buffer.from(content, 'latin1') : content, fileName });

const zip = (files: Record<string, string>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));

const NAMESPACES = ['office', 'text', 'table', 'presentation', 'meta']
  .map((name) => `xmlns:${name}="urn:oasis:names:tc:opendocument:xmlns:${name}:1.0"`)
  .concat(
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"',
    'xmlns:dc="http://purl.org/dc/elements/1.1/"',
  )
  .join(' ');

const openDocument = (kind: string, body: string, more: Record<string, string> = {}): Uint8Array =>
  zip({
    mimetype: `application/vnd.oasis.opendocument.${kind}`,
    'content.xml': `<?xml version="1.0"?><office:document-content ${NAMESPACES}><office:body>${body}</office:body></office:document-content>`,
    'meta.xml': `<office:document-meta ${NAMESPACES}><office:meta><dc:title>Rules</dc:title></office:meta></office:document-meta>`,
    ...more,
  });

describe('RTF', () => {
  it('is read as its text, whatever it is called', async () => {
    const note = readFileSync(join(__dirname, 'inputs/documents/note.rtf'));
    for (const name of ['note.rtf', 'note.doc'])
      expect(await read(note, name)).toMatchObject({
        format: 'rtf',
        text: 'The café opens at nine.\n\nBring cash.',
      });
  });

  it('is read in the charsets of its fonts, with tables, headings, notes and without what is hidden', async () => {
    const rtf = String.raw`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 MS Mincho;}}
{\stylesheet{\s1 heading 1;}}{\info{\title Rent \'96 rules}{\author Ada}}{\*\generator Some;}
\pard\s1 Prices\par\pard {\f1\'d6\'e5\'ed\'e0}: {\f2\'83\'89\'83\'93\'83v} \u8364?5{\footnote With tax.} {\v secret}{\pict\bin3 }}}}\par
\trowd\cellx1\cellx2\intbl Item\cell Price\cell\row\trowd\clvmgf\cellx1\cellx2\intbl Lamp\cell 1\cell\row\trowd\clvmrg\cellx1\cellx2\intbl\cell 2\cell\row\pard End.\par}`;
    const { text, title, metadata, warnings } = await read(rtf, 'a.rtf');
    expect(text).toBe(
      '# Prices\n\nЦена: ランプ €5\n\n| Item | Price |\n| --- | --- |\n| Lamp | 1 |\n| Lamp | 2 |\n\nEnd.\n\nNote: With tax.',
    );
    expect({ title, author: metadata.author }).toEqual({ title: 'Rent – rules', author: 'Ada' });
    expect(warnings).toEqual(['Pictures in the document cannot be read: 1.']);
  });

  it('nested a hundred thousand groups deep is refused', async () => {
    await expect(read(`{\\rtf1 ${'{'.repeat(100_000)}x`, 'a.rtf')).rejects.toMatchObject({
      reason: 'too_large',
    });
  });
});

describe('OpenDocument', () => {
  it('texts give headings, lists, tables with spans, notes and comments', async () => {
    const body =
      '<office:text><text:tracked-changes><text:p>Deleted</text:p></text:tracked-changes><text:h text:outline-level="2">Deposit</text:h>' +
      '<text:p>Two<text:s text:c="2"/>months<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>At most.</text:p></text:note-body></text:note><office:annotation><text:p>Check this.</text:p></office:annotation></text:p>' +
      '<text:list><text:list-item><text:p>One</text:p></text:list-item></text:list>' +
      '<table:table><table:table-row><table:table-cell><text:p>Item</text:p></table:table-cell><table:table-cell><text:p>Size</text:p></table:table-cell></table:table-row>' +
      '<table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>Lamp</text:p></table:table-cell><table:table-cell><text:p>small</text:p></table:table-cell></table:table-row>' +
      '<table:table-row><table:covered-table-cell/><table:table-cell><text:p>large</text:p></table:table-cell></table:table-row></table:table></office:text>';
    expect(await read(openDocument('text', body), 'a.odt')).toMatchObject({
      format: 'odt',
      title: 'Rules',
      text: '## Deposit\n\nTwo months (At most.)\n\n- One\n\n| Item | Size |\n| --- | --- |\n| Lamp | small |\n| Lamp | large |\n\nComment: Check this.',
    });
  });

  it('sheets and slides give their pages', async () => {
    const cell = (text: string, more = ''): string =>
      `<table:table-cell${more}><text:p>${text}</text:p></table:table-cell>`;
    const row = (cells: string, more = ''): string => `<table:table-row${more}>${cells}</table:table-row>`;
    const sheet = `<office:spreadsheet><table:table table:name="Prices">${row(cell('Item') + cell('Price'))}${row(cell('Lamp') + cell('3,50'), ' table:number-rows-repeated="2"')}${row('<table:table-cell/>', ' table:number-rows-repeated="1048570"')}</table:table></office:spreadsheet>`;
    expect(await read(openDocument('spreadsheet', sheet), 'a.ods')).toMatchObject({
      text: '## Prices\n\n| Item | Price |\n| --- | --- |\n| Lamp | 3,50 |\n| Lamp | 3,50 |',
      metadata: { sheets: ['Prices'] },
    });
    const slide =
      '<office:presentation><draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Hello</text:p></draw:text-box></draw:frame><draw:frame><draw:text-box><text:p>World</text:p></draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Smile</text:p></draw:text-box></draw:frame></presentation:notes></draw:page></office:presentation>';
    expect((await read(openDocument('presentation', slide), 'a.odp')).text).toBe(
      '## Hello\n\nWorld\n\nNotes: Smile',
    );
  });

  it('under a password and with entities are refused', async () => {
    const manifest = { 'META-INF/manifest.xml': '<manifest><encryption-data/></manifest>' };
    await expect(read(openDocument('text', '', manifest), 'a.odt')).rejects.toMatchObject({
      reason: 'encrypted',
    });
    const entity = { 'content.xml': '<!DOCTYPE x [<!ENTITY e "x">]><x>&e;</x>' };
    await expect(read(openDocument('text', '', entity), 'a.odt')).rejects.toMatchObject({ reason: 'broken' });
  });
});

describe('books, notebooks and archives', () => {
  const book = (chapters: Record<string, string>): Uint8Array =>
    zip({
      mimetype: 'application/epub+zip',
      'META-INF/container.xml':
        '<container><rootfiles><rootfile full-path="OEBPS/a.opf"/></rootfiles></container>',
      'OEBPS/a.opf':
        '<?xml version="1.0"?><!DOCTYPE package PUBLIC "x" "y"><package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The Book</dc:title><dc:creator>Ada</dc:creator></metadata><manifest><item id="b" href="b%20c.xhtml"/><item id="a" href="../a.xhtml"/><item id="x" href="x.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/><itemref idref="x"/></spine></package>',
      ...chapters,
    });

  it('give the chapters in their order, and name those that are missing', async () => {
    const { text, title, warnings } = await read(
      book({
        'a.xhtml':
          '<?xml version="1.0"?><html><head><title/><script src="x"/></head><body><h1><a id="i"/>One</h1><p>First.</p></body></html>',
        'OEBPS/b c.xhtml': '<html><body><p>Second.</p></body></html>',
      }),
      'book.epub',
    );
    expect({ text, title }).toEqual({ text: '# One\n\nFirst.\n\nSecond.', title: 'The Book' });
    expect(warnings).toEqual(['A chapter could not be read: OEBPS/x.xhtml.']);
  });

  it('give texts, code and what it printed, without pictures', async () => {
    const notebook = {
      nbformat: 4,
      metadata: { language_info: { name: 'python' } },
      cells: [
        { cell_type: 'markdown', source: ['# Prices\n', 'of lamps'] },
        {
          cell_type: 'code',
          source: 'print(5)',
          outputs: [
            { output_type: 'stream', text: ['5\n'] },
            { output_type: 'display_data', data: { 'image/png': 'iVBORw0KGgo', 'text/plain': '<Figure>' } },
            {
              output_type: 'execute_result',
              data: { 'text/html': '<table><tr><th>a<th>b<tr><td>1<td>2</table>' },
            },
          ],
        },
      ],
    };
    expect(await read(JSON.stringify(notebook), 'a.ipynb')).toMatchObject({
      format: 'ipynb',
      title: 'Prices',
      text: '# Prices\nof lamps\n\n```python\nprint(5)\n```\n\n```\n5\n```\n\n```\n<Figure>\n```\n\n| a | b |\n| --- | --- |\n| 1 | 2 |',
      warnings: ['Pictures among the results cannot be read: 1.'],
    });
  });

  it('of other kinds are refused with what they are', async () => {
    await expect(read(zip({ 'a.txt': 'x' }), 'a.zip')).rejects.toMatchObject({
      reason: 'unsupported',
      message: expect.stringContaining('Archives are not read'),
    });
    await expect(read(openDocument('database', ''), 'a.odb')).rejects.toMatchObject({
      reason: 'unsupported',
      message: 'Files of type application/vnd.oasis.opendocument.database are not read.',
    });
  });
});
