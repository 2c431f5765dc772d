/** Whether an error says that a disk, or a user's share of it, has no room: it may have some later. */
export function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}
