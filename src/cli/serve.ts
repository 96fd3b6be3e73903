import { parseOptions, type Command } from './command';

const help = `Usage: agentflow [serve] [options]

Starts the server. Options win over environment variables.

  --host ADDRESS    HOST, 127.0.0.1 unless given
  --port NUMBER     PORT, 8001 unless given; 0 takes a free one
  --data-dir DIR    AGENTFLOW_DATA_DIR, .agentflow unless given
`;

const OPTIONS = {
  host: { type: 'string' },
  port: { type: 'string' },
  'data-dir': { type: 'string' },
} as const;

const VARIABLE_OF = { host: 'HOST', port: 'PORT', 'data-dir': 'AGENTFLOW_DATA_DIR' } as const;

export const serveCommand: Command = {
  name: 'serve',
  summary: 'Start the server (the default)',
  help,
  async run(args, env) {
    const given = Object.entries(parseOptions(args, OPTIONS)) as [keyof typeof OPTIONS, string][];
    const overrides = Object.fromEntries(given.map(([name, value]) => [VARIABLE_OF[name], value]));
    // The server's modules take most of a second to load; `agentflow token` must not wait for them.
    const { main } = await import('../main.js');
    return await main({ ...env, ...overrides });
  },
};
