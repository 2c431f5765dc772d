// `node confined-main.ts PROFILE PROGRAM [ARGUMENT]…`: becomes that program, under this seccomp profile.
import { confine } from './libseccomp.ts'
import { readProfile } from './profile.ts'

const [profile = '', program = '', ...args] = process.argv.slice(2)
confine(readProfile(profile))
process.execve!(program, [program, ...args], process.env)
