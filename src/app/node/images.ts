/** The images a node has without pulling: the sample apps, and the proxy. Pure. */
import { dirname, join } from 'node:path';
import { BUILTIN_IMAGES, builtinApp } from '../../../samples/catalog.ts';
import { FLAGGER_PORT } from '../../delivery/index.ts';
import { bootstrap, relayBootstrap } from '../../envoy/index.ts';
import { defaultMeshConfig, ISTIOD_PORTS, ISTIOD_XDS_PORT, PROMETHEUS_PORT, proxyOf, threadsOf } from '../../mesh/index.ts';
import type { BuiltinImage, ImageCatalog, ImageUse } from '../../node/index.ts';

export interface ImagePlaces {
  /** Files of this program on the host. */
  readonly samplesDir: string;
  readonly nodeBinary: string;
  readonly envoyBinary: string;
  /** Directory of the xDS socket: mounted as a directory, since a new control plane makes a new socket. */
  readonly xdsDir: string;
  /** Directory of the socket on which the control plane tells of itself. */
  readonly istiodDir: string;
  /** The same of delivery, and the directory of its log. */
  readonly flaggerDir: string;
  readonly flaggerLogDir: string;
  /** One directory a proxy below it, named by the pod: its admin socket. */
  readonly proxyDir: string;
}

/** The image that {@link import('../../mesh/index.ts').injectSidecar} names. */
const PROXY = /(^|\/)proxyv2(:|$)/;
const PILOT = /(^|\/)pilot(:|$)/;
const FLAGGER = /(^|\/)flagger([:@]|$)/;
const BOOTSTRAP = '/etc/istio/proxy/bootstrap.json';
const XDS_DIR = '/run/xds';
const ADMIN_DIR = '/run/proxy';
const ISTIOD_DIR = '/run/istiod';
const FLAGGER_DIR = '/run/flagger';
const istiodRelays = [
  ...Object.entries(ISTIOD_PORTS).map(([name, port]) => ({ name, port, socket: `${ISTIOD_DIR}/istiod.sock` })),
  { name: 'xds', port: ISTIOD_XDS_PORT, socket: `${ISTIOD_DIR}/xds.sock`, bytes: true },
  { name: 'prometheus', port: PROMETHEUS_PORT, socket: `${ISTIOD_DIR}/prometheus.sock` },
];
/** As `samples/flagger/flagger` names them. */
const FLAGGER_BOOTSTRAP = '/etc/flagger/bootstrap.json';
const FLAGGER_LOG_DIR = '/var/log/flagger';
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Directory of a pod's proxy below `proxyDir`: short, since it is part of a socket's path. */
export function proxySocketDir(proxyDir: string, podUid: string): string {
  return join(proxyDir, podUid.replaceAll('-', '').slice(0, 12));
}

/** The container's arguments are Istio's (`proxy sidecar`): the shell keeps them from Envoy. */
const envoy = (threads: number | undefined) => ({
  command: ['sh', '-c', `exec /opt/sluice/envoy -c ${BOOTSTRAP} ${threads ? `--concurrency ${threads} ` : ''}${FLAGS}`, 'proxy'],
  args: [],
  env: { PATH: `/opt/sluice/samples/istio/bin:/opt/sluice/bin:${SYSTEM_PATH}` },
  workingDir: '/',
});
/** Access logs are for people who look on: Envoy's ten seconds are too long for them. */
const FLAGS = '--disable-hot-restart --drain-time-s 5 --log-level warning --file-flush-interval-msec 1000';

export function createImages(places: ImagePlaces): ImageCatalog {
  const programs = [
    { source: places.envoyBinary, target: '/opt/sluice/envoy' },
    { source: places.samplesDir, target: '/opt/sluice/samples' },
  ];
  const pilot: BuiltinImage = {
    kind: 'builtin',
    ...envoy(1),
    mounts: [...programs, { source: places.istiodDir, target: ISTIOD_DIR }],
    note: 'Envoy, in front of the control plane',
    files: { [BOOTSTRAP]: JSON.stringify(relayBootstrap(istiodRelays)) },
  };

  const flagger: BuiltinImage = {
    kind: 'builtin',
    command: ['./flagger'],
    args: [],
    env: { PATH: `/opt/sluice/samples/bin:/opt/sluice/bin:${SYSTEM_PATH}` },
    mounts: [...programs, { source: places.flaggerDir, target: FLAGGER_DIR }, { source: places.flaggerLogDir, target: FLAGGER_LOG_DIR }],
    workingDir: '/opt/sluice/samples/flagger',
    note: 'the log of delivery, and Envoy in front of it',
    files: {
      [FLAGGER_BOOTSTRAP]: JSON.stringify(relayBootstrap([{ name: 'http', port: FLAGGER_PORT, socket: `${FLAGGER_DIR}/flagger.sock` }])),
    },
  };

  function proxy(use: ImageUse | undefined): BuiltinImage | { error: string } {
    const described = use && proxyOf({ ...use.pod, status: { ...use.pod.status, podIP: use.podIP } });
    if (use && !described) return { error: 'the proxy image is only for a container named istio-proxy' };
    const config =
      described &&
      bootstrap({
        proxy: described,
        domain: defaultMeshConfig.domain,
        xdsSocket: `${XDS_DIR}/xds.sock`,
        adminSocket: `${ADMIN_DIR}/admin.sock`,
      });
    return {
      kind: 'builtin',
      ...envoy(threadsOf(use?.container.env)),
      mounts: [
        ...programs,
        { source: places.xdsDir, target: XDS_DIR },
        ...(use
          ? [
              {
                source: proxySocketDir(places.proxyDir, use.pod.metadata?.uid ?? ''),
                target: ADMIN_DIR,
                readOnly: false,
                createDirectory: true,
              },
            ]
          : []),
      ],
      note: 'Envoy',
      files: config ? { [BOOTSTRAP]: JSON.stringify(config) } : {},
      netAdmin: true,
    };
  }

  return {
    resolve(image, use) {
      if (PROXY.test(image)) return proxy(use);
      if (PILOT.test(image)) return pilot;
      if (FLAGGER.test(image)) return flagger;
      const app = builtinApp(image);
      if (!app)
        return {
          error: `there is no built-in image ${image}; pulling from registries is not supported yet. Built in are: ${BUILTIN_IMAGES}`,
        };
      if ('error' in app) return app;
      return {
        kind: 'builtin',
        command: app.entrypoint,
        args: app.args,
        env: { PATH: `/opt/sluice/samples/bin:/opt/sluice/node:${SYSTEM_PATH}`, ...app.env },
        mounts: [
          { source: places.samplesDir, target: '/opt/sluice/samples' },
          { source: dirname(places.nodeBinary), target: '/opt/sluice/node' },
        ],
        workingDir: app.workingDir ?? '/',
        note: `the built-in ${app.app}`,
      };
    },
  };
}
