/** What helps where packet rules could not be listed. @param whys what the programs said */
export function toListRules(...whys: readonly string[]): string {
  return whys.some((why) => /killed by SIG|no time left|in time/.test(why))
    ? 'run doctor again: a program that lists rules had no time, as on a busy machine'
    : 'run doctor as root on the node, with nft and iptables installed'
}
