import type { DocumentFormat } from '../../types';
import { ParseFailure } from '../failure';
import { childrenNamed, parseXml, scanXml, type XmlElement } from '../xml';
import { readZip, zipNames, type ZipEntries } from '../zip';
import { Report } from './report';

/** Where a part points to. */
export interface Relation {
  id: string;
  /** The last word of the type's address, which Transitional, Strict and Microsoft's own share: `slide`, `image`, ... */
  type: string;
  /** A part of the package, or an address when `external`. */
  target: string;
  external: boolean;
}

/** What no reader asks for, and what may be large. */
const UNREAD = /calcchain|pivotcache|printersettings|vbaproject|fonttable|slidelayout|tablestyles/i;
/** As of an archive that is read at once. */
const MAX_LOADED_BYTES = 128 * 1024 * 1024;
const CONTENT_TYPES_PART = '[content_types].xml';

/** Names of parts are the same in any case, and some writers part folders by backslashes. */
const partName = (name: string): string => name.replaceAll('\\', '/').replace(/^\/+/, '').toLowerCase();

/**
 * The parts of an Office file, found by relations and content types (ECMA-376 part 2) and not by their names, which are
 * any program's own choice.
 */
export class OfficePackage {
  readonly report = new Report();
  private readonly parts = new Map<string, Uint8Array>();
  private readonly names = new Map<string, string>();
  private readonly defaults = new Map<string, string>();
  private readonly overrides = new Map<string, string>();
  private readonly relationsByPart = new Map<string, Map<string, Relation>>();
  /** The part that all others hang on; undefined when the archive is no Office file. */
  readonly main: string | undefined;

  private constructor(private readonly bytes: Uint8Array) {
    for (const name of zipNames(bytes)) this.names.set(partName(name), name);
    this.take(readZip(bytes, (name) => /(?:\.rels|\[content_types\]\.xml)$/i.test(name)));
    this.readContentTypes();
    this.main = this.findMain();
  }

  /** Reads what says where things are. @throws ParseFailure `broken` or `too_large` */
  static open(bytes: Uint8Array): OfficePackage {
    return new OfficePackage(bytes);
  }

  /** Reads all XML at once, within the limits of archives. @throws ParseFailure `too_large` */
  load(): this {
    const wanted = [...this.names].filter(
      ([part]) =>
        !this.parts.has(part) && this.isXml(part) && !UNREAD.test(`${part} ${this.contentType(part)}`),
    );
    const stored = new Set(wanted.map(([, name]) => name));
    try {
      this.take(readZip(this.bytes, (name) => stored.has(name)));
    } catch (error) {
      if (!(error instanceof ParseFailure) || error.reason !== 'broken') throw error;
      // One part that cannot be unpacked must not cost the others: it is reported when somebody asks for it.
      for (const name of stored) this.takeAlone(name);
    }
    return this;
  }

  private takeAlone(name: string): void {
    try {
      this.take(readZip(this.bytes, (entry) => entry === name));
    } catch (error) {
      if (!(error instanceof ParseFailure) || error.reason !== 'broken') throw error;
    }
    let total = 0;
    for (const { length } of this.parts.values()) total += length;
    if (total > MAX_LOADED_BYTES)
      throw new ParseFailure('too_large', `The file unpacks to more than ${MAX_LOADED_BYTES} bytes of XML.`);
  }

  has(name: string): boolean {
    return this.names.has(partName(name));
  }

  /** @returns undefined for what is not there */
  part(name: string): Uint8Array | undefined {
    const key = partName(name);
    const loaded = this.parts.get(key);
    const stored = this.names.get(key);
    if (loaded || stored === undefined) return loaded;
    this.take(readZip(this.bytes, (entry) => entry === stored));
    return this.parts.get(key);
  }

  /** A damaged part is left out and reported, so that the others are read. */
  xml(name: string | undefined): XmlElement | undefined {
    return name === undefined ? undefined : this.guarded(name, parseXml);
  }

  /** The part without which there is no file. @throws ParseFailure `broken` or `too_large` */
  mainXml(): XmlElement | undefined {
    const bytes = this.main === undefined ? undefined : this.part(this.main);
    return bytes && parseXml(bytes);
  }

  /** What `read` makes of a part; undefined when it is not there or damaged, which is reported. */
  guarded<T>(name: string, read: (bytes: Uint8Array) => T): T | undefined {
    try {
      const bytes = this.part(name);
      if (bytes) return read(bytes);
      this.report.say(`A part of the file is missing: ${name}.`);
    } catch (error) {
      if (!(error instanceof ParseFailure) || error.reason !== 'broken') throw error;
      this.report.say(`A part of the file was not read: ${name}. ${error.message}`);
    }
    return undefined;
  }

  contentType(name: string): string {
    const part = partName(name);
    return this.overrides.get(part) ?? this.defaults.get(part.slice(part.lastIndexOf('.') + 1)) ?? '';
  }

