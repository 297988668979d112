import type { EntryMaker } from '../../../src/cases/entry-reader.ts';
import { anIndexEntry } from '../../support/memory-case-index.ts';

/** Three segments make a submission; the words are those of the body. A body `break` breaks whoever reads it. */
export const entryMaker: EntryMaker = {
  isSubmissionKey: (key) => key.endsWith('.json') && !key.startsWith('.formvault/') && key.split('/').length === 3,
  entryOf({ bucket, key, metadata, body, bytes }) {
    const text = Buffer.from(body).toString();
    if (text === 'break') throw new RangeError('Maximum call stack size exceeded');
    if (text === 'no submission') return null;
    const [caseId = '', formName = ''] = key.split('/');
    return anIndexEntry({ bucket, key, caseId, formName, title: metadata.title ?? null, bytes, words: text });
  },
};
