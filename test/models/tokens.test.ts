import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { estimateTokens } from '../../src/models/tokens';

const PROSE =
  'The embedded model answers from the context that it is given. It quotes the sentences which fit the question best, ' +
  "and it says plainly when there are none; that's honest, isn't it? On 24 November 2026 the council approved a budget " +
  'of 1,250,000 euros for the renovation of the old harbour, although several members had voted against the proposal.';

describe('the token estimate', () => {
  it.each([
    ['prose', PROSE],
    ['TypeScript', readFileSync(join(__dirname, '../../src/models/gateway.ts'), 'utf8')],
    ['JSON', readFileSync(join(__dirname, '../../src/models/openai-models.json'), 'utf8')],
    [
      'Markdown',
      '# Title\n\n- **bold** item with `code`\n- another [link](https://example.com/path)\n\n1. First\n2. Second\n',
    ],
  ])('is within 15 %% of the tokenizer for %s', (_name, text) => {
    const exact = countTokens(text);
    expect(Math.abs(estimateTokens(text) - exact) / exact).toBeLessThan(0.15);
  });

  it('is 0 for nothing and grows with the text', () => {
    expect(estimateTokens('')).toBe(0);
    expect(estimateTokens(PROSE + PROSE)).toBeGreaterThan(estimateTokens(PROSE));
  });
});
