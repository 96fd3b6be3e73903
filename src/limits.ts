/** Ids that clients may choose: of conversations, messages and calls. `.` and `..` would be steps in the path of a URL. */
export const ID_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9_.:-]{1,128}$/;
/** Longest text of one message. */
export const MESSAGE_CHARACTERS = 1_000_000;
/** Longest free-form metadata, as JSON. */
export const METADATA_CHARACTERS = 100_000;
