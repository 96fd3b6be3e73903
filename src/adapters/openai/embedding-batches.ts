import { DomainError } from '../../errors';
import type { Logger } from '../../ports/logger';
import { mean } from './embeddings';

/** OpenAI takes 300,000 tokens a request (https://platform.openai.com/docs/api-reference/embeddings); the rest is margin for the estimate. */
const REQUEST_TOKENS = 250_000;
/** OpenAI's embedding models read 8,192 tokens of a text. */
const TEXT_TOKENS = 8_000;
/** Tokens of a character: English has fewer, so that the estimate errs upwards. */
const TOKENS_PER_CHARACTER = 0.3;
/** For each byte of UTF-8 beyond one: Chinese comes to 1.3 tokens a character. */
const TOKENS_PER_FURTHER_BYTE = 0.5;
/** A text as short as this is refused for another reason than its length. UTF-16 code units. */
const SHORTEST_PART = 250;
/** Statuses that may mean that a request is too large. */
const MAY_BE_TOO_LARGE: ReadonlySet<unknown> = new Set([400, 413, 422]);
/** What servers say that answer 5xx instead. */
const SAYS_TOO_LARGE = /too (?:large|long|many)|batch size|context (?:size|length)|exceed/i;
const MODELS_REMEMBERED = 1_000;

export interface Embedded {
  vectors: Float32Array[];
  /** As the endpoint counts. */
  inputTokens: number;
}

export interface EmbeddingBatchesInput {
  /** Texts of one request at most. */
  mostTexts: number;
  /** One request. @throws DomainError as the endpoint refuses */
  send: (model: string, input: string[], signal: AbortSignal | undefined) => Promise<Embedded>;
  logger: Logger;
  provider: string;
}

/** What one request may hold. */
interface Room {
  texts: number;
  /** Of one text, as tokens are estimated. */
  textTokens: number;
}

/** A text, or one of the parts of a text that is too long. */
interface Piece {
  text: string;
  of: number;
}

/**
 * Cuts texts into requests that an endpoint takes: by count and by size, and where one is refused all the same, by halves,
 * down to parts of a single text. What an endpoint takes is remembered for its model while the process lives. The vector of
 * a text in parts is their mean, weighted by length
 * (https://cookbook.openai.com/examples/embedding_long_inputs).
 */
export class EmbeddingBatches {
  private readonly rooms = new Map<string, Room>();

  constructor(private readonly input: EmbeddingBatchesInput) {}

  /** One vector for each text, in order. @throws DomainError of the endpoint when the smallest request is refused, too */
  async embed(model: string, texts: string[], signal: AbortSignal | undefined): Promise<Embedded> {
    const { textTokens } = this.room(model);
    const pieces = texts.flatMap((text, of) =>
      partsOf(text, textTokens).map((part): Piece => ({ text: part, of })),
    );
    const vectors: Float32Array[] = [];
    let inputTokens = 0;
    for (let from = 0; from < pieces.length;) {
      const batch = this.next(model, pieces, from);
      from += batch.length;
      const answer = await this.sendOrHalve(
        model,
        batch.map(({ text }) => text),
        signal,
      );
      vectors.push(...answer.vectors);
      inputTokens += answer.inputTokens;
    }
    if (pieces.length === texts.length) return { vectors, inputTokens };
    const whole = texts.map((_, index) =>
      joined(pieces.flatMap(({ text, of }, at) => (of === index ? [{ text, vector: vectors[at]! }] : []))),
    );
    return { vectors: whole, inputTokens };
  }

  /** As many pieces as fit into one request; what was learned since counts. */
  private next(model: string, pieces: Piece[], from: number): Piece[] {
    const { texts } = this.room(model);
    let tokens = 0;
    let to = from;
    while (to < pieces.length && to - from < texts) {
      tokens += estimatedTokens(pieces[to]!.text);
      if (tokens > REQUEST_TOKENS && to > from) break;
      to++;
    }
    return pieces.slice(from, to);
  }

