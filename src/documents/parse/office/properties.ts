import { known, type ParsedBody } from '../result';
import { childNamed, textOf } from '../xml';
import { unescapeOffice } from './escapes';
import type { OfficePackage } from './package';

/** Where programs put the properties: for files without relations. */
const WELL_KNOWN = 'docprops/core.xml';

/** Title, author and times, which all Office formats keep in the same way. */
export function coreProperties(file: OfficePackage): {
  title: string | null;
  metadata: ParsedBody['metadata'];
} {
  const part = file.targets('', 'core-properties')[0] ?? (file.has(WELL_KNOWN) ? WELL_KNOWN : undefined);
  const root = file.xml(part);
  const value = (name: string): string | null => {
    const element = childNamed(root, name);
    return element ? unescapeOffice(textOf(element)).trim() || null : null;
  };
  return {
    title: value('dc:title'),
    metadata: known({
      author: value('dc:creator'),
      subject: value('dc:subject'),
      keywords: value('cp:keywords'),
      language: value('dc:language'),
      created_at: value('dcterms:created'),
      modified_at: value('dcterms:modified'),
    }),
  };
}
