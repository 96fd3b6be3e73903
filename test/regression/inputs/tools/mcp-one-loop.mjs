// MCP server on stdio whose list of tools leads back to its own beginning.
import readline from 'node:readline';
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  const { protocolVersion } = params ?? {};
  const serverInfo = { name: 'x', version: '1' };
  if (method === 'initialize')
    send({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } });
  if (method === 'tools/list')
    send({ id, result: { tools: [{ name: 'a', inputSchema: { type: 'object' } }], nextCursor: 'again' } });
});
