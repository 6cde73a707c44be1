/** Cipher suites of TLS 1.2 that proxies know; with another one they refuse the certificate of a whole server. */
const CIPHERS: ReadonlySet<string> = new Set(
  ['AES128-GCM-SHA256', 'AES128-SHA', 'AES256-GCM-SHA384', 'AES256-SHA', 'CHACHA20-POLY1305'].flatMap((cipher) => [
    ...(cipher.startsWith('AES') ? [cipher] : []),
    `ECDHE-ECDSA-${cipher}`,
    `ECDHE-RSA-${cipher}`,
  ]),
);

export const isCipher = (name: string): boolean => CIPHERS.has(name);
