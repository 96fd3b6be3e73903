import { randomUUID } from 'node:crypto';
import { Client } from '@elastic/elasticsearch';
import { ElasticsearchIndex } from '../../src/adapters/elasticsearch';
import { ANALYSIS_VERSION, Analyzer } from '../../src/adapters/embedded-search/analysis';
import { chunk, describeSearchIndex } from './contract';

const url = process.env.ELASTICSEARCH_URL;
const analyzer = new Analyzer();
const prefixes: string[] = [];

function create(prefix = `test-${randomUUID()}`, analysisVersion = ANALYSIS_VERSION): ElasticsearchIndex {
  prefixes.push(prefix);
  return new ElasticsearchIndex({
    url: url!,
    prefix,
    analysis: analyzer,
    analysisVersion,
  });
}

// Needs a search server: `ELASTICSEARCH_URL=... npm run test:integration`.
const suite = url ? describe : describe.skip;

suite('on a search server', () => {
  afterAll(async () => {
    const client = new Client({ node: url! });
    for (const prefix of new Set(prefixes))
      await client.indices.delete({ index: `${prefix}-*`, ignore_unavailable: true });
    await client.close();
  });

  describeSearchIndex('Elasticsearch', async () => create());

  it('copies what an earlier version of the index held, and drops that', async () => {
    const prefix = `test-${randomUUID()}`;
    const base = { id: 'kb', embeddingModel: 'm', dimension: 4 };
    const earlier = create(prefix, ANALYSIS_VERSION);
    const chunks = Array.from({ length: 250 }, (_, n) =>
      chunk(`c${n}`, { text: `apple word${n}`, vector: [Math.cos(n / 200), Math.sin(n / 200), 0, 0] }),
    );
    await earlier.put('t', base, chunks);
    await earlier.close();

    const later = create(prefix, ANALYSIS_VERSION + 1);
    const scopes = [{ knowledgeBaseId: 'kb', generation: 1 }];
    const vector = Float32Array.of(Math.cos(249 / 200), Math.sin(249 / 200), 0, 0);
    const { candidates } = await later.search('t', { scopes, text: 'word17', vector, window: 3 });
    expect(candidates.find(({ id }) => id === 'c17')).toMatchObject({ keywordRank: 1 });
    expect(candidates[0]).toMatchObject({ id: 'c249', vectorRank: 1 });
    expect(await later.statistics('t', 'kb')).toEqual({ chunks: 250, dimension: 4 });
    await later.close();
    const client = new Client({ node: url! });
    expect(Object.keys(await client.indices.get({ index: `${prefix}-*` }))).toHaveLength(1);
    await client.close();
  });
});
