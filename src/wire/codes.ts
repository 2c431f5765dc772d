/**
 * Code points of the DNS, spelled as in the IANA "Domain Name System Parameters" registry, and
 * their mnemonics as CoreDNS prints them.
 */

export const Opcode = { Query: 0, IQuery: 1, Status: 2, Notify: 4, Update: 5, Dso: 6 } as const
export type Opcode = (typeof Opcode)[keyof typeof Opcode]

export const Rcode = {
  NoError: 0,
  FormErr: 1,
  ServFail: 2,
  NXDomain: 3,
  NotImp: 4,
  Refused: 5,
  YXDomain: 6,
  YXRRSet: 7,
  NXRRSet: 8,
  NotAuth: 9,
  NotZone: 10,
  DsoTypeNi: 11,
  BadVers: 16,
  BadKey: 17,
  BadTime: 18,
  BadMode: 19,
  BadName: 20,
  BadAlg: 21,
  BadTrunc: 22,
  BadCookie: 23,
} as const
export type Rcode = (typeof Rcode)[keyof typeof Rcode]

/** Bits of the header's flags word. */
export const Flag = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  Z: 0x0040,
  AD: 0x0020,
  CD: 0x0010,
} as const
export type Flag = (typeof Flag)[keyof typeof Flag]

/** Fields of the header's flags word. */
export const OPCODE_MASK = 0x7800
export const OPCODE_SHIFT = 11
export const RCODE_MASK = 0x000f

export const Class = { IN: 1, CS: 2, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const
export type Class = (typeof Class)[keyof typeof Class]

export const Type = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  WKS: 11,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  X25: 19,
  ISDN: 20,
  RT: 21,
  'NSAP-PTR': 23,
  SIG: 24,
  KEY: 25,
  PX: 26,
  GPOS: 27,
  AAAA: 28,
  LOC: 29,
  NXT: 30,
  EID: 31,
  NIMLOC: 32,
  SRV: 33,
  ATMA: 34,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  DNAME: 39,
  OPT: 41,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  IPSECKEY: 45,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  HIP: 55,
  NINFO: 56,
  RKEY: 57,
  TALINK: 58,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  UINFO: 100,
  UID: 101,
  GID: 102,
  UNSPEC: 103,
  NID: 104,
  L32: 105,
  L64: 106,
  LP: 107,
  EUI48: 108,
  EUI64: 109,
  NXNAME: 128,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
  AVC: 258,
  AMTRELAY: 260,
  RESINFO: 261,
  TA: 32768,
  DLV: 32769,
} as const
export type Type = (typeof Type)[keyof typeof Type]

/** Extended DNS error codes (RFC 8914 §5.2). */
export const Ede = {
  Other: 0,
  UnsupportedDnskeyAlgorithm: 1,
  UnsupportedDsDigestType: 2,
  StaleAnswer: 3,
  ForgedAnswer: 4,
  DnssecIndeterminate: 5,
  DnssecBogus: 6,
  SignatureExpired: 7,
  SignatureNotYetValid: 8,
  DnskeyMissing: 9,
  RrsigsMissing: 10,
  NoZoneKeyBitSet: 11,
  NsecMissing: 12,
  CachedError: 13,
  NotReady: 14,
  Blocked: 15,
  Censored: 16,
  Filtered: 17,
  Prohibited: 18,
  StaleNxdomain: 19,
  NotAuthoritative: 20,
  NotSupported: 21,
  NoReachableAuthority: 22,
  NetworkError: 23,
  InvalidData: 24,
} as const
export type Ede = (typeof Ede)[keyof typeof Ede]

/** Four bits of the header and eight of OPT (RFC 6891 §6.1.3). */
const MAX_RCODE = 0x0fff

const typeNames = namesOf(Type)
const classNames = namesOf(Class)
const rcodeNames = namesOf(Rcode)
const typeCodes = codesOf(typeNames)
const classCodes = codesOf(classNames)
const rcodeCodes = codesOf(rcodeNames)
// 16 is BADVERS in OPT and BADSIG in TSIG (RFC 6895 §2.3); CoreDNS configurations use either name.
rcodeCodes.set('BADSIG', Rcode.BadVers)

/** 'A', 'AAAA', …; 'TYPE65280' where the type has no name here (RFC 3597 §5). */
export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`
}

/** 'IN', 'CH', …; 'CLASS9' where the class has no name. */
export function className(klass: number): string {
  return classNames.get(klass) ?? `CLASS${klass}`
}

/** The type of that name in any case, `TYPE65280` included (RFC 3597 §5); undefined where there is none. */
export function typeFromName(name: string): number | undefined {
  const upper = name.toUpperCase()
  return typeCodes.get(upper) ?? numbered(upper, 'TYPE', 0xffff)
}

/** The class of that name in any case, `CLASS42` included (RFC 3597 §5); undefined where there is none. */
export function classFromName(name: string): number | undefined {
  const upper = name.toUpperCase()
  return classCodes.get(upper) ?? numbered(upper, 'CLASS', 0xffff)
}

/** 'NOERROR', 'NXDOMAIN', …, 'BADVERS' for 16; 'RCODE12' where the code has no name. */
export function rcodeName(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`
}

/** The rcode of that name in any case, `RCODE12` included; undefined where there is none. */
export function rcodeFromName(name: string): number | undefined {
  const upper = name.toUpperCase()
  return rcodeCodes.get(upper) ?? numbered(upper, 'RCODE', MAX_RCODE)
}

/** The number behind `prefix`, up to `max`. */
function numbered(name: string, prefix: string, max: number): number | undefined {
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return /^\d{1,5}$/.test(digits) && Number(digits) <= max ? Number(digits) : undefined
}

function codesOf(names: ReadonlyMap<number, string>): Map<string, number> {
  return new Map(Array.from(names, ([code, name]) => [name, code]))
}

function namesOf(codes: Readonly<Record<string, number>>): Map<number, string> {
  return new Map(Object.entries(codes).map(([name, code]) => [code, name.toUpperCase()]))
}
