import type { Destination, HTTPMatchRequest, HTTPRoute, StringMatch, VirtualServiceSpec } from '../api/index.ts';
import type { Problem } from './problem.ts';

/** A path as rules match it: a VirtualService by text, Ingress and the Gateway API by whole segments as well. */
export type PathMatch = StringMatch & {
  /** `/foo` takes `/foo` and `/foo/bar`, but not `/foobar`. */
  readonly segments?: string;
};

export type RuleMatch = Omit<HTTPMatchRequest, 'uri'> & { uri?: PathMatch };

/** How requests are sent to a Service that does not say it, or not so. */
export type BackendProtocol = 'HTTP' | 'HTTPS' | 'GRPC' | 'GRPCS';

/** Destinations that are spoken to so stand where subsets do, of which none can have this name. */
export const spokenAs = (protocol: BackendProtocol): string => `@${protocol}`;

/** A route of a VirtualService, and what Ingress and the Gateway API can say besides. */
export interface Rule extends Omit<HTTPRoute, 'match' | 'redirect' | 'rewrite'> {
  match?: RuleMatch[];
  redirect?: HTTPRoute['redirect'] & { /** Takes the place of the matched segments. */ segments?: string };
  rewrite?: HTTPRoute['rewrite'] & { /** Takes the place of the matched segments. */ segments?: string };
  /** The object that says it; absent: the VirtualService that the rules are of. */
  owner?: Owner;
  /** Where it stands, as in `spec.rules[0].http.paths[1]`; absent: in its own place of the VirtualService that the rules are of. */
  written?: { readonly by: Owner; readonly at: string };
  /** The path of an Ingress that it serves; the Ingress is the owner. */
  ingress?: IngressPath;
  /** How long neither side may be silent, as a Go duration. */
  idleTimeout?: string;
  /** Larger request bodies are refused with 413; bytes. */
  maxBody?: number;
  /** A client stays with the endpoint it got first, by a cookie or a header that it brings back. */
  session?: { readonly cookie: string; readonly path: string; readonly ttl?: string } | { readonly header: string };
  /** More requests than this are refused with 503. */
  limit?: { readonly burst: number; readonly requests: number; readonly per: string };
  /** Blocks of addresses from which clients may come, and from which not; others are answered with 403. */
  addresses?: { readonly allowed?: readonly string[]; readonly denied?: readonly string[] };
  /** Requests without one of these names and its password are answered with 401; lines as of `htpasswd -s`. */
  users?: { readonly lines: string; readonly realm?: string };
  /** What a destination that is not there is answered with, where that is not 503. */
  missing?: 500;
}

/** What requests to a path of an Ingress are counted under. */
export interface IngressPath {
  readonly host: string;
  readonly path: string;
  /** Name of the Service behind it; absent when there is none. */
  readonly service?: string;
  /** Where a canary beside it leads, under the name that NGINX has for it. */
  readonly canary?: Destination & { readonly upstream: string };
}

export type Owner = Problem['object'];

export interface RulesSpec extends Omit<VirtualServiceSpec, 'http'> {
  http?: Rule[];
}
