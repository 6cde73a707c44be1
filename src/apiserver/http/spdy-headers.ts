import { constants, inflateRawSync } from 'node:zlib';

/** Headers of a SPDY stream; names in lower case. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** The words of the dictionary that both ends of SPDY/3.1 begin their header compression with, in order. */
const WORDS =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization ' +
  'cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range ' +
  'content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified ' +
  'location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding ' +
  'upgrade user-agent vary via warning www-authenticate method get status';
const MORE_WORDS = ['200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin'];
const TAIL =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information' +
  '204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error' +
  '501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, ' +
  'Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,public' +
  'privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

export const SPDY_DICTIONARY: Uint8Array = Buffer.concat([
  ...[...WORDS.split(' '), ...MORE_WORDS].map((word) => Buffer.concat([uint32(word.length), Buffer.from(word, 'latin1')])),
  Buffer.from(TAIL, 'latin1'),
]);

/** How far back DEFLATE may refer. */
const WINDOW_BYTES = 32 * 1024;
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * Reads header blocks. All blocks of a connection are one zlib stream, flushed to a byte boundary after each block: so a block
 * can be inflated on its own, with the last 32 KiB of what came before it as the dictionary.
 */
export class HeaderReader {
  #window: Uint8Array = SPDY_DICTIONARY;
  #started = false;

  /** Throws when the block is damaged or too large. */
  read(block: Uint8Array): SpdyHeaders {
    let deflated = block;
    if (!this.#started) {
      this.#started = true;
      const hasDictionary = ((block[1] ?? 0) & 0x20) !== 0;
      if (!hasDictionary) this.#window = new Uint8Array(0);
      deflated = block.subarray(hasDictionary ? 6 : 2);
    }
    const plain = inflateRawSync(deflated, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: MAX_HEADER_BYTES,
      ...(this.#window.length ? { dictionary: this.#window } : {}),
    });
    this.#window = Buffer.concat([this.#window, plain]).subarray(-WINDOW_BYTES);
    return parseHeaders(plain);
  }
}

function parseHeaders(plain: Buffer): SpdyHeaders {
  const headers: Record<string, string> = {};
  let at = 4;
  const text = (): string => {
    const end = at + 4 + plain.readUInt32BE(at);
    if (end > plain.length) throw new RangeError('a SPDY header block ends early');
    const value = plain.toString('utf8', at + 4, end);
    at = end;
    return value;
  };
  for (let left = plain.readUInt32BE(0); left > 0; left--) {
    const name = text().toLowerCase();
    headers[name] = text();
  }
  return headers;
}

/** An empty stored block: readers that buffer (Go's) give out what they hold only when they meet it. */
const FLUSH = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);

/** Writes header blocks without compressing them: DEFLATE's stored blocks. What we send is a handful of bytes. */
export class HeaderWriter {
  #started = false;

  write(headers: SpdyHeaders): Uint8Array {
    const entries = Object.entries(headers);
    const plain = Buffer.concat([uint32(entries.length), ...entries.flat().flatMap((s) => [uint32(Buffer.byteLength(s)), Buffer.from(s)])]);
    if (plain.length > 0xffff) throw new RangeError('SPDY headers are too large');
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(plain.length, 1);
    stored.writeUInt16LE(~plain.length & 0xffff, 3);
    const zlibHeader = this.#started ? [] : [Buffer.from([0x78, 0x01])];
    this.#started = true;
    return Buffer.concat([...zlibHeader, stored, plain, FLUSH]);
  }
}

function uint32(n: number): Buffer {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n);
  return b;
}
