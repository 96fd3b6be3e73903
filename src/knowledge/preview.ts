import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { DocumentParser } from '../documents/parse';
import { CHUNKING_STRATEGIES, type Chunk, type ChunkingStrategy } from '../documents/types';
import { invalid } from '../errors';
import type { Principal } from '../ports/identity';
import type { JsonValue } from '../ports/records';
import { Complaints } from './complaints';
import { BASE_DEFAULTS, KNOWLEDGE_LIMITS } from './limits';
import type { IncomingFile } from './ingestion/uploads';

const TEXT_CHARACTERS = 1_000_000;
/** A streamed preview is asked for twice: once to be accepted, once to be followed. */
const REMEMBERED = 4;
const REMEMBER_MS = 30_000;

export interface PreviewForm {
  text?: string | null;
  file?: IncomingFile | null;
  /** Decides what a text is read as: `notes.md`, `main.py`. */
  fileName?: string | null;
  chunkSize?: number | null;
  overlapPercentage?: number | null;
  chunkingStrategy?: string | null;
}

export type PreviewChunk = Omit<Chunk, 'metadata'>;

export interface PreviewEvent {
  type: 'chunk' | 'end';
  seq: number;
  content: JsonValue;
}

/** Shows how a text or a file would be cut, without keeping anything of it. */
export class ChunkingPreviews {
  private readonly recent = new Map<string, Promise<PreviewChunk[]>>();

  constructor(private readonly dependencies: { parser: DocumentParser }) {}

  /** @throws DomainError `validation_failed`, `unsupported_media_type` */
  async preview(principal: Principal, form: PreviewForm): Promise<{ chunks: PreviewChunk[] }> {
    checkForm(form);
    const content = contentOf(form);
    const key = await keyOf(form, content);
    const known = this.recent.get(key);
    if (known) return { chunks: await known };
    const chunks = this.cut(principal, form, content);
    this.remember(key, chunks);
    return { chunks: await chunks };
  }

  /** The same as events. */
  async *events(principal: Principal, form: PreviewForm): AsyncGenerator<PreviewEvent> {
    const { chunks } = await this.preview(principal, form);
    let seq = 0;
    for (const chunk of chunks) yield { type: 'chunk', seq: seq++, content: { ...chunk } };
    const tokens = chunks.reduce((sum, chunk) => sum + chunk.tokens, 0);
    yield { type: 'end', seq, content: { total: chunks.length, tokens } };
  }

  private async cut(
    { tenant, userId: user }: Principal,
    form: PreviewForm,
    content: Content,
  ): Promise<PreviewChunk[]> {
    const fileName = form.file?.fileName ?? form.fileName ?? 'text.txt';
    const { chunks } = await this.dependencies.parser.read(
      { ...content, fileName, declaredType: form.file?.mimeType },
      {
        strategy: (form.chunkingStrategy ?? BASE_DEFAULTS.chunkingStrategy) as ChunkingStrategy,
        size: form.chunkSize ?? BASE_DEFAULTS.chunkSize,
        overlap: form.overlapPercentage ?? BASE_DEFAULTS.overlapPercentage,
      },
      { turn: { tenant, user } },
    );
    return chunks.map(({ index, text, start, end, tokens }) => ({ index, text, start, end, tokens }));
  }

  private remember(key: string, chunks: Promise<PreviewChunk[]>): void {
    this.recent.set(key, chunks);
    const forget = (): void => void this.recent.delete(key);
    chunks.catch(forget);
    setTimeout(forget, REMEMBER_MS).unref();
    const [oldest] = this.recent.keys();
    if (this.recent.size > REMEMBERED) this.recent.delete(oldest!);
  }
}

/** @throws DomainError `validation_failed` naming every bad field */
function checkForm(form: PreviewForm): void {
  const hasText = form.text !== undefined && form.text !== null;
  if (hasText === Boolean(form.file)) throw invalid('text', 'exactly one of text and file is needed');
  const complaints = new Complaints();
  if (hasText && form.text!.trim() === '') complaints.add('text', 'must not be empty');
  complaints.text('text', form.text, TEXT_CHARACTERS);
  complaints.range('chunk_size', form.chunkSize, { ...KNOWLEDGE_LIMITS.chunkSize, whole: true });
  complaints.range('overlap_percentage', form.overlapPercentage, KNOWLEDGE_LIMITS.overlap);
  complaints.oneOf('chunking_strategy', form.chunkingStrategy, CHUNKING_STRATEGIES);
  complaints.throwIfAny();
}

type Content = { bytes: Uint8Array } | { path: string };

function contentOf({ file, text }: PreviewForm): Content {
  if (!file) return { bytes: Buffer.from(text!, 'utf8') };
  return file.bytes ? { bytes: file.bytes } : { path: file.path! };
}

async function keyOf(form: PreviewForm, content: Content): Promise<string> {
  const { chunkSize, overlapPercentage, chunkingStrategy } = form;
  const name = form.file?.fileName ?? form.fileName;
  const hash = createHash('sha256').update(
    JSON.stringify([chunkSize, overlapPercentage, chunkingStrategy, name, form.file?.mimeType]),
  );
  if ('bytes' in content) hash.update(content.bytes);
  else for await (const chunk of createReadStream(content.path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