  /** By id, in the order of the file. */
  relations(part: string): Map<string, Relation> {
    const key = partName(part);
    let relations = this.relationsByPart.get(key);
    if (!relations) this.relationsByPart.set(key, (relations = this.readRelations(key)));
    return relations;
  }

  /** The part that a relation of `part` points to. */
  target(part: string, id: string | undefined): string | undefined {
    const relation = this.relations(part).get(id ?? '');
    return relation && !relation.external ? relation.target : undefined;
  }

  /** Parts that relations of the type point to. */
  targets(part: string, type: string): string[] {
    return [...this.relations(part).values()]
      .filter((relation) => relation.type === type.toLowerCase() && !relation.external)
      .map(({ target }) => target);
  }

  private isXml(part: string): boolean {
    return /\.(?:xml|rels)$/.test(part) || /[/+]xml\b/i.test(this.contentType(part));
  }

  private take(entries: ZipEntries): void {
    for (const [name, bytes] of Object.entries(entries)) this.parts.set(partName(name), bytes);
  }

  private readContentTypes(): void {
    const bytes = this.parts.get(CONTENT_TYPES_PART);
    if (!bytes) return;
    for (const { name, attributes } of this.guarded(CONTENT_TYPES_PART, parseXml)?.children.filter(
      (child): child is XmlElement => typeof child !== 'string',
    ) ?? []) {
      const type = attributes.ContentType ?? '';
      if (name === 'Default') this.defaults.set((attributes.Extension ?? '').toLowerCase(), type);
      else if (name === 'Override') this.overrides.set(partName(attributes.PartName ?? ''), type);
    }
  }

  private readRelations(part: string): Map<string, Relation> {
    const slash = part.lastIndexOf('/') + 1;
    const folder = part.slice(0, slash);
    const list = `${folder}_rels/${part.slice(slash)}.rels`;
    const root = this.names.has(list) ? this.xml(list) : undefined;
    const relations = root ? childrenNamed(root, 'Relationship') : [];
    return new Map(
      relations.map(({ attributes }) => {
        const external = attributes.TargetMode?.toLowerCase() === 'external';
        const written = attributes.Target ?? '';
        const id = attributes.Id ?? '';
        const type = (attributes.Type ?? '').split('/').at(-1)!.toLowerCase();
        return [id, { id, type, external, target: external ? written : this.resolve(folder, written) }];
      }),
    );
  }

  private resolve(folder: string, written: string): string {
    const target = written.replaceAll('\\', '/').split('#', 1)[0]!;
    const path = target.startsWith('/') ? target : `/${folder}${target}`;
    const steps: string[] = [];
    for (const step of path.split('/')) {
      if (step === '..') steps.pop();
      else if (step !== '' && step !== '.') steps.push(step);
    }
    const name = partName(steps.join('/'));
    return this.names.has(name) ? name : partName(decoded(name));
  }

  private findMain(): string | undefined {
    const [related] = this.targets('', 'officeDocument');
    if (related !== undefined && this.names.has(related)) return related;
    const typed = [...this.overrides].find(
      ([part, type]) => /\bmain(?:\+xml)?$/i.test(type) && this.names.has(part),
    );
    return typed?.[0] ?? WELL_KNOWN.find((part) => this.names.has(part));
  }
}

/** Where the usual programs put the main part: for files without relations. */
const WELL_KNOWN = ['word/document.xml', 'ppt/presentation.xml', 'xl/workbook.xml'];

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    // A percent sign of its own.
    return name;
  }
}

const ROOTS: Record<string, DocumentFormat> = {
  'w:document': 'docx',
  'p:presentation': 'pptx',
  workbook: 'xlsx',
};

const KINDS: readonly [RegExp, DocumentFormat][] = [
  [/wordprocessingml|ms-word/i, 'docx'],
  [/presentationml|ms-powerpoint/i, 'pptx'],
  [/spreadsheetml|ms-excel/i, 'xlsx'],
];

/**
 * Which Office format an archive is.
 * @returns undefined when it is none
 * @throws ParseFailure `unsupported` for workbooks in Excel's binary format
 */
export function officeFormat(bytes: Uint8Array): DocumentFormat | undefined {
  const file = OfficePackage.open(bytes);
  if (file.main === undefined) return undefined;
  const type = file.contentType(file.main);
  if (/sheet\.binary/i.test(type) || /\.bin$/.test(file.main))
    throw new ParseFailure(
      'unsupported',
      'Binary workbooks (.xlsb) are not read; save it as .xlsx.',
      'application/vnd.ms-excel.sheet.binary.macroEnabled.12',
    );
  return KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? ROOTS[file.guarded(file.main, rootName) ?? ''];
}

class Found extends Error {}

function rootName(bytes: Uint8Array): string {
  let root = '';
  try {
    scanXml(bytes, {
      open(name) {
        root = name;
        throw new Found();
      },
      close: () => undefined,
      text: () => undefined,
    });
  } catch (error) {
    if (!(error instanceof Found)) throw error;
  }
  return root;
}
