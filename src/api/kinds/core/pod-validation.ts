import type { Container, LifecycleHandler, PodSpec, Probe } from 'kubernetes-types/core/v1.js';
import { parseQuantity } from '../../../base/index.ts';
import { type Causes, checkPort, checkPortOrName, checkSelector, dnsLabel, dnsSubdomain, envName, follow, portName } from '../check.ts';

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & LifecycleHandler;

/** Checks a pod spec, in a pod or in a template; `claims` are volumes that its pods will have besides. */
export function checkPodSpec(causes: Causes, at: string, spec: PodSpec, claims: readonly string[] = []): void {
  const volumes = new Set([...checkVolumes(causes, `${at}.volumes`, spec.volumes ?? []), ...claims]);
  const names = new Set<string>();
  if (!spec.containers?.length) causes.required(`${at}.containers`);
  for (const field of ['initContainers', 'containers'] as const) {
    spec[field]?.forEach((c, i) => checkContainer(causes, `${at}.${field}[${i}]`, c, field === 'initContainers', names, volumes));
  }
  causes.oneOf(`${at}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  causes.oneOf(`${at}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']);
  causes.nonNegative(`${at}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds);
  if (spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds < 1) {
    causes.invalid(`${at}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 'must be between 1 and 2147483647, inclusive');
  }
  if (spec.serviceAccountName) follow(causes, `${at}.serviceAccountName`, spec.serviceAccountName, dnsSubdomain);
  if (spec.nodeName) follow(causes, `${at}.nodeName`, spec.nodeName, dnsSubdomain);
  if (spec.hostname) follow(causes, `${at}.hostname`, spec.hostname, dnsLabel);
  if (spec.subdomain) follow(causes, `${at}.subdomain`, spec.subdomain, dnsLabel);
  spec.topologySpreadConstraints?.forEach((c, i) =>
    checkSelector(causes, `${at}.topologySpreadConstraints[${i}].labelSelector`, c.labelSelector),
  );
}

function checkVolumes(causes: Causes, at: string, volumes: NonNullable<PodSpec['volumes']>): ReadonlySet<string> {
  const names = new Set<string>();
  volumes.forEach((volume, i) => {
    const { name, ...sources } = volume;
    if (!name) causes.required(`${at}[${i}].name`);
    else {
      follow(causes, `${at}[${i}].name`, name, dnsLabel);
      if (names.has(name)) causes.duplicate(`${at}[${i}].name`, name);
      names.add(name);
    }
    const given = Object.keys(sources);
    if (!given.length) causes.required(`${at}[${i}]`, 'must specify a volume type');
    for (const extra of given.slice(1)) causes.forbidden(`${at}[${i}].${extra}`, 'may not specify more than 1 volume type');
  });
  return names;
}

function checkContainer(causes: Causes, at: string, c: Container, init: boolean, names: Set<string>, volumes: ReadonlySet<string>): void {
  if (!c.name) causes.required(`${at}.name`);
  else {
    follow(causes, `${at}.name`, c.name, dnsLabel);
    if (names.has(c.name)) causes.duplicate(`${at}.name`, c.name);
    names.add(c.name);
  }
  if (!c.image) causes.required(`${at}.image`);
  else if (c.image !== c.image.trim()) causes.invalid(`${at}.image`, c.image, 'must not have leading or trailing whitespace');
  causes.oneOf(`${at}.imagePullPolicy`, c.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  causes.oneOf(`${at}.terminationMessagePolicy`, c.terminationMessagePolicy, ['File', 'FallbackToLogsOnError']);
  checkPorts(causes, `${at}.ports`, c.ports ?? []);
  checkEnvironment(causes, at, c);
  checkMounts(causes, `${at}.volumeMounts`, c.volumeMounts ?? [], volumes);
  checkResources(causes, `${at}.resources`, c.resources);

  const sidecar = c.restartPolicy === 'Always';
  if (c.restartPolicy && !init) causes.forbidden(`${at}.restartPolicy`, 'may not be set for non-init containers');
  for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = c[field];
    if (!probe) continue;
    if (init && !sidecar) causes.forbidden(`${at}.${field}`, 'may not be set for init containers without restartPolicy=Always');
    else checkProbe(causes, `${at}.${field}`, probe, field);
  }
  for (const hook of ['postStart', 'preStop'] as const) {
    const handler = c.lifecycle?.[hook];
    if (handler) checkHandler(causes, `${at}.lifecycle.${hook}`, handler, ['exec', 'httpGet', 'tcpSocket', 'sleep']);
  }
}

