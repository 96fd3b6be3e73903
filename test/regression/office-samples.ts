/** Office files and PDFs of odd makers, made here part by part. */
import { zip } from '../documents/samples';

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

export const NAMESPACES = [
  'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"',
  'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"',
  'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"',
  'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"',
  'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"',
  'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"',
  'xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"',
  'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"',
  'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"',
  'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"',
  'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"',
  'xmlns:v="urn:schemas-microsoft-com:vml"',
  `xmlns:r="${OFFICE}"`,
].join(' ');

interface Link {
  type: string;
  target: string;
  external?: boolean;
}

/** The list of relations of a part; ids are `r1`, `r2`, ... in the order given. */
export const links = (...all: Link[]): string =>
  `${XML}<Relationships xmlns="${PACKAGE}/relationships">${all
    .map(
      ({ type, target, external }, index) =>
        `<Relationship Id="r${index + 1}" Type="${OFFICE}/${type}" Target="${target}"${external ? ' TargetMode="External"' : ''}/>`,
    )
    .join('')}</Relationships>`;

type Parts = Record<string, string | Uint8Array>;

const TYPES = {
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml',
};

const contentTypes = (main: string, type: string): string =>
  `${XML}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Default Extension="html" ContentType="text/html"/><Override PartName="/${main}" ContentType="${type}"/></Types>`;

/** A Word document around the inside of its body. */
export const wordFile = (body: string, parts: Parts = {}, relations: Link[] = []): Uint8Array =>
  zip({
    '[Content_Types].xml': contentTypes('word/document.xml', TYPES.docx),
    '_rels/.rels': links({ type: 'officeDocument', target: 'word/document.xml' }),
    'word/document.xml': `${XML}<w:document ${NAMESPACES}><w:body>${body}</w:body></w:document>`,
    'word/_rels/document.xml.rels': links(...relations),
    ...parts,
  });

export const wordPart = (name: string, inside: string): string =>
  `${XML}<w:${name} ${NAMESPACES}>${inside}</w:${name}>`;

export const p = (text: string, properties = ''): string =>
  `<w:p>${properties && `<w:pPr>${properties}</w:pPr>`}${r(text)}</w:p>`;
export const r = (text: string): string => `<w:r><w:t xml:space="preserve">${text}</w:t></w:r>`;
export const graphic = (inside: string): string =>
  `<w:r><w:drawing><wp:inline><a:graphic><a:graphicData>${inside}</a:graphicData></a:graphic></wp:inline></w:drawing></w:r>`;

/** A chart of one series. */
export const chart = (title: string, name: string, points: [string, number][]): string => {
  const cached = (kind: 'str' | 'num', values: (string | number)[]): string =>
    `<c:${kind}Ref><c:${kind}Cache>${kind === 'num' ? '<c:formatCode>0.0</c:formatCode>' : ''}${values.map((value, index) => `<c:pt idx="${index}"><c:v>${value}</c:v></c:pt>`).join('')}</c:${kind}Cache></c:${kind}Ref>`;
  return `${XML}<c:chartSpace ${NAMESPACES}><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>${title}</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart><c:ser><c:tx>${cached('str', [name])}</c:tx><c:cat>${cached(
    'str',
    points.map(([category]) => category),
  )}</c:cat><c:val>${cached(
    'num',
    points.map(([, value]) => value),
  )}</c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>`;
};

/** SmartArt of one point below another. */
export const diagram = (above: string, below: string): string =>
  `${XML}<dgm:dataModel ${NAMESPACES}><dgm:ptLst><dgm:pt modelId="0" type="doc"/><dgm:pt modelId="2"><dgm:t><a:p><a:r><a:t>${below}</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt modelId="1"><dgm:t><a:p><a:r><a:t>${above}</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt modelId="9" type="pres"><dgm:t><a:p/></dgm:t></dgm:pt></dgm:ptLst><dgm:cxnLst><dgm:cxn srcId="0" destId="1"/><dgm:cxn srcId="1" destId="2"/></dgm:cxnLst></dgm:dataModel>`;

interface SheetOptions {
  /** Inside of `sheetData`. */
  rows: string;
  /** After it. */
  after?: string;
  /** Patterns of the styles 1, 2, ... */
  formats?: string[];
  workbook?: string;
  state?: string;
  parts?: Parts;
  relations?: Link[];
}

/** A workbook of one sheet. */
export const workbookFile = ({
  rows,
  after = '',
  formats = [],
  workbook = '',
  state = 'visible',
  parts = {},
  relations = [],
}: SheetOptions): Uint8Array => {
  const main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
  const escaped = (text: string): string =>
    text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return zip({
    '[Content_Types].xml': contentTypes('xl/workbook.xml', TYPES.xlsx),
    '_rels/.rels': links({ type: 'officeDocument', target: '/xl/workbook.xml' }),
    'xl/workbook.xml': `${XML}<workbook ${main} xmlns:r="${OFFICE}">${workbook}<sheets><sheet name="Data" sheetId="1" r:id="r1" state="${state}"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': links(
      { type: 'worksheet', target: 'worksheets/sheet1.xml' },
      { type: 'styles', target: 'styles.xml' },
    ),
    'xl/styles.xml': `${XML}<styleSheet ${main}><numFmts>${formats.map((code, index) => `<numFmt numFmtId="${200 + index}" formatCode="${escaped(code)}"/>`).join('')}</numFmts><cellXfs><xf numFmtId="0"/>${formats.map((_, index) => `<xf numFmtId="${200 + index}"/>`).join('')}</cellXfs></styleSheet>`,
    'xl/worksheets/sheet1.xml': `${XML}<worksheet ${main} xmlns:r="${OFFICE}"><sheetData>${rows}</sheetData>${after}</worksheet>`,
    'xl/worksheets/_rels/sheet1.xml.rels': links(...relations),
    ...parts,
  });
};

/** A presentation of one slide around what stands on it. */
export const slideFile = (
  shapes: string,
  parts: Parts = {},
  relations: Link[] = [],
  attributes = '',
): Uint8Array =>
  zip({
    '[Content_Types].xml': contentTypes('ppt/presentation.xml', TYPES.pptx),
    '_rels/.rels': links({ type: 'officeDocument', target: 'ppt/presentation.xml' }),
    'ppt/presentation.xml': `${XML}<p:presentation ${NAMESPACES}><p:sldIdLst><p:sldId r:id="r1"/></p:sldIdLst></p:presentation>`,
    'ppt/_rels/presentation.xml.rels': links({ type: 'slide', target: 'slides/slide1.xml' }),
    'ppt/slides/slide1.xml': `${XML}<p:sld ${NAMESPACES}${attributes}><p:cSld><p:spTree>${shapes}</p:spTree></p:cSld></p:sld>`,
    'ppt/slides/_rels/slide1.xml.rels': links(...relations),
    ...parts,
  });

export const frame = (inside: string): string =>
  `<p:graphicFrame><a:graphic><a:graphicData>${inside}</a:graphicData></a:graphic></p:graphicFrame>`;

/** A PDF of one page that draws `content` in Helvetica, `/F` in a page of 595 to 842. */
export function pdfPage(content: string, { annotations = [] as string[] } = {}): Uint8Array {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>/Annots[${annotations.map((_, index) => `${index + 6} 0 R`).join(' ')}]>>`,
    `<</Length ${content.length}>>stream\n${content}\nendstream`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>',
    ...annotations,
  ];
  let text = '%PDF-1.5\n';
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  text += offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  text += `trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${start}\n%%EOF`;
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
