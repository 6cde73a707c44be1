import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  type Answer,
  type DecodedPacket,
  type Packet,
} from 'dns-packet';
import { AUTHORITY, resolve } from './resolver.ts';
import type { Zone } from './zone.ts';

const RCODE = { ok: 0, formatError: 1, serverFailure: 2, noSuchName: 3, notImplemented: 4 };
/** Without EDNS a reply by UDP ends here (RFC 1035); with it, at what the client offers, within one link's datagram. */
const PLAIN_UDP = 512;
const MAX_UDP = 1232;

/** Asks the world outside for a name the cluster does not know; undefined when it cannot be reached. Takes and gives whole messages. */
export type Forward = (query: Uint8Array) => Promise<Uint8Array | undefined>;

export interface ReplyOptions {
  /** Replies by UDP are cut to what the client can take. */
  readonly overUdp: boolean;
  /** Rotates address lists, so that clients which take the first spread out. */
  readonly turn: number;
  readonly forward?: Forward | undefined;
}

/** The reply to one DNS message; undefined for what is not even a query. */
export async function reply(zone: Zone, message: Uint8Array, options: ReplyOptions): Promise<Uint8Array | undefined> {
  let query: DecodedPacket;
  try {
    query = decode(Buffer.from(message));
  } catch {
    return undefined;
  }
  if (query.type !== 'query') return undefined;
  const [question] = query.questions ?? [];
  const opcode = ((query.flags ?? 0) >> 11) & 15;
  if (opcode !== 0) return finish(query, RCODE.notImplemented, {}, options);
  if (!question || query.questions!.length !== 1) return finish(query, RCODE.formatError, {}, options);

  const found = resolve(zone, question);
  switch (found.kind) {
    case 'answer': {
      const authorities = found.answers.length === 0 ? [AUTHORITY] : [];
      return finish(
        query,
        RCODE.ok,
        { answers: rotate(found.answers, options.turn), additionals: [...found.additionals], authorities, authoritative: true },
        options,
      );
    }
    case 'noSuchName':
      return finish(query, RCODE.noSuchName, { authorities: [AUTHORITY], authoritative: true }, options);
    case 'elsewhere': {
      const outside = await options.forward?.(
        encode({ type: 'query', id: query.id ?? 0, flags: RECURSION_DESIRED, questions: [{ ...question, name: found.name }] }),
      );
      const heard = outside && decode(Buffer.from(outside));
      if (!heard) return finish(query, RCODE.serverFailure, { answers: [...found.answers] }, options);
      return finish(
        query,
        rcodeOf(heard),
        { answers: [...found.answers, ...(heard.answers ?? [])], authorities: heard.authorities ?? [] },
        options,
      );
    }
  }
}

function rcodeOf(packet: DecodedPacket): number {
  return (packet.flags ?? 0) & 15;
}

interface Content {
  readonly answers?: Answer[];
  readonly authorities?: Answer[];
  readonly additionals?: Answer[];
  readonly authoritative?: boolean;
}

function finish(query: DecodedPacket, rcode: number, content: Content, options: ReplyOptions): Uint8Array {
  const offered = query.additionals?.find((a) => a.type === 'OPT');
  const edns: Answer[] = offered ? [{ type: 'OPT', name: '.', udpPayloadSize: MAX_UDP, flags: 0, options: [] } as unknown as Answer] : [];
  const flags = RECURSION_AVAILABLE | ((query.flags ?? 0) & RECURSION_DESIRED) | (content.authoritative ? AUTHORITATIVE_ANSWER : 0) | rcode;
  const packet: Packet = { type: 'response', id: query.id ?? 0, flags, questions: query.questions ?? [] };
  const whole = encode({
    ...packet,
    answers: content.answers ?? [],
    authorities: content.authorities ?? [],
    additionals: [...(content.additionals ?? []), ...edns],
  });
  const room = offered
    ? Math.min(MAX_UDP, Math.max(PLAIN_UDP, (offered as unknown as { udpPayloadSize: number }).udpPayloadSize))
    : PLAIN_UDP;
  if (!options.overUdp || whole.length <= room) return whole;
  return encode({ ...packet, flags: flags | TRUNCATED_RESPONSE, additionals: edns });
}

/** Aliases stay first, in their order. */
function rotate(answers: readonly Answer[], turn: number): Answer[] {
  const aliases = answers.filter((a) => a.type === 'CNAME');
  const rest = answers.filter((a) => a.type !== 'CNAME');
  const by = rest.length === 0 ? 0 : turn % rest.length;
  return [...aliases, ...rest.slice(by), ...rest.slice(0, by)];
}
