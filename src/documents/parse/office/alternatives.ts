import { childrenNamed, elementsOf, textOf, type XmlElement } from '../xml';

/** Prefixes, as Office programs write them, of what the readers of drawings know. */
const UNDERSTOOD: ReadonlySet<string> = new Set(
  'wps wpg wpc wp14 w14 w15 w16 a14 p14 p15 x14 c14 c16 cx cx1 cx2 cx4 cx5 am3d v'.split(' '),
);

const isUnderstood = (choice: XmlElement): boolean =>
  (choice.attributes.Requires ?? '').split(/\s+/).every((prefix) => UNDERSTOOD.has(prefix));

const says = (branch: XmlElement): boolean => textOf(branch).trim() !== '' || points(branch);
const points = (branch: XmlElement): boolean =>
  elementsOf(branch).some(
    (child) => ['c:chart', 'cx:chart', 'dgm:relIds', 'a:tbl'].includes(child.name) || points(child),
  );

/**
 * Of the branches of `mc:AlternateContent`, which say the same for older and newer programs, the one to be read: the first that is
 * understood, unless only another one has text.
 */
export function chosenBranch(alternatives: XmlElement): XmlElement | undefined {
  const choices = childrenNamed(alternatives, 'mc:Choice');
  const branches = [
    ...choices.filter(isUnderstood),
    ...childrenNamed(alternatives, 'mc:Fallback'),
    ...choices.filter((choice) => !isUnderstood(choice)),
  ];
  return branches.find(says) ?? branches[0];
}

/** Children with every choice made. */
export const chosenChildren = (parent: XmlElement): XmlElement[] =>
  elementsOf(parent).flatMap((child) => {
    if (child.name !== 'mc:AlternateContent') return [child];
    const branch = chosenBranch(child);
    return branch ? chosenChildren(branch) : [];
  });
