import { StringDecoder } from 'node:string_decoder';

/** An event longer than this is no chat chunk; it would otherwise grow in memory without end. */
export const MAX_EVENT_CHARS = 4 * 1024 * 1024;

/** Takes the data of one event and its type, '' when it has none. */
export type OnData = (data: string, event: string) => void;

/**
 * Server-sent events, data and their types (https://html.spec.whatwg.org/multipage/server-sent-events.html): lines end with
 * LF, CRLF or CR; several `data:` lines of one event are joined by LF; comments, other fields and events without data (a
 * sign of life) are skipped. Unlike the standard, an event that the end of the stream cuts off before its blank line is delivered: some endpoints omit it.
 */
export class SseParser {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';
  private data: string | undefined;
  private event = '';
  private sawCarriageReturn = false;

  constructor(private readonly onData: OnData) {}

  /** @throws RangeError when one event exceeds {@link MAX_EVENT_CHARS} */
  push(chunk: Buffer): void {
    this.consume(this.rest + this.decoder.write(chunk));
  }

  end(): void {
    this.consume(this.rest + this.decoder.end());
    if (this.rest) this.line(this.rest);
    this.rest = '';
    this.dispatch();
  }

  private consume(text: string): void {
    if (text.length > MAX_EVENT_CHARS) throw new RangeError('A server-sent event is too long.');
    let start = 0;
    for (;;) {
      const end = this.lineEnd(text, start);
      if (end < 0) break;
      // The LF of a CRLF that two network chunks tore apart ends no second line.
      const torn = this.sawCarriageReturn && end === start && text[end] === '\n';
      if (!torn) this.line(text.slice(start, end));
      this.sawCarriageReturn = text[end] === '\r';
      start = end + 1;
    }
    if (start < text.length) this.sawCarriageReturn = false;
    this.rest = text.slice(start);
  }

  private lineEnd(text: string, start: number): number {
    const lf = text.indexOf('\n', start);
    // CR alone is rare and JSON holds none unescaped: look for it only in front of the next LF.
    const cr = text.slice(start, lf < 0 ? undefined : lf).indexOf('\r');
    return cr < 0 ? lf : start + cr;
  }

  private line(line: string): void {
    if (line === '') return this.dispatch();
    if (line.startsWith('event:')) this.event = line.slice(6).trim();
    if (!line.startsWith('data:')) return;
    const value = line.charCodeAt(5) === 32 ? line.slice(6) : line.slice(5);
    this.data = this.data === undefined ? value : `${this.data}\n${value}`;
    if (this.data.length > MAX_EVENT_CHARS) throw new RangeError('A server-sent event is too long.');
  }

  private dispatch(): void {
    const { data, event } = this;
    this.data = undefined;
    this.event = '';
    if (data) this.onData(data, event);
  }
}
