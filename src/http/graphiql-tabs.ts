const CONVERSATION = 'tour-1';

/** What GraphiQL shows first: a query, a mutation and a subscription that work on a fresh server. */
export const FIRST_TABS = [
  {
    query: `# Welcome to AgentFlow. Run each operation with the play button, from top to bottom.
# A server that wants a token takes it in the headers below: {"Authorization": "Bearer <token>"}

query Agents {
  agents {
    id
    name
    description
  }
}

# Copy the id of an agent into the variables below, then start a chat.
mutation StartChat($agentId: ID!, $messageId: ID!) {
  startChat(
    input: {
      agentId: $agentId
      conversationId: "${CONVERSATION}"
      messageId: $messageId
      message: "Hello! What can you do?"
    }
  ) {
    runId
    status
  }
}

# Follows everything that happens in the conversation; start another chat meanwhile with a new messageId.
subscription Follow {
  conversationEvents(conversationId: "${CONVERSATION}", afterSeq: -1) {
    seq
    type
    content
  }
}
`,
    variables: JSON.stringify({ agentId: 'copy an id here', messageId: 'message-1' }, null, 2),
  },
];
