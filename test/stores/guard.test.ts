import { MongoNetworkError, MongoServerError } from 'mongodb';
import { guarded, toDomainError } from '../../src/adapters/stores/guard';
import { DomainError } from '../../src/errors';

const withCode = (code: string | number, message = 'broken'): Error =>
  Object.assign(new Error(message), { code });

describe('errors of the database in terms of the domains', () => {
  it.each([
    ['a broken connection', new MongoNetworkError('closed')],
    ['a server that shuts down', new MongoServerError({ message: 'bye', code: 91 })],
    ['a socket that the server closed before the write', withCode('EPIPE')],
    ['a socket that was reset', withCode('ECONNRESET')],
    ['one of these inside another', Object.assign(new Error('outer'), { cause: withCode('EPIPE') })],
  ])('%s is `database_unavailable`', (_, error) => {
    expect(toDomainError(error)).toMatchObject({
      code: 'database_unavailable',
      details: { retryAfterMs: 1_000 },
    });
  });

  it('a full disk is `storage_full`', () => {
    expect(toDomainError(new MongoServerError({ message: 'full', code: 14031 }))).toMatchObject({
      code: 'storage_full',
    });
  });

  it.each([
    ['a mistake of ours', new TypeError('undefined')],
    ['a file that is not there', withCode('ENOENT')],
    ['another error of the server', new MongoServerError({ message: 'bad query', code: 2 })],
    ['an error of the domains', new DomainError('conflict', 'No.')],
  ])('%s stays what it is', (_, error) => {
    expect(toDomainError(error)).toBe(error);
  });

  it('covers every method of a store', async () => {
    class Store {
      async read(): Promise<never> {
        throw withCode('EPIPE');
      }
    }
    await expect(guarded(new Store()).read()).rejects.toMatchObject({ code: 'database_unavailable' });
  });
});
