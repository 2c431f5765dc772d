import { valueOf } from '../../../host/readings/reading.ts'
import type { Examination } from '../examination.ts'
import type { Facts } from '../facts.ts'
import { few } from '../few.ts'
import { broken, ok, type Said, warning } from '../finding.ts'

/** Least MTU of an IPv6 link (RFC 8200 §5); less has trouble with a DNS answer of 1,232 octets. */
const LEAST_MTU = 1_280

/** Settings of the kernel that pods' packets depend on. */
export const kernelSettings: Examination = {
  area: 'Kernel',
  where: 'node',
  ids: ['kernel-settings', 'forwarding-off', 'route-localnet-off', 'mtu-small'],
  examine(facts) {
    const said = [...forwarding(facts), ...localnet(facts), ...mtu(facts)]
    if (said.length > 0) return said
    const forward = valueOf(facts.settings.ipForward)
    return [
      ok(
        'kernel-settings',
        'settings of the kernel are as DNS needs them',
        ...(forward === undefined ? [] : [`net.ipv4.ip_forward = ${forward}`]),
      ),
    ]
  },
}

function forwarding({ settings, addresses }: Facts): readonly Said[] {
  const isIpv4 = addresses.some((one) => !one.includes(':'))
  if (valueOf(settings.ipForward) !== 0 || !isIpv4) return []
  return [
    broken('forwarding-off', 'this node does not forward IPv4 packets', {
      seen: ['net.ipv4.ip_forward = 0'],
      meaning: 'Pods reach what is local, dnslet included, and no Service or other node.',
      remedy: ['sysctl -w net.ipv4.ip_forward=1, and see what resets it'],
    }),
  ]
}

function localnet({ settings, addresses }: Facts): readonly Said[] {
  const loopback = addresses.filter((one) => one.startsWith('127.'))
  if (loopback.length === 0 || valueOf(settings.routeLocalnet) !== 0) return []
  return [
    warning('route-localnet-off', `${few(loopback)} cannot be reached by pods`, {
      seen: ['net.ipv4.conf.all.route_localnet = 0'],
      meaning: 'The kernel takes packets to 127.0.0.0/8 from the loopback interface alone.',
      remedy: ['use -localip 169.254.20.10'],
    }),
  ]
}

function mtu({ network }: Facts): readonly Said[] {
  if (!('value' in network)) return []
  const small = network.value.links.filter(
    ({ mtu: size, up }) => up && size !== null && size < LEAST_MTU,
  )
  if (small.length === 0) return []
  return [
    warning('mtu-small', `an interface takes packets of less than ${LEAST_MTU} octets`, {
      seen: small.slice(0, 5).map(({ name, mtu: size }) => `${name}: ${size}`),
      meaning: 'Answers over UDP are fragmented there, and fragments get lost.',
      remedy: ['bufsize 1100 in the Corefile, or a larger MTU: a tunnel inside of a tunnel?'],
    }),
  ]
}
