import { DomainError } from '../../src/errors';
import { delay, whileUnavailable } from '../../src/runs/patience';

const gone = (): DomainError => new DomainError('database_unavailable', 'gone');
const full = (): DomainError => new DomainError('storage_full', 'full');

/** Fails with each of the errors, then succeeds. */
function failing(...errors: Error[]): jest.Mock<Promise<string>> {
  const attempt = jest.fn(async () => 'done');
  for (const error of errors) attempt.mockRejectedValueOnce(error);
  return attempt;
}

describe('waiting for a database', () => {
  it('repeats what it refused until it works', async () => {
    const attempt = failing(gone(), gone());
    await expect(whileUnavailable(5_000, attempt)).resolves.toBe('done');
    expect(attempt).toHaveBeenCalledTimes(3);
  });

  it('ends with the last error when patience does', async () => {
    const attempt = failing(gone(), gone(), gone(), gone());
    await expect(whileUnavailable(100, attempt)).rejects.toThrow('gone');
    expect(attempt.mock.calls.length).toBeLessThan(4);
  });

  it('repeats no other failure', async () => {
    const attempt = failing(new Error('broken'));
    await expect(whileUnavailable(5_000, attempt)).rejects.toThrow('broken');
    expect(attempt).toHaveBeenCalledTimes(1);
  });

  it('waits for space on the disk only when it is told to', async () => {
    await expect(whileUnavailable(5_000, failing(full()))).rejects.toThrow('full');
    await expect(whileUnavailable(5_000, failing(full()), { orFull: true })).resolves.toBe('done');
  });

  it('ends at once when it is told to stop', async () => {
    const stop = new AbortController();
    const attempt = jest.fn(() => Promise.reject<string>(gone()));
    const waiting = whileUnavailable(600_000, attempt, { signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toThrow('gone');
  });

  it('pauses no longer than the signal allows', async () => {
    await delay(600_000, AbortSignal.abort());
  });
});
