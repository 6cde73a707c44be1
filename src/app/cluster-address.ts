/** `name.namespace`, `name.namespace.svc`, `name.namespace.svc.cluster.local`. */
const CLUSTER_NAME = /^([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?$/;

/** The service that a host would name; undefined when the name is not of that form (`localhost`, `example.com.`). */
export function serviceNamed(hostname: string): { readonly namespace: string; readonly name: string } | undefined {
  const [, name, namespace] = CLUSTER_NAME.exec(hostname) ?? [];
  return name && namespace ? { namespace, name } : undefined;
}
