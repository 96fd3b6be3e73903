import { MongoClient } from 'mongodb';
import { removeFolder, temporaryFolder } from './harness';
import { spawnDbCli } from './spawn';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(() => removeFolder(folder));

it.each(['SIGINT', 'SIGTERM'] as const)(
  'prints its URL first, serves, and closes cleanly on %s',
  async (signal) => {
    const cli = spawnDbCli(['--data-dir', folder, '--port', '0']);
    const url = await cli.firstLine;
    expect(url).toMatch(/^mongodb:\/\/127\.0\.0\.1:\d+\/\?directConnection=true$/);
    const client = await MongoClient.connect(url);
    expect(await client.db('admin').command({ ping: 1 })).toMatchObject({ ok: 1 });
    await client.close();
    cli.process.kill(signal);
    expect(await cli.exit).toMatchObject({ code: 0, stderr: '' });
  },
  60_000,
);

it('says which process holds the folder when it is taken', async () => {
  const first = spawnDbCli(['--data-dir', folder]);
  await first.firstLine;
  const second = await spawnDbCli(['--data-dir', folder]).exit;
  expect(second).toMatchObject({ code: 1, stdout: '' });
  expect(second.stderr).toContain(`${folder} is in use by the process ${first.process.pid}`);
  first.process.kill('SIGTERM');
  await first.exit;
}, 60_000);

it.each([
  [['--port', 'x'], "--port must be a whole number from 0 to 65535, got 'x'"],
  [['--port', '70000'], '--port must be'],
  [['--host', '0.0.0.0'], '--host needs --port'],
  [['--data-dir', ''], '--data-dir must not be empty'],
  [['--nope'], '--nope'],
  [['extra'], 'extra'],
])(
  'refuses %j with help on stderr and exit code 2',
  async (args, message) => {
    const { code, stderr, stdout } = await spawnDbCli(args).exit;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain('Usage: agentflow db');
  },
  60_000,
);
