/* SipHash-2-4 for hash tables that foreign bytes fill, and random bytes. */
#include "wirewatch/base.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static uint64_t load(const uint8_t *bytes, size_t len)
{
	uint64_t word = 0;
	memcpy(&word, bytes, len);
	return le64toh(word);
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

static void sip_start(uint64_t v[4], const uint64_t key[2])
{
	v[0] = key[0] ^ 0x736f6d6570736575;
	v[1] = key[1] ^ 0x646f72616e646f6d;
	v[2] = key[0] ^ 0x6c7967656e657261;
	v[3] = key[1] ^ 0x7465646279746573;
}

static void sip_add(uint64_t v[4], const uint8_t *bytes, size_t len)
{
	size_t whole = len & ~(size_t)7;
	for (size_t i = 0; i < whole; i += 8)
		absorb(v, load(bytes + i, 8));
	absorb(v, (uint64_t)(len & 0xFF) << 56 | (len > whole ? load(bytes + whole, len - whole) : 0));
}

static uint64_t sip_end(uint64_t v[4])
{
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t base_hash64(const uint64_t key[2], const void *bytes, size_t len)
{
	uint64_t v[4];
	sip_start(v, key);
	sip_add(v, bytes, len);
	v[2] ^= 0xFF;
	return sip_end(v);
}

void base_hash128(const uint64_t key[2], const void *bytes, size_t len, uint8_t out[BASE_HASH128_LEN])
{
	uint64_t v[4];
	sip_start(v, key);
	v[1] ^= 0xEE;
	sip_add(v, bytes, len);
	v[2] ^= 0xEE;
	uint64_t first = htole64(sip_end(v));
	v[1] ^= 0xDD;
	uint64_t second = htole64(sip_end(v));
	memcpy(out, &first, sizeof first);
	memcpy(out + sizeof first, &second, sizeof second);
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
