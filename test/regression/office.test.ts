import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDocumentParser, ParseFailure, type DocumentParser } from '../../src/documents/parse';
import { zip } from '../documents/samples';
import {
  chart,
  diagram,
  frame,
  graphic,
  links,
  NAMESPACES,
  p,
  pdfPage,
  r,
  slideFile,
  wordFile,
  wordPart,
  workbookFile,
} from './office-samples';

let parser: DocumentParser;
beforeAll(() => {
  parser = createDocumentParser({ workers: 1 });
});
afterAll(() => parser.close());

const read = (bytes: Uint8Array, fileName: string) => parser.parse({ bytes, fileName });
const readInput = (name: string) => read(readFileSync(join(__dirname, 'inputs/office', name)), name);

describe('files that somebody sent', () => {
  it.each([
    ['equation.docx', 'The area is A=πr² where r is the radius.'],
    ['word-online.docx', 'Written in Word for the web.'],
    ['smartart.pptx', '- President\n- Head of sales'],
    ['durations.xlsx', '| 36:00 | 1900-01-01 |'],
    ['floats.xlsx', '| 1.1 |\n| 5.1 |\n| 0.025 |'],
    ['prefix.xlsx', '| Lamp | 10 |'],
    ['x000d.xlsx', '| first line second line |'],
    ['cjk-cmap.pdf', 'Lamp\n電池は九時間'],
    ['form.pdf', 'Name: Ada Lovelace\nRemark: Deliver on Tuesday'],
    ['bad-page.pdf', 'The first page is whole.'],
  ])('reads %s', async (name, text) => {
    expect((await readInput(name)).text).toContain(text);
  });

  it('tells which page of a PDF could not be read', async () => {
    expect((await readInput('bad-page.pdf')).warnings).toEqual([
      'Page 2 of the PDF cannot be read: damaged.',
    ]);
  });
});

