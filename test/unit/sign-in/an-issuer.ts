import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

export type SigningKey = { privateKey: CryptoKey; jwk: JWK };

export async function aKey(alg: string, kid?: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, ...(kid === undefined ? {} : { kid }) } };
}

export type AnIssuer = {
  url: string;
  /** How often each path was asked for. */
  asked: Map<string, number>;
  /** Answers with this status from now on; 200 is itself again. */
  setStatus(status: number): void;
  setKeys(keys: JWK[]): void;
  sign(key: SigningKey, claims?: Record<string, unknown>): Promise<string>;
  stop(): Promise<void>;
};

/** As little of an OpenID provider as bearer tokens need: what it says about itself, and keys of our choice. */
export async function startIssuer(metadata: Record<string, unknown> = {}): Promise<AnIssuer> {
  const asked = new Map<string, number>();
  let status = 200;
  let keys: JWK[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.set(path, (asked.get(path) ?? 0) + 1);
    const about = { issuer: url, jwks_uri: `${url}/keys`, authorization_endpoint: `${url}/auth`, ...metadata };
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(path === '/keys' ? { keys } : about));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    asked,
    setStatus(next) {
      status = next;
    },
    setKeys(next) {
      keys = next;
    },
    sign({ privateKey, jwk: { alg = '', kid } }, claims = {}) {
      return new SignJWT({ iss: url, aud: 'api', sub: 'anna', ...claims })
        .setProtectedHeader(kid === undefined ? { alg } : { alg, kid })
        .setExpirationTime('5 minutes')
        .sign(privateKey);
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
