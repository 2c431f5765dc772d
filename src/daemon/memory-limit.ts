import { totalmem } from 'node:os'

/** Asked once: the kernel counts all its pages for the answer. */
const machineMemory = totalmem()

/**
 * Bytes of memory that the control group allows this process, as they are now: they can be changed while it
 * runs. Null where nothing limits it before the machine does.
 *
 * @param limit what the control group says, 0 or more than there is where it says nothing
 */
export function memoryLimit(
  limit: number = process.constrainedMemory(),
  machine: number = machineMemory,
): number | null {
  return limit > 0 && limit < machine ? limit : null
}
