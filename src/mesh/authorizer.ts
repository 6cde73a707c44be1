/** External authorizers: `extensionProviders` of the mesh's configuration, as far as they are asked who may pass. */
import { fieldsOf, textOf, textsOf } from './fields.ts';
import type { MeshConfig } from './snapshot.ts';

/** Whom to ask, and what to tell it and take from it. Header names may have a star at one end. */
export interface Authorizer {
  readonly name: string;
  readonly speaks: 'grpc' | 'http';
  /** A host of the mesh, without its namespace before it. */
  readonly host: string;
  readonly port: number;
  /** A Go duration. */
  readonly timeout: string;
  /** Requests pass when it cannot be asked. */
  readonly failOpen: boolean;
  /** What requests are answered with when it cannot be asked. */
  readonly statusOnError: number;
  readonly clearRouteCache: boolean;
  readonly body?: { readonly maxBytes: number; readonly partial: boolean; readonly raw: boolean };
  readonly pathPrefix?: string;
  /** Headers of the request that it is shown, besides those it always is. */
  readonly shown: readonly string[];
  readonly added: Readonly<Record<string, string>>;
  /** Headers of its answer: for the application, and for the client. */
  readonly toUpstream: readonly string[];
  readonly onDeny: readonly string[];
  readonly onAllow: readonly string[];
}

/** Istio's, which is ten minutes. */
const TIMEOUT = '600s';
const FORBIDDEN = 403;

/** Entries that name nobody who could be asked are left out: who refers to one is told that there is none. */
export function authorizersIn(providers: unknown): readonly Authorizer[] {
  if (!Array.isArray(providers)) return [];
  return providers.flatMap((provider): Authorizer[] => {
    const { name, envoyExtAuthzGrpc: grpc, envoyExtAuthzHttp: http } = fieldsOf(provider);
    const said = fieldsOf(grpc ?? http);
    const host = textOf(said['service']);
    const port = Number(said['port']);
    if (!textOf(name) || !host || !(Number.isInteger(port) && port > 0 && port < 65_536)) return [];
    const body = fieldsOf(said['includeRequestBodyInCheck']);
    const maxBytes = Number(body['maxRequestBytes']);
    const prefix = textOf(said['pathPrefix']);
    const status = Number(said['statusOnError']);
    return [
      {
        name: textOf(name)!,
        speaks: grpc ? 'grpc' : 'http',
        host: host.slice(host.indexOf('/') + 1),
        port,
        timeout: textOf(said['timeout']) ?? TIMEOUT,
        failOpen: said['failOpen'] === true,
        statusOnError: Number.isInteger(status) && status >= 400 && status < 600 ? status : FORBIDDEN,
        clearRouteCache: said['clearRouteCache'] === true,
        ...(maxBytes > 0 ? { body: { maxBytes, partial: body['allowPartialMessage'] === true, raw: body['packAsBytes'] === true } } : {}),
        ...(prefix ? { pathPrefix: prefix } : {}),
        shown: textsOf(said['includeRequestHeadersInCheck'] ?? said['includeHeadersInCheck']),
        added: Object.fromEntries(
          Object.entries(fieldsOf(said['includeAdditionalHeadersInCheck'])).flatMap(([k, v]) => (textOf(v) ? [[k, textOf(v)!]] : [])),
        ),
        toUpstream: textsOf(said['headersToUpstreamOnAllow']),
        onDeny: textsOf(said['headersToDownstreamOnDeny']),
        onAllow: textsOf(said['headersToDownstreamOnAllow']),
      },
    ];
  });
}

export function authorizerNamed({ authorizers }: MeshConfig, name: string | undefined): Authorizer | undefined {
  return authorizers.find((a) => a.name === name);
}
