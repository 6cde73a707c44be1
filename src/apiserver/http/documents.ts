import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  coreDiscovery,
  groupsDiscovery,
  openApiOf,
  type OpenApi,
} from '../../api/index.ts';
import { sha256Hex } from '../../base/index.ts';
import { ISSUER } from '../auth/account-tokens.ts';
import { parseAccept } from './accept.ts';
import { notServed, send, sendObject, sendText, type Api, type Call } from './call.ts';
import type { RequestInfo } from './request-info.ts';

/** Answers what is not about objects: discovery, OpenAPI, the version, health. */
export interface Documents {
  discovery(call: Call, info: RequestInfo & { type: 'discovery' }): void;
  other(call: Call, path: string): Promise<void>;
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
/** How whoever is shown a ServiceAccount's token finds the keys that it is checked with (OpenID Connect Discovery). */
const ISSUER_DOCUMENT = {
  issuer: ISSUER,
  jwks_uri: `${ISSUER}/openid/v1/jwks`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
};

/** Prometheus' text format. */
const METRICS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const YEAR_SECONDS = 31_536_000;

export function createDocuments(api: Api, keySet: object): Documents {
  const { catalog } = api.registry;
  const openApi = openApiOf(catalog);
  const version = versionInfo(api.version);

  const memo = new Map<string, { generation: number; text: string; etag: string }>();
  /** A document, written out once a generation of the catalog. */
  const document = (name: string, make: () => object): { text: string; etag: string } => {
    let known = memo.get(name);
    if (known?.generation !== catalog.generation) {
      const text = JSON.stringify(make());
      known = { generation: catalog.generation, text, etag: `"${sha256Hex(text, 32)}"` };
      memo.set(name, known);
    }
    return known;
  };

  return {
    discovery(call, { legacy, group, version: wanted }) {
      if (group === undefined && wanted === undefined) {
        const aggregated = parseAccept(call.req.headers.accept).some(
          ({ params }) => params['as'] === 'APIGroupDiscoveryList' && params['g'] === 'apidiscovery.k8s.io' && params['v'] === 'v2',
        );
        if (!aggregated) return sendObject(call, 200, legacy ? apiVersions(call.req.headers.host ?? '') : apiGroupList(catalog));
        // Clients know the aggregated form by the parameters of the content type alone.
        const { text, etag } = legacy ? document('/api', () => coreDiscovery(catalog)) : document('/apis', () => groupsDiscovery(catalog));
        call.res.setHeader('etag', etag);
        call.res.setHeader('vary', 'Accept');
        return call.req.headers['if-none-match'] === etag ? void call.res.writeHead(304).end() : send(call, 200, AGGREGATED, text);
      }
      const found = wanted === undefined ? apiGroup(catalog, group!) : apiResourceList(catalog, legacy ? '' : group!, wanted);
      if (!found) throw notServed();
      sendObject(call, 200, found);
    },
    async other(call, path) {
      if (path === '/version') return sendObject(call, 200, version);
      const health = /^\/(healthz|livez|readyz)(\/[a-z-]+)?$/.exec(path);
      if (health) {
        const verbose = call.url.searchParams.has('verbose') && `[+]ping ok\n${health[1]} check passed\n`;
        return send(call, 200, 'text/plain; charset=utf-8', verbose || 'ok');
      }
      if (path === '/metrics') return sendText(api, call, METRICS_TEXT, api.registry.metrics.text());
      if (path === '/.well-known/openid-configuration') return sendObject(call, 200, ISSUER_DOCUMENT);
      if (path === '/openid/v1/jwks') return send(call, 200, 'application/jwk-set+json', JSON.stringify(keySet));
      if (path === '/openapi/v3' || path === '/openapi/v3/') return sendObject(call, 200, openApi.index());
      if (path === '/openapi/v2') return sendOldOpenApi(call, api.version);
      if (path.startsWith('/openapi/v3/')) return sendOpenApi(call, openApi, path.slice('/openapi/v3/'.length));
      throw notServed();
    },
  };
}

/** kubectl keeps documents by their hash: one with the right hash never changes, one with an old hash is sent on. */
function sendOpenApi(call: Call, openApi: OpenApi, path: string): void {
  const found = openApi.document(path);
  if (!found) throw notServed();
  const hash = call.url.searchParams.get('hash');
  const { res } = call;
  res.setHeader('vary', 'Accept');
  if (hash && hash !== found.hash) {
    res.setHeader('location', `/openapi/v3/${path}?hash=${found.hash}`);
    return send(call, 301, 'text/plain', '');
  }
  res.setHeader('etag', `"${found.hash}"`);
  res.setHeader('cache-control', hash ? `public, immutable, max-age=${YEAR_SECONDS}` : 'no-cache, private');
  send(call, 200, 'application/json', found.text);
}

/** As clients ask for it; "@" is no part of a media type, so that the answer goes by another name. */
const OLD_OPENAPI_ASKED = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
const OLD_OPENAPI_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/**
 * The form before version 3, without any kind in it. kubectl asks for it when version 3 does not know a kind, and says
 * that there is no such kind when this form does not know it either; without an answer it only says that it got none.
 */
function sendOldOpenApi(call: Call, version: string): void {
  const info = { title: 'Kubernetes', version };
  if (!parseAccept(call.req.headers.accept).some(({ type }) => type === OLD_OPENAPI_ASKED || type === OLD_OPENAPI_PROTOBUF))
    return send(call, 200, 'application/json', JSON.stringify({ swagger: '2.0', info, paths: {}, definitions: {} }));
  const document = new BinaryWriter().tag(1, WireType.LengthDelimited).string('2.0').tag(2, WireType.LengthDelimited).fork();
  document.tag(1, WireType.LengthDelimited).string(info.title).tag(2, WireType.LengthDelimited).string(info.version).join();
  send(call, 200, OLD_OPENAPI_PROTOBUF, Buffer.from(document.finish()));
}

function versionInfo(gitVersion: string): object {
  const [major, minor] = gitVersion.replace(/^v/, '').split('.');
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    gitVersion,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: 'node',
    platform: 'linux/amd64',
  };
}