describe('the parts of an Office file are found by what they are', () => {
  const document = `<d:document xmlns:d="http://purl.oclc.org/ooxml/wordprocessingml/main"><d:body><d:p><d:r><d:t>Strict and prefixed</d:t></d:r></d:p></d:body></d:document>`;

  it.each([
    ['anywhere in the archive', 'main/part.xml', 'main/part.xml'],
    ['by an absolute target', 'word/document.xml', '/word/document.xml'],
    ['by a target with backslashes', 'word/document.xml', 'word\\document.xml'],
    ['by a target of another case', 'Word/Document.XML', 'word/document.xml'],
    ['by a target with steps back', 'word/document.xml', 'x/../word/./document.xml'],
  ])('%s', async (_, name, target) => {
    const relations = `<rel:Relationships xmlns:rel="http://schemas.openxmlformats.org/package/2006/relationships"><rel:Relationship Id="a" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="${target}"/></rel:Relationships>`;
    const bytes = zip({ '_rels/.rels': relations, [name]: document });
    expect(await read(bytes, 'strict.docx')).toMatchObject({ format: 'docx', text: 'Strict and prefixed' });
  });

  it('by content types, where relations are missing', async () => {
    const types = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/here.xml" ContentType="application/vnd.ms-word.document.macroEnabled.main+xml"/></Types>`;
    const bytes = zip({ '[Content_Types].xml': types, 'here.xml': document });
    expect(await read(bytes, 'macros.docm')).toMatchObject({ format: 'docx', text: 'Strict and prefixed' });
  });

  it('and one that is missing or damaged is named, while the others are read', async () => {
    const bytes = wordFile(p('Whole'), { 'word/header1.xml': '<w:hdr><w:p>' }, [
      { type: 'header', target: 'header1.xml' },
      { type: 'footer', target: 'footer1.xml' },
    ]);
    const { text, warnings } = await read(bytes, 'a.docx');
    expect(text).toBe('Whole');
    expect(warnings).toEqual([
      'A part of the file was not read: word/header1.xml. The file is damaged: its XML is empty or cut off.',
      'A part of the file is missing: word/footer1.xml.',
    ]);
  });

  it('and one that cannot be unpacked costs only itself', async () => {
    const bytes = wordFile(p('Whole'), { 'word/header1.xml': wordPart('hdr', p('Torn')) }, [
      { type: 'header', target: 'header1.xml' },
    ]);
    const at = Buffer.from(bytes).indexOf('word/header1.xml');
    bytes.fill(0xff, at + 'word/header1.xml'.length, at + 'word/header1.xml'.length + 40);
    const { text, warnings } = await read(bytes, 'a.docx');
    expect(text).toBe('Whole');
    expect(warnings).toEqual([expect.stringContaining('word/header1.xml') as string]);
  });

  it('and a file in which nothing could be read says why', async () => {
    const bytes = workbookFile({
      rows: '',
      parts: { 'xl/worksheets/sheet1.xml': '<!DOCTYPE x><worksheet/>' },
    });
    await expect(read(bytes, 'a.xlsx')).rejects.toMatchObject({
      reason: 'no_text',
      message: expect.stringContaining('declares a document type or entities') as string,
    });
  });

  it('and Excel files in the binary format are refused by name', async () => {
    const types = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>`;
    const bytes = zip({ '[Content_Types].xml': types, 'xl/workbook.bin': 'x' });
    await expect(read(bytes, 'a.xlsb')).rejects.toMatchObject({
      reason: 'unsupported',
      message: expect.stringContaining('.xlsb') as string,
    });
  });
});

describe('Word documents lose nothing of', () => {
  const text = async (
    body: string,
    ...rest: [Record<string, string | Uint8Array>?, Parameters<typeof links>?]
  ) => (await read(wordFile(body, ...rest), 'a.docx')).text;

  it('formulas', async () => {
    const power = '<m:sSup><m:e><m:r><m:t>c</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>';
    const share = '<m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>';
    expect(
      await text(`<w:p>${r('So ')}<m:oMath><m:r><m:t>E=m</m:t></m:r>${power}</m:oMath>${r('.')}</w:p>`),
    ).toBe('So E=mc².');
    expect(await text(`<w:p><m:oMathPara><m:oMath>${share}</m:oMath></m:oMathPara></w:p>`)).toBe('(a+b)/2');
  });

  it('cells that span rows and columns', async () => {
    const cell = (inside: string, properties = '') => `<w:tc><w:tcPr>${properties}</w:tcPr>${inside}</w:tc>`;
    const row = (...cells: string[]) => `<w:tr>${cells.join('')}</w:tr>`;
    const table = `<w:tbl>${row(cell(p('Product')), cell(p('Size and price'), '<w:gridSpan w:val="2"/>'))}${row(cell(p('Lamp'), '<w:vMerge w:val="restart"/>'), cell(p('small')), cell(p('10')))}${row(cell('<w:p/>', '<w:vMerge/>'), cell(p('large') + p('on order')), cell(p('20')))}</w:tbl>`;
    expect(await text(table)).toBe(
      '| Product | Size and price | Size and price |\n| --- | --- | --- |\n| Lamp | small | 10 |\n| Lamp | large on order | 20 |',
    );
  });

  it('nested tables, content controls and tracked insertions, and nothing comes back that was deleted', async () => {
    const inner = `<w:tbl><w:tr><w:tc>${p('Total')}</w:tc><w:tc>${p('12.50')}</w:tc></w:tr></w:tbl>`;
    const table = `<w:tbl><w:tr><w:tc>${p('Sum')}</w:tc><w:tc>${inner}</w:tc></w:tr></w:tbl>`;
    const control = `<w:sdt><w:sdtPr/><w:sdtContent>${p('Controlled')}</w:sdtContent></w:sdt>`;
    const changed = `<w:p><w:ins>${r('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:moveFrom>${r('away')}</w:moveFrom></w:p>`;
    expect(await text(table + control + changed)).toBe(
      '| Sum | Total 12.50 |\n| --- | --- |\n\nControlled\n\nnew',
    );
  });

  it('frames of one cell within one another, in time that grows with them', async () => {
    let body = p('Innermost', '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>');
    for (let depth = 0; depth < 60; depth++)
      body = `<w:tbl><w:tr><w:tc><w:sdt><w:sdtContent>${body}</w:sdtContent></w:sdt></w:tc></w:tr></w:tbl>`;
    const parts = {
      'word/numbering.xml': wordPart(
        'numbering',
        '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:lvlText w:val="%1."/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>',
      ),
    };
    expect(await text(body, parts, [{ type: 'numbering', target: 'numbering.xml' }])).toBe('1. Innermost');
  });

  it('text boxes, once', async () => {
    const box = `<w:txbxContent>${p('In the box')}</w:txbxContent>`;
    const both = `<mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wp:anchor><a:graphic><a:graphicData><wps:wsp><wps:txbx>${box}</wps:txbx></wps:wsp></a:graphicData></a:graphic></wp:anchor></w:drawing></mc:Choice><mc:Fallback><w:pict><v:shape><v:textbox>${box}</v:textbox></v:shape></w:pict></mc:Fallback></mc:AlternateContent>`;
    expect(await text(`<w:p>${r('Beside')}<w:r>${both}</w:r></w:p>`)).toBe('Beside\n\nIn the box');
  });

  it('charts and SmartArt', async () => {
    const body = `<w:p>${graphic('<c:chart r:id="r1"/>')}</w:p><w:p>${graphic('<dgm:relIds r:dm="r2"/>')}</w:p>`;
    const parts = {
      'word/charts/chart1.xml': chart('Sales', 'Lamps', [
        ['May', 3],
        ['June', 4.25],
      ]),
      'word/diagrams/data1.xml': diagram('President', 'Head of sales'),
    };
    const relations = [
      { type: 'chart', target: 'charts/chart1.xml' },
      { type: 'diagramData', target: 'diagrams/data1.xml' },
    ];
    expect(await text(body, parts, relations)).toBe(
      'Sales\n\n|  | Lamps |\n| --- | --- |\n| May | 3.0 |\n| June | 4.3 |\n\n- President\n  - Head of sales',
    );
  });

  it('parts in other formats', async () => {
    const relations = [
      { type: 'aFChunk', target: 'part.html' },
      { type: 'aFChunk', target: 'part.docx' },
    ];
    const parts = {
      'word/part.html': '<html><body><p>From HTML</p></body></html>',
      'word/part.docx': wordFile(p('From Word')),
    };
    expect(await text(`${p('Own')}<w:altChunk r:id="r1"/><w:altChunk r:id="r2"/>`, parts, relations)).toBe(
      'Own\n\nFrom HTML\n\nFrom Word',
    );
  });

  it('notes, comments, headers and footers', async () => {
    const body = `<w:p>${r('Claim')}<w:r><w:footnoteReference w:id="2"/></w:r></w:p>`;
    const parts = {
      'word/footnotes.xml': wordPart(
        'footnotes',
        `<w:footnote w:type="separator" w:id="0">${p('-')}</w:footnote><w:footnote w:id="2">${p('Proof')}</w:footnote>`,
      ),
      'word/comments.xml': wordPart(
        'comments',
        `<w:comment w:id="0" w:author="Ada">${p('Really?')}</w:comment>`,
      ),
      'word/header1.xml': wordPart('hdr', p('Secret')),
      'word/footer1.xml': wordPart('ftr', p('7')),
    };
    const relations = ['footnotes', 'comments', 'header1', 'footer1'].map((name) => ({
      type: name.replace('1', ''),
      target: `${name}.xml`,
    }));
    expect(await text(body, parts, relations)).toBe(
      'Claim[^1]\n\n[^1]: Proof\n\nHeader: Secret\n\nComment by Ada: Really?',
    );
  });

  it('numbers of lists and headings', async () => {
    const level = (depth: number, format: string, shape: string) =>
      `<w:lvl w:ilvl="${depth}"><w:start w:val="1"/><w:numFmt w:val="${format}"/><w:lvlText w:val="${shape}"/></w:lvl>`;
    const parts = {
      'word/numbering.xml': wordPart(
        'numbering',
        `<w:abstractNum w:abstractNumId="0">${level(0, 'decimal', '%1.')}${level(1, 'lowerLetter', '%1.%2)')}</w:abstractNum><w:abstractNum w:abstractNumId="1">${level(0, 'bullet', '')}</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>`,
      ),
    };
    const item = (content: string, id: number, depth = 0) =>
      p(content, `<w:numPr><w:ilvl w:val="${depth}"/><w:numId w:val="${id}"/></w:numPr>`);
    const body =
      item('One', 1) +
      item('Inner', 1, 1) +
      item('Two', 1) +
      item('Dot', 2) +
      p('Head', '<w:outlineLvl w:val="1"/>');
    expect(await text(body, parts, [{ type: 'numbering', target: 'numbering.xml' }])).toBe(
      '1. One\n  1.a) Inner\n2. Two\n- Dot\n\n## Head',
    );
  });

  it('symbols, results of fields and what a form holds', async () => {
    const mark = (type: string, inside = '') =>
      `<w:r><w:fldChar w:fldCharType="${type}">${inside}</w:fldChar></w:r>`;
    const field = `${mark('begin')}<w:r><w:instrText>IF 1 </w:instrText></w:r>${r('hidden')}${mark('separate')}${r('shown')}${mark('end')}`;
    const ticked = `${mark('begin', '<w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData>')}${mark('end')}`;
    expect(
      await text(
        `<w:p><w:r><w:sym w:font="Symbol" w:char="F061"/></w:r>${r(' ')}${field}${r(' ')}${ticked}</w:p>`,
      ),
    ).toBe('α shown ☒');
  });

  it('descriptions of pictures, wherever they are kept', async () => {
    const picture = '<pic:pic><pic:nvPicPr><pic:cNvPr id="1" name="x"/></pic:nvPicPr></pic:pic>';
    const body = `<w:p><w:r><w:drawing><wp:inline><wp:docPr id="1" name="Picture 1" descr="A red lamp"/><a:graphic><a:graphicData>${picture}</a:graphicData></a:graphic></wp:inline></w:drawing></w:r>${r(' shines')}</w:p>`;
    expect(await read(wordFile(body), 'a.docx')).toMatchObject({ text: 'A red lamp shines', warnings: [] });
  });

  it('what nobody can read: it is told', async () => {
    const body = `${p('Text')}<w:p>${graphic('<pic:pic><pic:nvPicPr><pic:cNvPr id="1" name="x"/></pic:nvPicPr></pic:pic>')}${graphic('<pic:pic><pic:nvPicPr><pic:cNvPr id="2" name="y" descr="A red lamp"/></pic:nvPicPr></pic:pic>')}<w:r><w:object/></w:r></w:p>`;
    const document = await read(wordFile(body), 'a.docx');
    expect(document.text).toBe('Text\n\nA red lamp');
    expect(document.warnings).toEqual([
      '1 picture has no description and cannot be read.',
      '1 embedded object was not read.',
    ]);
  });
});

describe('workbooks say what Excel shows', () => {
  const cells = (...all: string[]) => `<row r="1">${all.join('')}</row>`;
  const shown = async (format: string, value: string, workbook = '') => {
    const bytes = workbookFile({
      rows: cells(`<c r="A1" s="1"><v>${value}</v></c>`),
      formats: [format],
      workbook,
    });
    return /\| (.*) \|/.exec((await read(bytes, 'a.xlsx')).text)?.[1];
  };

  it.each([
    ['General', '0.30000000000000004', '0.3'],
    ['General', '123456789012', '123456789012'],
    ['0.0%', '0.256', '25.6%'],
    ['#,##0.00', '1234567.891', '1,234,567.89'],
    ['[$€-407]#,##0.00', '12.5', '€12.50'],
    ['$#,##0.00_);[Red]($#,##0.00)', '-3', '($3.00)'],
    ['# ?/?', '2.5', '2 1/2'],
    ['0.00E+00', '12345', '1.23E+04'],
    ['00000', '42', '00042'],
    [';;;', '5', '5'],
    ['bad"', '5', '5'],
    ['[h]:mm:ss', '1.5', '36:00:00'],
    ['[mm]:ss', '0.05', '72:00'],
    ['h:mm', '0.75', '18:00'],
    ['dd/mm/yyyy', '45292', '2024-01-01'],
    ['m/d/yy h:mm', '45292.5', '2024-01-01 12:00:00'],
    ['yyyy-mm-dd', '60', '1900-02-29'],
    ['yyyy-mm-dd', '61', '1900-03-01'],
    ['d mmm yyyy', '-4', '-4'],
  ])('%s of %s as %s', async (format, value, text) => {
    expect(await shown(format, value)).toBe(text);
  });

  it('and dates of the calendar from 1904', async () => {
    expect(await shown('yyyy-mm-dd', '0', '<workbookPr date1904="1"/>')).toBe('1904-01-01');
  });

  it('and escapes, inline texts without their phonetic runs, errors and truth values', async () => {
    const rows = cells(
      '<c r="A1" t="inlineStr"><is><r><t>東京</t></r><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></is></c>',
      '<c r="B1" t="inlineStr"><is><t>_x005F_x000D_</t></is></c>',
      '<c r="C1" t="str"><f>A1</f><v>a_x000a_b</v></c>',
      '<c r="D1" t="b"><v>1</v></c><c r="E1" t="e"><v>#N/A</v></c>',
    );
    expect((await read(workbookFile({ rows }), 'a.xlsx')).text).toContain(
      '| 東京 | _x000D_ | a b | TRUE | #N/A |',
    );
  });

  it('and cells that are merged in each of their places', async () => {
    const rows =
      '<row r="1"><c r="A1" t="str"><v>Lamp</v></c><c r="B1" t="str"><v>small</v></c></row><row r="2"><c r="B2" t="str"><v>large</v></c></row>';
    const after = '<mergeCells><mergeCell ref="A1:A1048576"/></mergeCells>';
    expect((await read(workbookFile({ rows, after }), 'a.xlsx')).text).toContain('| Lamp | large |');
  });

  it('and charts, text boxes and comments, and tables under their own headers', async () => {
    const rows =
      '<row r="1"><c r="A1" t="str"><v>Report</v></c></row><row r="3"><c r="A3" t="str"><v>Item</v></c></row><row r="4"><c r="A4" t="str"><v>Bolt</v></c></row>';
    const box = '<xdr:sp><xdr:txBody><a:p><a:r><a:t>Beside the cells</a:t></a:r></a:p></xdr:txBody></xdr:sp>';
    const bytes = workbookFile({
      rows,
      after: '<drawing r:id="r1"/><tableParts><tablePart r:id="r3"/></tableParts>',
      relations: [
        { type: 'drawing', target: '../drawings/drawing1.xml' },
        { type: 'comments', target: '../comments1.xml' },
        { type: 'table', target: '../tables/table1.xml' },
      ],
      parts: {
        'xl/drawings/drawing1.xml': `<xdr:wsDr ${NAMESPACES}>${box}<c:chart r:id="r1"/></xdr:wsDr>`,
        'xl/drawings/_rels/drawing1.xml.rels': links({ type: 'chart', target: '../charts/chart1.xml' }),
        'xl/charts/chart1.xml': chart('Sales', 'Lamps', [['May', 3]]),
        'xl/comments1.xml':
          '<comments><commentList><comment ref="A3"><text><r><t>Check</t></r></text></comment></commentList></comments>',
        'xl/tables/table1.xml':
          '<table ref="A3:A4"><tableColumns><tableColumn name="Item"/></tableColumns></table>',
      },
    });
    expect((await read(bytes, 'a.xlsx')).text).toBe(
      '## Data\n\n| Report |\n| --- |\n\n| Item |\n| --- |\n| Bolt |\n\nBeside the cells\n\nSales\n\n|  | Lamps |\n| --- | --- |\n| May | 3.0 |\n\nComment on A3: Check',
    );
  });

  it('and of hidden sheets and formulas without a result, which are told', async () => {
    const rows = cells('<c r="A1"><f>SUM(B1:B2)</f></c>');
    const { text, warnings } = await read(workbookFile({ rows, state: 'hidden' }), 'a.xlsx');
    expect(text).toContain('=SUM(B1:B2)');
    expect(warnings).toEqual([
      'Sheet "Data": 1 formula has no result in the file.',
      'Sheet "Data" is hidden; it was read.',
    ]);
  });

  it('and stay small when a file claims to be endless', async () => {
    const row = (number: number) =>
      `<row r="${number}"><c r="A${number}"><v>1</v></c><c r="XFD${number}"><v>2</v></c></row>`;
    const rows = Array.from({ length: 20_000 }, (_, index) => row(index + 1)).join('');
    const after = `<mergeCells>${'<mergeCell ref="A1:XFD1048576"/>'.repeat(2_000)}</mergeCells>`;
    const { text } = await read(workbookFile({ rows, after }), 'a.xlsx');
    expect(text.length).toBeLessThan(1_000_000);
  });
});

describe('slides lose nothing of', () => {
  it('SmartArt and charts, when there is nothing else', async () => {
    const bytes = slideFile(
      frame('<dgm:relIds r:dm="r1"/>') + frame('<c:chart r:id="r2"/>'),
      {
        'ppt/diagrams/data1.xml': diagram('President', 'Head of sales'),
        'ppt/charts/chart1.xml': chart('Sales', 'Lamps', [['May', 3]]),
      },
      [
        { type: 'diagramData', target: '../diagrams/data1.xml' },
        { type: 'chart', target: '../charts/chart1.xml' },
      ],
    );
    expect((await read(bytes, 'a.pptx')).text).toBe(
      '- President\n  - Head of sales\n\nSales\n\n|  | Lamps |\n| --- | --- |\n| May | 3.0 |',
    );
  });

  it('groups, tables with spans, notes and hidden slides', async () => {
    const paragraph = (content: string) => `<a:p><a:r><a:t>${content}</a:t></a:r></a:p>`;
    const shape = (content: string) => `<p:sp><p:txBody>${paragraph(content)}</p:txBody></p:sp>`;
    const cell = (content: string, attributes = '') =>
      `<a:tc${attributes}><a:txBody>${paragraph(content)}</a:txBody></a:tc>`;
    const table = `<a:tbl><a:tr>${cell('Both', ' gridSpan="2"')}${cell('', ' hMerge="1"')}</a:tr><a:tr>${cell('a')}${cell('b')}</a:tr></a:tbl>`;
    const notes = `<p:notes ${NAMESPACES}><p:cSld><p:spTree>${shape('Smile')}</p:spTree></p:cSld></p:notes>`;
    const bytes = slideFile(
      `<p:grpSp><p:grpSp>${shape('Deep')}</p:grpSp></p:grpSp>${frame(table)}`,
      { 'ppt/notesSlides/n.xml': notes },
      [{ type: 'notesSlide', target: '/ppt/notesSlides/n.xml' }],
      ' show="0"',
    );
    const { text, warnings } = await read(bytes, 'a.pptx');
    expect(text).toBe('Deep\n\n| Both | Both |\n| --- | --- |\n| a | b |\n\nNotes: Smile');
    expect(warnings).toEqual(['Slide 1 is hidden; it was read.']);
  });
});

describe('PDFs', () => {
  const field = (entries: string) => `<</Type/Annot/Subtype/Widget/DA(/F 12 Tf)${entries}>>`;

  it('say what was chosen and ticked, and what somebody wrote on them', async () => {
    const bytes = pdfPage('BT /F 12 Tf 72 770 Td (Country:) Tj 0 -30 Td (Urgent) Tj ET', {
      annotations: [
        field('/FT/Ch/Ff 131072/T(country)/V(de)/Opt[[(de)(Germany)][(fr)(France)]]/Rect[150 765 300 785]'),
        field('/FT/Btn/T(urgent)/V/Yes/AS/Yes/AP<</N<</Yes 4 0 R/Off 4 0 R>>>>/Rect[50 738 62 750]'),
        field('/FT/Tx/T(Far away)/V(alone)/Rect[300 100 400 120]'),
        '<</Type/Annot/Subtype/FreeText/Contents(Typed over)/DA(/F 12 Tf)/Rect[300 300 400 320]>>',
        '<</Type/Annot/Subtype/Text/Contents(Ask Bob)/Rect[300 300 400 320]>>',
      ],
    });
    expect((await read(bytes, 'a.pdf')).text).toBe(
      'Country: Germany\nUrgent [x]\nFar away: alone\n\nTyped over\n\nNote: Ask Bob',
    );
  });

  it('say once what is drawn twice to be bold', async () => {
    const twice =
      'BT /F 12 Tf 72 770 Td (Bold title) Tj 0.4 0 Td (Bold title) Tj ET BT /F 12 Tf 72 740 Td (no no no) Tj ET';
    expect((await read(pdfPage(twice), 'a.pdf')).text.replace(/\n+/g, '\n')).toBe('Bold title\nno no no');
  });

  it('say once what is drawn letter by letter, and what has a shadow', async () => {
    const letters = 'Lamp'
      .split('')
      .map(
        (letter, index) =>
          `1 0 0 1 ${72 + index * 9} 770 Tm (${letter}) Tj 1 0 0 1 ${72.5 + index * 9} 770 Tm (${letter}) Tj`,
      );
    const shadow = '1 0 0 1 73.5 698.5 Tm (Shadow) Tj 1 0 0 1 72 700 Tm (Shadow) Tj';
    const { text } = await read(pdfPage(`BT /F 12 Tf ${letters.join(' ')} ${shadow} ET`), 'a.pdf');
    expect(text.replace(/ /g, '').replace(/\n+/g, '\n')).toBe('Lamp\nShadow');
  });

  it('put words together that the end of a line parts', async () => {
    const lines = ['We have well-known infor-', 'mation on lamps, and well-', 'known shops.'];
    const content = `BT /F 12 Tf 14 TL 72 770 Td ${lines.map((line) => `(${line}) Tj T*`).join(' ')} ET`;
    expect((await read(pdfPage(content), 'a.pdf')).text).toBe(
      'We have well-known information\non lamps, and well-known\nshops.',
    );
  });

  it('part lines and words that are only set apart', async () => {
    const content =
      'BT /F 12 Tf 1 0 0 1 72 770 Tm (One) Tj 1 0 0 1 72 750 Tm (Two) Tj 1 0 0 1 140 750 Tm (Three) Tj ET';
    expect((await read(pdfPage(content), 'a.pdf')).text.replace(/\s*\n\s*/g, '\n')).toMatch(
      /^One\nTwo\s+Three$/,
    );
  });

  it('tell which pages hold no text', async () => {
    await expect(read(pdfPage(''), 'a.pdf')).rejects.toBeInstanceOf(ParseFailure);
  });
});
