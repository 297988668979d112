import type { ObjectInParts } from '../cases/open-in-parts.ts';
import type { Refusal } from './refusal.ts';
import type { PageData, PageName } from './render-page.ts';
import type { RunningHeader } from './running-header.ts';

/** What a route answers. */
export type Answer =
  | { page: PageName; title: string; data: PageData; runningHeaders: readonly RunningHeader[] }
  | { json: unknown }
  | Content
  | Refusal;

/** Bytes as they lie in the vault; with a file name they are a download. */
export type Content = {
  content: Uint8Array | Pick<ObjectInParts, 'bytes' | 'parts'>;
  contentType: string;
  fileName: string | null;
};
