import { Continuation } from '../../src/runs/continuation';

/** What readers get in all: what they had, and what a repeated call adds. */
function joined(written: string, ...chunks: string[]): string {
  const continuation = new Continuation(written);
  return written + chunks.map((chunk) => continuation.push(chunk)).join('') + continuation.end();
}

describe('the answer of a repeated model call', () => {
  it('is taken whole when nothing was written before', () => {
    expect(joined('', 'Hel', 'lo')).toBe('Hello');
  });

  it('is appended when the model goes on', () => {
    expect(joined('The quick', ' brown', ' fox')).toBe('The quick brown fox');
  });

  it.each([1, 2, 3, 5, 8, 13])('is shortened by what it repeats, in chunks of %d characters', (size) => {
    const text = 'The quick brown fox jumps.';
    const chunks = text.match(new RegExp(`.{1,${size}}`, 'g'))!;
    for (let cut = 1; cut < text.length; cut++) expect(joined(text.slice(0, cut), ...chunks)).toBe(text);
  });

  it('is appended when it begins like the text and then turns out to be another', () => {
    expect(joined('The quick', 'The', ' slow')).toBe('The quickThe slow');
  });

  it('adds nothing when the repetition is cut before it reaches the end of the text', () => {
    expect(joined('The quick brown', 'The', ' qu')).toBe('The quick brown');
  });

  it('adds nothing when it is exactly the text', () => {
    expect(joined('Done.', 'Do', 'ne.')).toBe('Done.');
  });
});
