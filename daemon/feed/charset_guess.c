/*
 * charset: recognise text whose label is wrong or missing by its letters.
 *
 * Asked only about bytes that are not UTF-8. It answers only where reading
 * them as UTF-8 would ruin most words; a few bad bytes in good UTF-8 are
 * better replaced.
 */
#include "charset.h"

#define SAMPLE ((size_t)256 << 10)
#define FEW 12 /* letters */

struct counts {
	size_t high[256]; /* of each byte from 0x80 */
	size_t total;     /* bytes from 0x80 */
	size_t in_words;  /* of them, in runs of three and more: an alphabet of its own */
	size_t good, bad; /* UTF-8 sequences, bytes that belong to none */
	size_t latin;     /* high bytes that make sense in windows-1252 where they stand */
};

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A letter beside a letter, or a quote, dash or sign that is common in western text. */
static bool makes_sense_in_latin(const unsigned char *text, size_t len, size_t at)
{
	unsigned char c = text[at];

	if (c >= 0xC0 && c != 0xD7 && c != 0xF7 && c != 0xFF)
		return (at > 0 && is_letter(text[at - 1])) || (at + 1 < len && is_letter(text[at + 1]));
	return c == 0x80 || c == 0x85 || (c >= 0x91 && c <= 0x97) || c == 0xA0 || c == 0xA3 || c == 0xA9 || c == 0xAB ||
		   c == 0xAE || c == 0xB0 || c == 0xBB || c == 0x8A || c == 0x8E || c == 0x9A || c == 0x9E;
}

static void count_sequences(struct base_span bytes, struct counts *counts)
{
	for (size_t at = 0; at < bytes.len;) {
		uint32_t code_point;
		bool valid;
		size_t used = base_utf8_decode(bytes.ptr + at, bytes.len - at, &code_point, &valid);

		if (!valid)
			counts->bad += used;
		else if (used > 1)
			counts->good++;
		at += used;
	}
}

static void count_bytes(struct base_span bytes, struct counts *counts)
{
	const unsigned char *text = (const unsigned char *)bytes.ptr;
	size_t run = 0;

	for (size_t at = 0; at <= bytes.len; at++) {
		if (at < bytes.len && text[at] >= 0x80) {
			counts->high[text[at]]++;
			counts->total++;
			counts->latin += makes_sense_in_latin(text, bytes.len, at);
			run++;
			continue;
		}
		if (run >= 3)
			counts->in_words += run;
		run = 0;
	}
}

/* The letters that make up most of any Russian or Ukrainian text: о е а и н т с р в л к м д п у я ь, in lower case. */
static const struct {
	const char *name;
	const char *frequent;
} cyrillic[] = {
	{"windows-1251", "\xEE\xE5\xE0\xE8\xED\xF2\xF1\xF0\xE2\xEB\xEA\xEC\xE4\xEF\xF3\xFF\xFC"},
	{"koi8-u", "\xCF\xC5\xC1\xC9\xCE\xD4\xD3\xD2\xD7\xCC\xCB\xCD\xC4\xD0\xD5\xD1\xD8"},
	{"iso-8859-5", "\xDE\xD5\xD0\xD8\xDD\xE2\xE1\xE0\xD2\xDB\xDA\xDC\xD4\xDF\xE3\xEF\xEC"},
	{"ibm866", "\xAE\xA5\xA0\xA8\xAD\xE2\xE1\xE0\xA2\xAB\xAA\xAC\xA4\xAF\xE3\xEF\xEC"},
};

/* A word or two are not enough to count letters ("США" reads as letters in koi8-u too): take the likeliest charset. */
static const char *guess_few(const struct counts *counts)
{
	size_t letters = 0;

	for (size_t c = 0xC0; c <= 0xFF; c++)
		letters += counts->high[c];
	letters += counts->high[0xA8] + counts->high[0xB8];                       /* Ё ё */
	for (const char *p = "\xA5\xB4\xAA\xBA\xAF\xBF\xB2\xB3"; *p != '\0'; p++) /* Ґ ґ Є є Ї ї І і */
		letters += counts->high[(unsigned char)*p];
	return letters >= counts->total - counts->total / 4 ? cyrillic[0].name : NULL;
}

static const char *guess_cyrillic(const struct counts *counts)
{
	const char *best = NULL;
	size_t most = counts->total / 2; /* at least half of all letters */

	for (size_t i = 0; i < sizeof(cyrillic) / sizeof(cyrillic[0]); i++) {
		size_t score = 0;

		for (const char *p = cyrillic[i].frequent; *p != '\0'; p++)
			score += counts->high[(unsigned char)*p];
		if (score > most) {
			most = score;
			best = cyrillic[i].name;
		}
	}
	return best;
}

const struct feed_charset *feed_charset_guess(struct base_span bytes)
{
	struct counts counts = {.total = 0};
	const char *name = NULL;

	if (bytes.len > SAMPLE)
		bytes.len = SAMPLE;
	count_sequences(bytes, &counts);
	if (counts.bad <= counts.good)
		return NULL;
	count_bytes(bytes, &counts);
	if (counts.in_words > counts.total / 2)
		name = counts.total < FEW ? guess_few(&counts) : guess_cyrillic(&counts);
	else if (counts.latin > counts.total - counts.total / 8 - 1)
		name = "windows-1252";
	return name == NULL ? NULL : feed_charset_find(base_span_of(name));
}
