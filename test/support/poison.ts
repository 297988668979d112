/**
 * Preloaded into a Formvault (`--import`): whatever computes the digest of a text with the marker in it ends the process at
 * once and without a word, as running out of memory does.
 */
import { createHash, type Hash } from 'node:crypto';

export const POISON = 'kills-the-one-who-reads-it';

const hashes = Object.getPrototypeOf(createHash('sha256')) as Pick<Hash, 'update'>;
const update = hashes.update as (this: Hash, data: string | NodeJS.ArrayBufferView, ...encoding: never[]) => Hash;

hashes.update = function updateUnlessPoisoned(this: Hash, data: string | NodeJS.ArrayBufferView, ...encoding: never[]) {
  if (typeof data === 'string' && data.includes(POISON)) process.kill(process.pid, 'SIGKILL');
  return update.call(this, data, ...encoding);
};
