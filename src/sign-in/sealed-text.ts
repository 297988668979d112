import { hkdfSync, randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { CompactEncrypt, compactDecrypt } from 'jose';

/** What browsers keep of one cookie is 4096 bytes with its name and attributes. */
export const MAX_SEALED_LENGTH = 3_800;

const ALGORITHMS = { alg: 'dir', enc: 'A256GCM' } as const;
const MAX_OPENED_BYTES = 64 * 1024;

/** Something that only we can read and make, to be kept by others. */
export type Seal = {
  seal(content: object): Promise<string>;
  /** `null` for whatever was not sealed here, for this purpose, or was changed since. */
  open(text: string | undefined): Promise<unknown>;
};

/**
 * Sealed with a key from `secret`, so that several processes can open it; without a secret, only this process can.
 * `purpose` makes keys differ; a new shape of the content wants a new one.
 */
export function createSeal(secret: string | null, purpose: string): Seal {
  const key = new Uint8Array(hkdfSync('sha256', secret ?? randomBytes(32), 'formvault', purpose, 32));

  return {
    seal(content) {
      const bytes = deflateRawSync(JSON.stringify(content));
      return new CompactEncrypt(bytes).setProtectedHeader(ALGORITHMS).encrypt(key);
    },

    async open(text) {
      if (text === undefined || text.length > MAX_SEALED_LENGTH) return null;
      try {
        const { plaintext } = await compactDecrypt(text, key, {
          keyManagementAlgorithms: [ALGORITHMS.alg],
          contentEncryptionAlgorithms: [ALGORITHMS.enc],
        });
        return JSON.parse(inflateRawSync(plaintext, { maxOutputLength: MAX_OPENED_BYTES }).toString());
      } catch {
        return null;
      }
    },
  };
}
