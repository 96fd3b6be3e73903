import { type BuiltInTool, parameters, ToolFailure } from './definition';

const text = { type: 'string', minLength: 1 };

/**
 * Tools of connections that do not exist yet. They are offered so that an agent can say what is missing; they never pretend.
 */
export const connectors = (): BuiltInTool[] => [
  unconfigured('send_email', 'Sends an e-mail.', 'EmailsAgent', 'a mail server', {
    to: { type: 'array', items: text, minItems: 1 },
    subject: text,
    body: text,
  }),
  unconfigured('search_emails', "Searches the user's mailbox.", 'EmailsAgent', 'a mailbox', {
    query: text,
  }),
  unconfigured(
    'list_calendar_events',
    "Lists events of the user's calendar.",
    'MeetingsAgent',
    'a calendar',
    {
      from: text,
      to: text,
    },
  ),
  unconfigured(
    'search_records',
    'Searches accounts, contacts and opportunities of the CRM.',
    'RecordsAgent',
    'a CRM',
    {
      query: text,
    },
  ),
  unconfigured(
    'query_warehouse',
    'Runs read-only SQL on the data warehouse.',
    'SnowflakeAgent',
    'a data warehouse',
    {
      sql: text,
    },
  ),
];

function unconfigured(
  name: string,
  description: string,
  agent: string,
  connection: string,
  properties: Parameters<typeof parameters>[0],
): BuiltInTool {
  return {
    name,
    description: `${description} Not available: there is no connection to ${connection}.`,
    group: 'connectors',
    agents: [agent],
    idempotent: true,
    connection,
    parameters: parameters(properties, Object.keys(properties)),
    run: () =>
      Promise.reject(
        new ToolFailure(
          'not_configured',
          `${name} needs a connection to ${connection}, which this version of AgentFlow does not have. Tell the user what is missing.`,
        ),
      ),
  };
}