  private async sendOrHalve(
    model: string,
    texts: string[],
    signal: AbortSignal | undefined,
  ): Promise<Embedded> {
    try {
      return await this.input.send(model, texts, signal);
    } catch (error) {
      if (!mayBeTooLarge(error)) throw error;
      const [text] = texts;
      if (texts.length > 1) return this.inHalves(model, texts, signal);
      if (text!.length > SHORTEST_PART) return this.inParts(model, text!, signal);
      throw error;
    }
  }

  private async inHalves(model: string, texts: string[], signal: AbortSignal | undefined): Promise<Embedded> {
    const half = Math.ceil(texts.length / 2);
    const first = await this.sendOrHalve(model, texts.slice(0, half), signal);
    const second = await this.sendOrHalve(model, texts.slice(half), signal);
    // Only now is it sure that the number was at fault, and not one of the texts.
    this.learn(model, { texts: half });
    return {
      vectors: [...first.vectors, ...second.vectors],
      inputTokens: first.inputTokens + second.inputTokens,
    };
  }

  private async inParts(model: string, text: string, signal: AbortSignal | undefined): Promise<Embedded> {
    const parts = partsOf(text, estimatedTokens(text) / 2);
    const vectors: Float32Array[] = [];
    let inputTokens = 0;
    for (const part of parts) {
      const answer = await this.sendOrHalve(model, [part], signal);
      vectors.push(...answer.vectors);
      inputTokens += answer.inputTokens;
    }
    this.learn(model, { textTokens: Math.max(...parts.map(estimatedTokens)) });
    const vector = joined(parts.map((part, index) => ({ text: part, vector: vectors[index]! })));
    return { vectors: [vector], inputTokens };
  }

  private room(model: string): Room {
    return this.rooms.get(model) ?? { texts: this.input.mostTexts, textTokens: TEXT_TOKENS };
  }

  private learn(model: string, learned: Partial<Room>): void {
    const known = this.room(model);
    const texts = Math.min(known.texts, learned.texts ?? known.texts);
    const textTokens = Math.min(known.textTokens, learned.textTokens ?? known.textTokens);
    if (texts === known.texts && textTokens === known.textTokens) return;
    // Ids come from callers: without a bound they would fill memory.
    if (this.rooms.size >= MODELS_REMEMBERED) this.rooms.clear();
    this.rooms.set(model, { texts, textTokens });
    const { provider, logger } = this.input;
    logger.warn(
      { provider, model, texts, textTokens },
      'embedding requests were too large, smaller ones follow',
    );
  }
}

/** A rough count that is seldom too low, at the cost of one look at the length. */
const estimatedTokens = (text: string): number =>
  TOKENS_PER_CHARACTER * text.length + TOKENS_PER_FURTHER_BYTE * (Buffer.byteLength(text) - text.length);

/** The text in equal parts of at most so many tokens, cut at blanks where there are some, never within a character. */
function partsOf(text: string, mostTokens: number): string[] {
  const count = Math.ceil(estimatedTokens(text) / mostTokens);
  if (!(count > 1)) return [text];
  const parts: string[] = [];
  const length = Math.ceil(text.length / count);
  for (let from = 0; from < text.length;) {
    const to = Math.min(text.length, from + length);
    const end = to === text.length ? to : cutBefore(text, from, to);
    const part = text.slice(from, end);
    // Endpoints refuse texts without anything to read.
    if (part.trim() !== '') parts.push(part);
    from = end;
  }
  return parts;
}

/** The end of a word in the last tenth before `to`, else `to` or one unit earlier. */
function cutBefore(text: string, from: number, to: number): number {
  const blank = text.lastIndexOf(' ', to);
  if (blank > to - (to - from) / 10) return blank + 1;
  const isWithinPair = (text.charCodeAt(to - 1) & 0xfc00) === 0xd800;
  return isWithinPair && to - 1 > from ? to - 1 : to;
}

const joined = (parts: { text: string; vector: Float32Array }[]): Float32Array =>
  parts.length === 1
    ? parts[0]!.vector
    : mean(parts.map(({ text, vector }) => ({ vector, weight: text.length })));

function mayBeTooLarge(error: unknown): boolean {
  if (!(error instanceof DomainError)) return false;
  const status = error.details.extra?.provider_status;
  return MAY_BE_TOO_LARGE.has(status) || (Number(status) >= 500 && SAYS_TOO_LARGE.test(error.message));
}
