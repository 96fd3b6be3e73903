/** The same in all tabs, so that they show one conversation. */
const CONVERSATION = 'graphiql-tour';

/** What GraphiQL shows first: a query, a mutation and a subscription that work on a fresh server as they stand. */
export const FIRST_TABS = [
  {
    query: `# Welcome to AgentFlow. Press the play button,
# then go on with the next tab.
#
# Where a token is needed, put it under Headers:
# {"Authorization": "Bearer <token>"}

query Agents {
  agents {
    id
    name
    description
  }
}
`,
  },
  {
    query: `# Starts a chat; an agent's name does as its id.
# Each message needs a messageId of its own:
# change it below to say something else.

mutation StartChat($messageId: ID!, $message: String!) {
  startChat(
    input: {
      agentId: "MainAgent"
      conversationId: "${CONVERSATION}"
      messageId: $messageId
      message: $message
    }
  ) {
    runId
    status
  }
}
`,
    variables: JSON.stringify({ messageId: 'message-1', message: 'Hello! What can you do?' }, null, 2),
  },
  {
    query: `# Follows the conversation of the tab before:
# what is there, then what comes. It waits a minute for
# a conversation that has not begun yet.
# Leave it running and start another chat.

subscription Follow {
  conversationEvents(conversationId: "${CONVERSATION}", waitSeconds: 60) {
    seq
    type
    content
  }
}
`,
  },
];
