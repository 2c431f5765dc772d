import type { NodeModel, Place } from '../../test/helpers/node-model/node-model.ts'

/**
 * A second link between pod and node: queries leave over both in turn, and each is read by a CPU of its own,
 * as of a network card with a queue for each CPU. A veth of its own hands all packets of a thread to the CPU
 * that the thread runs on, one after the other, where A and AAAA cannot meet.
 *
 * @param onNode id of a process on the node
 */
export async function addSecondQueue(model: NodeModel, onNode: number): Promise<void> {
  await run(model, 'pod', [
    `ip link add eth1 type veth peer name veth-pod1 netns ${onNode}`,
    'ip link set eth1 up',
  ])
  await run(model, 'node', [
    'ip link set veth-pod1 address $(cat /sys/class/net/veth-pod/address) up',
    'sysctl -qw net.ipv4.conf.veth-pod1.rp_filter=0 net.ipv4.conf.all.rp_filter=0',
    'echo 1 > /sys/class/net/veth-pod/queues/rx-0/rps_cpus',
    'echo 2 > /sys/class/net/veth-pod1/queues/rx-0/rps_cpus',
  ])
  const turns = 'numgen inc mod 2 1 fwd to eth1'
  await run(model, 'pod', [
    'nft add table netdev queues',
    "nft 'add chain netdev queues out { type filter hook egress device eth0 priority 0; }'",
    `nft add rule netdev queues out meta protocol ip udp dport 53 ${turns}`,
  ])
}

/** What conntrack of the node has counted so far, all CPUs together. */
export async function conntrackCounters(model: NodeModel): Promise<ReadonlyMap<string, number>> {
  const { output } = await model.exec('node', ['conntrack', '-S'])
  const counters = new Map<string, number>()
  for (const [, name = '', value] of output.matchAll(/(\w+)=(\d+)/g)) {
    counters.set(name, (counters.get(name) ?? 0) + Number(value))
  }
  return counters
}

async function run(model: NodeModel, place: Place, lines: readonly string[]): Promise<void> {
  const { code, output } = await model.exec(place, ['sh', '-ec', lines.join('\n')])
  if (code !== 0) throw new Error(`Cannot add a queue: ${output}`)
}
