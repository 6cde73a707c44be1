/**
 * PID 1 of the node: a shell that gets the namespaces ready and from then on only reaps. It is not Node, so that it costs
 * next to nothing and nothing in it can fail; pods and proxies live on it while the control plane and the agent come and go.
 *
 * Arguments: the PID file to write, the directory of the network namespaces.
 */
export const INIT_SCRIPT = `
set -ef
trap '' HUP INT TERM PIPE
# Still the caller's /proc: the PID and start time are the ones the caller knows this process by.
read -r stat < /proc/self/stat
pidfile=$1 netns=$2
set -- $stat
pid=$1
shift 21
mount -t proc proc /proc
mount -t tmpfs -o mode=700 tmpfs "$netns"
echo 1 > /proc/sys/net/ipv4/ip_forward
printf '%s %s\\n' "$pid" "$1" > "$pidfile.new"
mv "$pidfile.new" "$pidfile"
echo ready
exec < /dev/null > /dev/null 2>&1
set +e
while :; do
  sleep 86400 &
  wait $!
done
`;
