import { patienceMs } from '../../src/system/idle-memory';

it.each([
  ['a start', 1_500, 1_000],
  ['a wave of connections', 2_000, 1_000],
  ['a few seconds of load', 4_000, 7_000],
  ['a long load', 3_600_000, 20_000],
])('waits longer to give memory back the more the server has worked: after %s', (_, workedMs, expected) => {
  expect(patienceMs(workedMs)).toBe(expected);
});
