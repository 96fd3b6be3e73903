// MCP server on stdio: `bad` answers content without its text, `slow` takes 1.5 s. AGENTFLOW_MCP_SERVERS={"x":{"command":"node","args":[".../mcp-bad-result.mjs"]}}
import readline from 'node:readline';
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n');
const tool = (name) => ({ name, inputSchema: { type: 'object' } });
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize')
    send({
      id,
      result: {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'x', version: '1' },
      },
    });
  else if (method === 'tools/list') send({ id, result: { tools: [tool('bad'), tool('slow')] } });
  else if (method === 'tools/call' && params.name === 'bad')
    send({ id, result: { content: [{ type: 'text' }] } });
  else if (method === 'tools/call')
    setTimeout(() => send({ id, result: { content: [{ type: 'text', text: 'done' }] } }), 1500);
});
