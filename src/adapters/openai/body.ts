import { MAX_EVENT_CHARS, SseParser, type OnData } from './sse';

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
/** Blanks and the bytes of a byte order mark, which say nothing at the beginning of a body. */
const INSIGNIFICANT = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);

/**
 * The body of an answer as payloads: server-sent events as was asked for, or JSON, whole or line by line, as some endpoints
 * answer all the same. Its first byte decides and not its type, which proxies change.
 */
export class AnswerBody {
  private parser: SseParser | JsonBody | undefined;
  /** Payloads so far. */
  payloads = 0;

  constructor(private readonly onData: OnData) {}

  /** True for a body that is no stream of events. */
  get isJson(): boolean {
    return this.parser instanceof JsonBody;
  }

  /** @throws RangeError when it is too long to be an answer */
  push(chunk: Buffer): void {
    if (this.parser) return this.parser.push(chunk);
    const start = chunk.findIndex((byte) => !INSIGNIFICANT.has(byte));
    if (start < 0) return;
    const first = chunk[start];
    const deliver: OnData = (data, event) => {
      this.payloads += 1;
      this.onData(data, event);
    };
    const json = first === OPEN_BRACE || first === OPEN_BRACKET;
    this.parser = json ? new JsonBody(deliver) : new SseParser(deliver);
    this.parser.push(chunk.subarray(start));
  }

  end(): void {
    this.parser?.end();
  }
}

class JsonBody {
  private readonly parts: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly onData: OnData) {}

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > MAX_EVENT_CHARS) throw new RangeError('The answer is too long.');
    this.parts.push(chunk);
  }

  end(): void {
    const text = Buffer.concat(this.parts).toString('utf8').trim();
    if (isJson(text)) return this.onData(text, '');
    for (const line of text.split('\n')) if (line.trim() !== '') this.onData(line, '');
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
