import type { Command } from './command';

export const dbCommand: Command = {
  name: 'db',
  summary: 'Serve the embedded database alone, for mongosh or Compass',
  help: 'Usage: agentflow db [--data-dir DIR] [--port N] [--host H]\n',
  ownHelp: true,
  async run(args) {
    // Loads the storage engine's native code, which the other commands do not need.
    const { runDbCli } = await import('../embedded-mongo/cli.js');
    return await runDbCli([...args]);
  },
};
