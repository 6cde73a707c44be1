/** Who may do what, as kubectl asks and grants it. */
import { kubectlTable } from './table.ts';

const ROLE = (verbs: string): string => `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: default }
rules: [{ apiGroups: [""], resources: [pods], verbs: [${verbs}] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader, namespace: default }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: robot, namespace: default }]
`;
const ROBOT = '--as=system:serviceaccount:default:robot';

kubectlTable({
  'auth as the administrator': [
    { run: 'auth can-i create pods', out: 'yes' },
    { run: 'auth can-i --list', out: /\*\.\*\s+\[\]\s+\[\]\s+\[\*\]/ },
    { run: 'auth whoami -o jsonpath={.status.userInfo.username}', out: 'sluice-admin' },
    { run: 'auth whoami', out: /ATTRIBUTE\s+VALUE\nUsername\s+sluice-admin\nGroups\s+\[.*system:masters/ },
  ],
  'auth reconcile grants, and a robot may what it was granted': [
    { run: 'create sa robot', out: /created/ },
    {
      run: 'auth reconcile -f -',
      input: ROLE('get'),
      out: [/role\.rbac\S+\/reader reconciled/, /rolebinding\.rbac\S+\/reader reconciled/],
    },
    { run: 'auth reconcile -f -', input: ROLE('get, list'), out: /Missing rules added|reconciled/ },
    { run: 'get role reader -o jsonpath={.rules[*].verbs}', out: /list/ },
    { run: `auth can-i list pods ${ROBOT}`, out: 'yes' },
    { run: `auth can-i delete pods ${ROBOT}`, code: 1, out: 'no' },
    { run: `auth can-i list pods -A ${ROBOT}`, code: 1, out: 'no' },
    { run: `auth can-i --list ${ROBOT}`, out: /pods\s+\[\]\s+\[\]\s+\[get list\]/ },
    { run: `auth whoami ${ROBOT}`, out: /system:serviceaccount:default:robot/ },
    { run: `get pods ${ROBOT}`, err: /No resources found/ },
    {
      run: `get secrets ${ROBOT}`,
      code: 1,
      err: /secrets is forbidden: User "system:serviceaccount:default:robot" cannot list resource "secrets" in API group "" in the namespace "default"/,
    },
    { run: `get pods -n kube-system ${ROBOT}`, code: 1, err: /Forbidden/ },
  ],
  certificates: [
    { run: 'get csr', err: /No resources found/ },
    { run: 'certificate approve nothing', code: 1, err: /"nothing" not found/ },
  ],
});
