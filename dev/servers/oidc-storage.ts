import type { Adapter, AdapterConstructor, AdapterPayload } from 'oidc-provider';

/** Where the OpenID provider keeps sessions, codes and tokens: in memory, until it is stopped. */
export function createOidcStorage(): AdapterConstructor {
  const entries = new Map<string, AdapterPayload>();

  const find = async (matches: (key: string, payload: AdapterPayload) => boolean) =>
    [...entries].find(([key, payload]) => matches(key, payload))?.[1];

  return class Storage implements Adapter {
    readonly prefix: string;

    constructor(name: string) {
      this.prefix = `${name}:`;
    }

    async upsert(id: string, payload: AdapterPayload) {
      entries.set(`${this.prefix}${id}`, payload);
    }
    async find(id: string) {
      return entries.get(`${this.prefix}${id}`);
    }
    findByUid(uid: string) {
      return find((key, payload) => key.startsWith(this.prefix) && payload.uid === uid);
    }
    findByUserCode(userCode: string) {
      return find((key, payload) => key.startsWith(this.prefix) && payload.userCode === userCode);
    }
    async consume(id: string) {
      const payload = entries.get(`${this.prefix}${id}`);
      if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
    }
    async destroy(id: string) {
      entries.delete(`${this.prefix}${id}`);
    }
    async revokeByGrantId(grantId: string) {
      for (const [key, payload] of entries) if (payload.grantId === grantId) entries.delete(key);
    }
  };
}
