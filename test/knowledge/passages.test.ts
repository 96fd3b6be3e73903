import { Passages } from '../../src/knowledge/search/passages';

describe('the passages of searches', () => {
  const storeOf = (tenant: string, texts: Record<string, string>) => {
    const reads: string[][] = [];
    const findChunks = async (ids: string[]): Promise<object[]> => {
      reads.push(ids);
      return ids.flatMap((id) => (id in texts ? [{ id, text: texts[id], metadata: {} }] : []));
    };
    return { store: { tenant, knowledge: { findChunks } } as never, reads };
  };
  const textsOf = async (passages: Passages, store: never, ids: string[]): Promise<string[]> =>
    [...(await passages.find(store, ids)).values()].map(({ id, text }) => `${id}=${text}`).sort();

  it('reads each chunk once', async () => {
    const passages = new Passages();
    const { store, reads } = storeOf('t', { a: 'one', b: 'two', c: 'three' });
    expect(await textsOf(passages, store, ['a', 'b'])).toEqual(['a=one', 'b=two']);
    expect(await textsOf(passages, store, ['b', 'c'])).toEqual(['b=two', 'c=three']);
    expect(await textsOf(passages, store, ['a', 'c'])).toEqual(['a=one', 'c=three']);
    expect(reads).toEqual([['a', 'b'], ['c']]);
  });

  it('looks again for a chunk that was not there', async () => {
    const passages = new Passages();
    const texts: Record<string, string> = {};
    const { store } = storeOf('t', texts);
    expect(await textsOf(passages, store, ['a'])).toEqual([]);
    texts.a = 'one';
    expect(await textsOf(passages, store, ['a'])).toEqual(['a=one']);
  });

  it('keeps tenants apart', async () => {
    const passages = new Passages();
    expect(await textsOf(passages, storeOf('t', { a: 'mine' }).store, ['a'])).toEqual(['a=mine']);
    expect(await textsOf(passages, storeOf('u', { a: 'yours' }).store, ['a'])).toEqual(['a=yours']);
    expect(await textsOf(passages, storeOf('v', {}).store, ['a'])).toEqual([]);
  });

  it('lets the longest unused go when its memory is full', async () => {
    const passages = new Passages(1_500);
    const { store, reads } = storeOf('t', { a: 'x'.repeat(400), b: 'y', c: 'z'.repeat(5_000) });
    await passages.find(store, ['a']);
    await passages.find(store, ['b']);
    await passages.find(store, ['a', 'b']);
    expect(reads).toEqual([['a'], ['b'], ['a']]);
    await passages.find(store, ['c']);
    await passages.find(store, ['c']);
    expect(reads.slice(3)).toEqual([['c'], ['c']]);
  });
});
