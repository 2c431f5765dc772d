// The command as people start it: its output, its end, and a terminal of its own.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Snapshot } from '../../../src/commands/top/snapshot.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import type { Owner } from '../../helpers/processes.ts'
import { startStandIn } from './stand-in.ts'

const main = join(import.meta.dirname, '../../../src/main.ts')
const ESC = '\u001b'
const ENTER = `${ESC}[?1049h${ESC}[?25l`
const LEAVE = `${ESC}[0m${ESC}[?25h${ESC}[?1049l`

class Command {
  readonly child: ChildProcess
  out = ''
  err = ''

  constructor(owner: Owner, file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(file, args, { env: { ...process.env, ...env } })
    this.child.stdout!.on('data', (data: Buffer) => (this.out += data.toString()))
    this.child.stderr!.on('data', (data: Buffer) => (this.err += data.toString()))
    owner.after(() => void this.child.kill('SIGKILL'))
  }

  /** Waits until the output has such a text, and returns all of it. */
  async shows(wanted: RegExp): Promise<string> {
    while (!wanted.test(this.out)) {
      if (this.child.exitCode !== null) assert.fail(`It has ended: ${this.out}${this.err}`)
      await Promise.race([once(this.child.stdout!, 'data'), once(this.child, 'exit')])
    }
    return this.out
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode === null) await once(this.child, 'close')
    return this.child.exitCode
  }
}

function top(owner: Owner, ...args: readonly string[]): Command {
  return new Command(owner, process.execPath, [main, 'top', ...args])
}

describe('dnslet top', () => {
  test('--once prints a page and ends', async (t) => {
    const { socket } = await startStandIn(t)
    const command = top(t, '--socket', socket, '--once', '--interval', '200ms')
    assert.equal(await command.ended(), 0)
    assert.match(command.out, /^dnslet 0\.1\.0 on worker-7, process 4711/)
    assert.match(command.out, /\nQueries {3}\d.*\/s {3}hits 75\.0%/)
    assert.match(command.out, /\nNAMES since 03:04 /)
    assert.ok(!command.out.includes(ESC))
    assert.equal(command.err, '')
  })

  test('--json prints a line for each interval, until it is told to end', async (t) => {
    const { socket } = await startStandIn(t)
    const command = top(t, '--socket', socket, '--json', '--interval', '200ms')
    const lines = (await command.shows(/\n.*\n/)).trim().split('\n')
    const shown = JSON.parse(lines[1]!) as Snapshot
    assert.equal(shown.hitRatio, 0.75)
    assert.equal(shown.names[0]?.name, 'api.shop.svc.cluster.local.')
    command.child.kill('SIGTERM')
    assert.equal(await command.ended(), 143)
    assert.equal(command.err, '')
  })

  test('says in a line that there is no daemon', async (t) => {
    const command = top(t, '--socket', join(temporaryFolder(t), 'none.sock'), '--once')
    assert.equal(await command.ended(), 1)
    assert.match(command.err, /^Cannot ask the daemon at \S+: there is no such socket.*\n$/)
    assert.equal(command.out, '')
  })

  test('ends where its reader does', async (t) => {
    const { socket } = await startStandIn(t)
    const command = top(t, '--socket', socket, '--json', '--interval', '200ms')
    await command.shows(/\n/)
    command.child.stdout!.destroy()
    assert.equal(await command.ended(), 0)
    assert.equal(command.err, '')
  })
})

describe('in a terminal', () => {
  /** Runs it behind a pseudo-terminal of 80 columns and 24 rows; what is written to `script` is typed. */
  function inTerminal(owner: Owner, socket: string): Command {
    const line = `stty cols 80 rows 24; '${process.execPath}' '${main}' top --socket '${socket}' --interval 200ms; echo "status $?"; stty -a | tr ' ;' '\\n\\n' | grep -x -- -*icanon`
    return new Command(owner, 'script', ['-qec', line, '/dev/null'], { SHELL: '/bin/sh' })
  }

  test('it draws pages, waits for a daemon that is away, and q ends it', async (t) => {
    const standIn = await startStandIn(t)
    const command = inTerminal(t, standIn.socket)
    await command.shows(/hits 75\.0%/)
    await standIn.stop()
    await command.shows(/Cannot ask the daemon/)
    command.out = ''
    await startStandIn(t, standIn.socket)
    await command.shows(/hits 75\.0%/)
    command.child.stdin!.write('q')
    const text = await command.shows(/icanon/)
    assert.ok(text.includes(LEAVE))
    assert.match(text, /status 0\r\nicanon/)
  })

  test('a signal ends it, and the terminal is as it was', async (t) => {
    const { socket } = await startStandIn(t)
    const command = inTerminal(t, socket)
    const text = await command.shows(/hits 75\.0%/)
    assert.ok(text.includes(ENTER))
    for (const line of text.split(new RegExp(`\r+\n|${ESC}\\[H`)).slice(0, -1)) {
      const visible = line.replaceAll(new RegExp(`${ESC}\\[\\??[0-9;]*[A-Za-z]`, 'g'), '')
      assert.ok(visible.length <= 80, visible)
    }
    command.child.stdin!.write('\u0003')
    const end = await command.shows(/icanon/)
    assert.ok(end.includes(LEAVE))
    assert.match(end, /status 0\r\nicanon/)
  })
})
