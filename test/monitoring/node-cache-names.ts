/**
 * Names that dashboard and rules read and dnslet does not have, with labels: those of a node-cache built on
 * CoreDNS before 1.7 (k8s-dns-node-cache before 1.15.14), and of later ones before `proxy` had its own.
 */
export const nodeCacheNames: ReadonlyMap<string, readonly string[]> = new Map([
  ['coredns_dns_request_count_total', ['server', 'zone', 'proto', 'family']],
  ['coredns_dns_request_type_count_total', ['server', 'zone', 'type']],
  ['coredns_dns_request_do_count_total', ['server', 'zone']],
  ['coredns_dns_response_rcode_count_total', ['server', 'zone', 'rcode']],
  ['coredns_cache_size', ['server', 'type']],
  ['coredns_panic_count_total', []],
  ['coredns_reload_failed_count_total', []],
  ['coredns_forward_healthcheck_broken_count_total', []],
  ['coredns_forward_request_duration_seconds', ['to', 'rcode', 'le']],
  ['coredns_nodecache_setup_errors', ['errortype']],
])
