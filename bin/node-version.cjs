'use strict';
/** Loaded first: says what is wrong with a Node.js that is too old, before something fails in words that say less. */

/** First minor version of a major one that can require ES modules and confine a process as the sandbox does. */
const LEAST_MINOR = { 20: 19, 21: Infinity, 22: 13 };

const { node } = process.versions;
const [major, minor] = node.split('.').map(Number);
if (major < 20 || minor < (LEAST_MINOR[major] ?? 0)) {
  console.error(
    `AgentFlow needs Node.js 20.19, 22.13, 24 or newer; this is ${node}. Install a newer one and start again.`,
  );
  process.exit(1);
}
