/** What many proxies would be told as one configuration, so that Envoy checks all of it in one run; what several hold is in it once. */
import { decode } from './encode.ts';
import type { Translation } from './golden.fixture.ts';
import type { Json } from './json.ts';
import type { EnvoyResource, ProxyResources } from './resource.ts';
import { staticConfig, type Credentials } from './static-config.ts';

interface Static {
  clusters: (Json & { name: string })[];
  listeners: (Json & { name: string })[];
  secrets: (Json & { name: string })[];
}

/** PEM texts to stand for every secret, and for the files that cases name. */
interface BatchCredentials extends Credentials {
  readonly revoked: string;
}

/** Where cases say that certificates are, which no machine has. */
const FILES = '/etc/certs/';

export class Batch {
  readonly #credentials: BatchCredentials;
  readonly #seen = new Set<string>();
  readonly #clusters = new Map<string, Json>();
  readonly #listeners: Json[] = [];
  readonly #secrets = new Map<string, Json>();
  readonly #tables = new Map<string, string>();
  #config: Json | undefined;

  constructor(credentials: BatchCredentials) {
    this.#credentials = credentials;
  }

  /** How many clusters and listeners there are. */
  get size(): number {
    return this.#clusters.size + this.#listeners.length;
  }

  /** Resources are told apart by `name`, which Envoy says with what it does not take. */
  add(name: string, { proxy, resources }: Translation): void {
    const { static_resources: made, ...rest } = staticConfig(proxy, this.#fresh(resources), this.#credentials);
    this.#config ??= rest;
    const { clusters, listeners, secrets } = made as Static;
    for (const cluster of clusters) {
      // Filters may name it: the first of a name keeps it.
      if (!this.#clusters.has(cluster.name)) this.#clusters.set(cluster.name, cluster);
      else if (!BOOTSTRAP.has(cluster.name)) {
        const other = `${cluster.name} of ${name}`;
        this.#clusters.set(other, { ...cluster, name: other });
      }
    }
    for (const listener of listeners) {
      if (BOOTSTRAP.has(listener.name)) continue;
      const { address } = listener as unknown as { address: { socket_address: Json } };
      const own = this.#listeners.length;
      const ip = `127.${own >> 16}.${(own >> 8) & 255}.${own & 255}`;
      this.#listeners.push({
        ...listener,
        name: `${listener.name} of ${name}`,
        address: { socket_address: { ...address.socket_address, address: ip } },
      });
    }
    for (const secret of secrets) this.#secrets.set(secret.name, secret);
  }

  config(): Json {
    return this.#withFiles({
      ...this.#config,
      static_resources: { clusters: [...this.#clusters.values()], listeners: this.#listeners, secrets: [...this.#secrets.values()] },
    });
  }

  /** What would be in the files. */
  #withFiles(config: Json): Json {
    const { certificate, key, revoked } = this.#credentials;
    const inside: Readonly<Record<string, string>> = {
      certificate_chain: certificate,
      private_key: key,
      trusted_ca: certificate,
      crl: revoked,
    };
    return JSON.parse(
      JSON.stringify(config, (field, value: { filename?: string } | null) =>
        value?.filename?.startsWith(FILES) ? { inline_string: inside[field] } : value,
      ),
    ) as Json;
  }

  /** The clusters and listeners that were not added before, with all that is put into them. */
  #fresh(resources: ProxyResources): ProxyResources {
    const fresh = (all: ReadonlyMap<string, EnvoyResource>, inside: (r: EnvoyResource) => string): Map<string, EnvoyResource> =>
      new Map(
        [...all].filter(([, r]) => {
          const key = `${r.typeUrl} ${r.name} ${r.version} ${inside(r)}`;
          return !this.#seen.has(key) && this.#seen.add(key);
        }),
      );
    return {
      ...resources,
      clusters: fresh(resources.clusters, (r) => resources.endpoints.get(r.name)?.version ?? ''),
      listeners: fresh(resources.listeners, (r) =>
        this.#tablesOf(r)
          .map((t) => resources.routes.get(t)?.version)
          .join(),
      ),
    };
  }

  #tablesOf(listener: EnvoyResource): string[] {
    let names = this.#tables.get(listener.version);
    if (names === undefined) {
      const text = JSON.stringify(decode(listener.typeUrl, listener.bytes));
      names = [...text.matchAll(/"route_config_name":"([^"]+)"/g)].map((m) => m[1]).join('\n');
      this.#tables.set(listener.version, names);
    }
    return names.split('\n');
  }
}

/** What every Envoy starts with. */
const BOOTSTRAP: ReadonlySet<string> = new Set(['xds-grpc', 'agent', 'admin', 'metrics', 'health']);
