import { Type } from '../codes.ts'
import { counted, type RdataWriter } from './rdata-writer.ts'
import { writeSvcb } from './svcb.ts'
import { wordOctets } from './tokens.ts'

/** Reads the data of one type; where it is not of the type, `isBad` says so. */
type Write = (rdata: RdataWriter) => void

/** DNSSEC algorithms by their mnemonics (RFC 8624 and IANA). */
const ALGORITHMS: Readonly<Record<string, number>> = {
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  'DSA-NSEC3-SHA1': 6,
  'RSASHA1-NSEC3-SHA1': 7,
  RSASHA256: 8,
  RSASHA512: 10,
  'ECC-GOST': 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
}

const name: Write = (rdata) => rdata.name()
const twoNames: Write = (rdata) => {
  rdata.name()
  rdata.name()
}
const preferredName: Write = (rdata) => {
  rdata.number(2)
  rdata.name()
}
const strings: Write = (rdata) => rdata.strings()
const base64: Write = (rdata) => rdata.base64()

const keyed: Write = (rdata) => {
  rdata.number(2)
  rdata.number(1)
  algorithm(rdata)
  rdata.base64()
}
const digest: Write = (rdata) => {
  rdata.number(2)
  algorithm(rdata)
  rdata.number(1)
  rdata.hex()
}
const association: Write = (rdata) => {
  rdata.number(1)
  rdata.number(1)
  rdata.number(1)
  rdata.hex()
}

/** A number or a mnemonic. */
function algorithm(rdata: RdataWriter): void {
  const { text } = rdata.word()
  const code = ALGORITHMS[text.toUpperCase()]
  rdata.integer(code === undefined ? text : String(code), 1)
}

/** CPU and OS; a single word is the CPU, or both where it has a space, as in miekg/dns. */
function hinfo(rdata: RdataWriter): void {
  const words: string[] = []
  do words.push(rdata.word().text)
  while (rdata.left > 0)
  if (words.length === 1) words.splice(0, 1, ...words[0]!.split(' ').filter((word) => word !== ''))
  const [cpu = '', ...os] = words
  for (const text of [cpu, os.join(' ')]) {
    const octets = wordOctets(text)
    rdata.add(octets === null || octets.length > 255 ? null : counted(octets))
  }
}

/** `00-00-5e-00-53-2a` (RFC 7043). */
function eui(octets: number): Write {
  return (rdata) => {
    const parts = rdata.word().text.split('-')
    const isRight = parts.length === octets && parts.every((part) => /^[\da-f]{2}$/i.test(part))
    rdata.add(isRight ? Buffer.from(parts.join(''), 'hex') : null)
  }
}

const writers: ReadonlyMap<number, Write> = new Map<number, Write>([
  [Type.A, (rdata) => rdata.ipv4()],
  [Type.AAAA, (rdata) => rdata.ipv6()],
  ...[Type.NS, Type.CNAME, Type.DNAME, Type.PTR, Type.MB, Type.MD, Type.MF, Type.MG, Type.MR].map(
    (type): [number, Write] => [type, name],
  ),
  ...[Type.MX, Type.AFSDB, Type.KX, Type.RT, Type.LP].map((type): [number, Write] => [
    type,
    preferredName,
  ]),
  [Type.MINFO, twoNames],
  [Type.RP, twoNames],
  ...[Type.TXT, Type.SPF, Type.AVC, Type.NINFO, Type.RESINFO].map((type): [number, Write] => [
    type,
    strings,
  ]),
  [Type.SOA, soa],
  [Type.SRV, srv],
  [Type.HINFO, hinfo],
  [Type.NAPTR, naptr],
  [Type.CAA, caa],
  [Type.URI, uri],
  [Type.SVCB, writeSvcb],
  [Type.HTTPS, writeSvcb],
  [Type.TLSA, association],
  [Type.SMIMEA, association],
  [Type.SSHFP, sshfp],
  ...[Type.DS, Type.CDS, Type.DLV, Type.TA].map((type): [number, Write] => [type, digest]),
  ...[Type.DNSKEY, Type.CDNSKEY, Type.KEY].map((type): [number, Write] => [type, keyed]),
  [Type.OPENPGPKEY, base64],
  [Type.DHCID, base64],
  [Type.EUI48, eui(6)],
  [Type.EUI64, eui(8)],
  [Type.X25, (rdata) => rdata.string()],
  [Type.ISDN, isdn],
  [
    Type.L32,
    (rdata) => {
      rdata.number(2)
      rdata.ipv4()
    },
  ],
  [
    Type.ZONEMD,
    (rdata) => {
      rdata.number(4)
      rdata.number(1)
      rdata.number(1)
      rdata.hex()
    },
  ],
])

function soa(rdata: RdataWriter): void {
  twoNames(rdata)
  rdata.number(4)
  for (let i = 0; i < 4; i++) rdata.seconds()
}

/** An address, and a subaddress where there is one (RFC 1183 §3.2). */
function isdn(rdata: RdataWriter): void {
  rdata.string()
  if (rdata.left > 0) rdata.string()
}

function srv(rdata: RdataWriter): void {
  for (let i = 0; i < 3; i++) rdata.number(2)
  rdata.name()
}

function naptr(rdata: RdataWriter): void {
  rdata.number(2)
  rdata.number(2)
  for (let i = 0; i < 3; i++) rdata.string()
  rdata.name()
}

function caa(rdata: RdataWriter): void {
  rdata.number(1)
  rdata.string()
  rdata.text()
}

function uri(rdata: RdataWriter): void {
  rdata.number(2)
  rdata.number(2)
  rdata.text()
}

function sshfp(rdata: RdataWriter): void {
  rdata.number(1)
  rdata.number(1)
  rdata.hex()
}

/** Whether the data of this type has a syntax here; `\# length hex` has every type (RFC 3597 §5). */
export function hasSyntax(type: number): boolean {
  return writers.has(type)
}

/** Reads the data of a type that has a syntax. */
export function writeRdata(type: number, rdata: RdataWriter): void {
  writers.get(type)?.(rdata)
}