function checkPorts(causes: Causes, at: string, ports: NonNullable<Container['ports']>): void {
  const names = new Set<string>();
  ports.forEach((port, i) => {
    if (port.name) {
      follow(causes, `${at}[${i}].name`, port.name, portName);
      if (names.has(port.name)) causes.duplicate(`${at}[${i}].name`, port.name);
      names.add(port.name);
    }
    checkPort(causes, `${at}[${i}].containerPort`, port.containerPort);
    if (port.hostPort) checkPort(causes, `${at}[${i}].hostPort`, port.hostPort);
    causes.oneOf(`${at}[${i}].protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
  });
}

function checkEnvironment(causes: Causes, at: string, c: Container): void {
  c.env?.forEach((variable, i) => {
    const here = `${at}.env[${i}]`;
    if (!variable.name) causes.required(`${here}.name`);
    else follow(causes, `${here}.name`, variable.name, envName);
    if (!variable.valueFrom) return;
    const sources = Object.keys(variable.valueFrom);
    if (variable.value) causes.invalid(`${here}.valueFrom`, '', 'may not be specified when `value` is not empty');
    if (sources.length === 0)
      causes.invalid(`${here}.valueFrom`, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`');
    if (sources.length > 1) causes.invalid(`${here}.valueFrom`, '', 'may not have more than one field specified at a time');
    for (const source of ['configMapKeyRef', 'secretKeyRef'] as const) {
      const ref = variable.valueFrom[source];
      if (ref && !ref.key) causes.required(`${here}.valueFrom.${source}.key`);
    }
  });
  c.envFrom?.forEach((source, i) => {
    if (!source.configMapRef && !source.secretRef)
      causes.invalid(`${at}.envFrom[${i}]`, '', 'must specify one of: `configMapRef` or `secretRef`');
  });
}

function checkMounts(causes: Causes, at: string, mounts: NonNullable<Container['volumeMounts']>, volumes: ReadonlySet<string>): void {
  const paths = new Set<string>();
  mounts.forEach((mount, i) => {
    if (!mount.name) causes.required(`${at}[${i}].name`);
    else if (!volumes.has(mount.name)) causes.notFound(`${at}[${i}].name`, mount.name);
    if (!mount.mountPath) causes.required(`${at}[${i}].mountPath`);
    else if (paths.has(mount.mountPath)) causes.invalid(`${at}[${i}].mountPath`, mount.mountPath, 'must be unique');
    paths.add(mount.mountPath);
    if (mount.subPath?.split('/').includes('..')) causes.invalid(`${at}[${i}].subPath`, mount.subPath, "must not contain '..'");
  });
}

function checkResources(causes: Causes, at: string, resources: Container['resources']): void {
  for (const field of ['limits', 'requests'] as const) {
    for (const [name, quantity] of Object.entries(resources?.[field] ?? {})) {
      const amount = parseQuantity(quantity);
      if (amount === undefined) {
        causes.invalid(
          `${at}.${field}`,
          quantity,
          "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        );
      } else if (amount < 0) causes.invalid(`${at}.${field}[${name}]`, String(quantity), 'must be greater than or equal to 0');
    }
  }
  for (const [name, quantity] of Object.entries(resources?.requests ?? {})) {
    const limit = resources?.limits?.[name];
    if (limit === undefined) continue;
    const [asked, most] = [parseQuantity(quantity), parseQuantity(limit)];
    if (asked !== undefined && most !== undefined && asked > most) {
      causes.invalid(`${at}.requests`, String(quantity), `must be less than or equal to ${name} limit of ${limit}`);
    }
  }
}

function checkProbe(causes: Causes, at: string, probe: Probe, role: string): void {
  checkHandler(causes, at, probe, ['exec', 'httpGet', 'tcpSocket', 'grpc']);
  for (const field of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const) {
    causes.nonNegative(`${at}.${field}`, probe[field]);
  }
  if (role !== 'readinessProbe' && probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    causes.invalid(`${at}.successThreshold`, probe.successThreshold, 'must be 1');
  }
}

function checkHandler(causes: Causes, at: string, handler: Handler, kinds: readonly (keyof Handler)[]): void {
  const given = kinds.filter((kind) => handler[kind]);
  if (!given.length) causes.required(at, 'must specify a handler type');
  for (const extra of given.slice(1)) causes.forbidden(`${at}.${extra}`, 'may not specify more than 1 handler type');
  if (handler.exec && !handler.exec.command?.length) causes.required(`${at}.exec.command`);
  if (handler.httpGet) {
    checkPortOrName(causes, `${at}.httpGet.port`, handler.httpGet.port);
    causes.oneOf(`${at}.httpGet.scheme`, handler.httpGet.scheme, ['HTTP', 'HTTPS']);
  }
  if (handler.tcpSocket) checkPortOrName(causes, `${at}.tcpSocket.port`, handler.tcpSocket.port);
  if (handler.grpc) checkPort(causes, `${at}.grpc.port`, handler.grpc.port);
}
