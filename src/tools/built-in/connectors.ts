import { type BuiltInTool, parameters, ToolFailure } from './definition';

const text = { type: 'string', minLength: 1 };

/**
 * Tools of connections that this deployment has not configured. They are offered so that an agent can say what is missing;
 * they never pretend.
 */
export const connectors = (): BuiltInTool[] => [
  unconfigured('send_email', 'Sends an e-mail.', 'EmailsAgent', ['SMTP_HOST'], {
    to: { type: 'array', items: text, minItems: 1 },
    subject: text,
    body: text,
  }),
  unconfigured('search_emails', "Searches the user's mailbox.", 'EmailsAgent', ['IMAP_HOST'], {
    query: text,
  }),
  unconfigured(
    'list_calendar_events',
    "Lists events of the user's calendar.",
    'MeetingsAgent',
    ['GOOGLE_CLIENT_ID'],
    {
      from: text,
      to: text,
    },
  ),
  unconfigured(
    'search_records',
    'Searches accounts, contacts and opportunities of the CRM.',
    'RecordsAgent',
    ['CRM_URL'],
    {
      query: text,
    },
  ),
  unconfigured(
    'query_warehouse',
    'Runs read-only SQL on the data warehouse.',
    'SnowflakeAgent',
    ['SNOWFLAKE_ACCOUNT'],
    {
      sql: text,
    },
  ),
];

function unconfigured(
  name: string,
  description: string,
  agent: string,
  missing: readonly string[],
  properties: Parameters<typeof parameters>[0],
): BuiltInTool {
  return {
    name,
    description: `${description} Not configured in this deployment.`,
    group: 'connectors',
    agents: [agent],
    idempotent: true,
    missing,
    parameters: parameters(properties, Object.keys(properties)),
    run: () =>
      Promise.reject(
        new ToolFailure(
          'not_configured',
          `${name} has no connection: this deployment does not set ${missing.join(', ')}. Tell the user what is missing.`,
        ),
      ),
  };
}
