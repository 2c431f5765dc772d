/** Milliseconds of CPU that the calling thread has had so far, user and system time. */
export function threadCpu(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
