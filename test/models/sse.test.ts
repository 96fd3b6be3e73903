import fc from 'fast-check';
import { MAX_EVENT_CHARS, SseParser } from '../../src/adapters/openai/sse';

function parse(chunks: Buffer[]): string[] {
  const events: string[] = [];
  const parser = new SseParser((data) => events.push(data));
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return events;
}

const whole = (text: string): string[] => parse([Buffer.from(text)]);

describe('the parser of server-sent events', () => {
  it.each<[string, string, string[]]>([
    ['line feeds', 'data: a\n\ndata: b\n\n', ['a', 'b']],
    ['carriage returns with line feeds', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['carriage returns alone', 'data: a\r\rdata: b\r\r', ['a', 'b']],
    ['no blank after the colon', 'data:a\n\n', ['a']],
    ['only one blank removed', 'data:  a\n\n', [' a']],
    ['several lines of one event', 'data: a\ndata: b\n\n', ['a\nb']],
    ['comments and other fields', ': ping\n\nevent: x\nid: 1\ndata: a\n\n', ['a']],
    ['no event without data', 'data:\n\ndata: a\n\nevent: ping\n\n', ['a']],
    ['an end without its blank line', 'data: a\n\ndata: b', ['a', 'b']],
    ['nothing', '', []],
  ])('reads %s', (_name, text, events) => {
    expect(whole(text)).toEqual(events);
  });

  it('reads the same however the network cuts the bytes', () => {
    const text = ': c\r\ndata: äöü 🙂\r\n\r\ndata: x\ndata: y\n\ndata: 1\r\rdata: 2\r\n\r\n';
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
        expect(parse(chunks)).toEqual(whole(text));
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('refuses an event without an end', () => {
    expect(() => whole(`data: ${'x'.repeat(MAX_EVENT_CHARS)}`)).toThrow(RangeError);
  });
});
