import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { exportJWK, importJWK, importPKCS8, jwtVerify, SignJWT, type JWK, type JWTPayload } from 'jose';
import type { Clock } from '../../base/index.ts';

/** Signs tokens and knows its own again. */
export interface Signer {
  sign(claims: JWTPayload): Promise<string>;
  /** What a token says; undefined when it is not one of ours, not good yet, or not good any more. */
  verify(token: string): Promise<JWTPayload | undefined>;
  /** The public key as a key set (RFC 7517). */
  readonly keySet: { readonly keys: readonly JWK[] };
}

const ALGORITHM = 'RS256';
/** How many tokens are remembered, so that a signature is checked once and not at every request. */
const REMEMBERED = 4096;
/** Longer ones are not ours. */
const LONGEST = 16 * 1024;

/** `key`: an RSA key, PKCS #8 PEM; a secret. */
export async function createSigner(key: string, clock: Clock): Promise<Signer> {
  const secret = await importPKCS8(key, ALGORITHM);
  const open = createPublicKey(createPrivateKey(key));
  const der = open.export({ type: 'spki', format: 'der' });
  const kid = createHash('sha256').update(der).digest('base64url');
  const jwk: JWK = { use: 'sig', kty: 'RSA', kid, alg: ALGORITHM, ...(await exportJWK(open)) };
  const verifier = await importJWK(jwk, ALGORITHM);

  /** By the token's hash, the one used longest ago first. */
  const known = new Map<string, JWTPayload>();
  const isNow = ({ nbf = 0, exp = Infinity }: JWTPayload): boolean => {
    const now = clock.now() / 1000;
    return nbf <= now && now < exp;
  };

  return {
    keySet: { keys: [jwk] },
    sign: (claims) => new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, kid }).sign(secret),
    async verify(token) {
      if (token.length > LONGEST) return undefined;
      const hash = createHash('sha256').update(token).digest('base64');
      let claims = known.get(hash);
      if (claims) known.delete(hash);
      else {
        try {
          ({ payload: claims } = await jwtVerify(token, verifier, { algorithms: [ALGORITHM], currentDate: new Date(clock.now()) }));
        } catch {
          return undefined;
        }
        if (known.size >= REMEMBERED) known.delete(known.keys().next().value!);
      }
      if (!isNow(claims)) return undefined;
      known.set(hash, claims);
      return claims;
    },
  };
}
