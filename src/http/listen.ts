import type { Server } from 'node:http';
import type { Config } from '../config/environment';

/** Opens the port. @returns the base URL, with the port that was taken for port 0 */
export async function listen(server: Server, config: Config['http']): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  return `http://${host}:${port}`;
}
