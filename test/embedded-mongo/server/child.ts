/** Child process of the crash tests: serves a folder and tells its URL. Started through `spawnServer`. */
import { startEmbeddedMongo } from '../../../src/embedded-mongo/server';

async function main(): Promise<void> {
  const dataDir = process.argv[2];
  if (dataDir === undefined) throw new Error('usage: child <data folder>');
  const server = await startEmbeddedMongo({ dataDir });
  process.stdout.write(`${server.url}\n`);
  process.on('SIGTERM', () => void server.close().then(() => process.exit(0)));
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
