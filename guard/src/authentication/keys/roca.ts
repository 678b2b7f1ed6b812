/**
 * Recognises RSA keys that a faulty chip generated (ROCA, CVE-2017-15361): their private half can be computed.
 *
 * The chip's primes are powers of 65537 modulo a product of small primes, and so is their product, the modulus. That
 * leaves a mark: modulo each of the small primes the modulus is a power of 65537. By chance a sound key bears the mark
 * for all of them in fewer than one case in 2^27.
 *
 * @see https://crocs.fi.muni.cz/_media/public/papers/nemec_roca_ccs17_preprint.pdf §3.1
 */

const generator = 65_537;

const primes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157] as const;

/** For each prime, what a power of the generator can leave. */
const residues: readonly { readonly prime: bigint; readonly powers: ReadonlySet<bigint> }[] = primes.map(
  (prime) => ({ prime: BigInt(prime), powers: powersModulo(prime) }),
);

/** @param modulus The `n` of a JWK: big-endian bytes in base64url. */
export function isRocaModulus(modulus: string): boolean {
  const n = BigInt(`0x0${Buffer.from(modulus, "base64url").toString("hex")}`);
  return residues.every(({ prime, powers }) => powers.has(n % prime));
}

function powersModulo(prime: number): ReadonlySet<bigint> {
  const powers = new Set<bigint>();
  let power = 1;
  do {
    powers.add(BigInt(power));
    power = (power * (generator % prime)) % prime;
  } while (power !== 1);
  return powers;
}
