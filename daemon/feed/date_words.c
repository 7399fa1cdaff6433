/*
 * date_words: months, weekdays, zones and the small words between them.
 *
 * Months and weekdays are known by their first letters, so that cases ("лютого"),
 * abbreviations ("févr.") and full names are one entry.
 */
#include "date_words.h"

#include <string.h>

/* ---- folding --------------------------------------------------------------- */

/* U+00C0 to U+017F without their accents; '?' stays as it is. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo?ouuuuytsaaaaaaaceeeeiiiidnooooo?ouuuuyty"  /* U+00C0 */
							"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"  /* U+0100 */
							"lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"; /* U+0140 */

static uint32_t fold_greek(uint32_t c)
{
	static const struct {
		uint16_t accented, plain;
	} pairs[] = {
		{0x386, 0x3B1}, {0x388, 0x3B5}, {0x389, 0x3B7}, {0x38A, 0x3B9}, {0x38C, 0x3BF}, {0x38E, 0x3C5},
		{0x38F, 0x3C9}, {0x3AC, 0x3B1}, {0x3AD, 0x3B5}, {0x3AE, 0x3B7}, {0x3AF, 0x3B9}, {0x3CA, 0x3B9},
		{0x3CB, 0x3C5}, {0x3CC, 0x3BF}, {0x3CD, 0x3C5}, {0x3CE, 0x3C9}, {0x3C2, 0x3C3}, {0x390, 0x3B9},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (c == pairs[i].accented)
			return pairs[i].plain;
	}
	return c >= 0x391 && c <= 0x3A9 ? c + 0x20 : c;
}

static uint32_t fold(uint32_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c + ('a' - 'A');
	if (c >= 0xC0 && c <= 0x17F && latin[c - 0xC0] != '?')
		return (unsigned char)latin[c - 0xC0];
	if (c >= 0x386 && c <= 0x3CE)
		return fold_greek(c);
	if (c >= 0x400 && c <= 0x40F)
		return c + 0x50;
	if (c >= 0x410 && c <= 0x42F)
		return c + 0x20;
	return c == 0x490 ? 0x491 : c;
}

enum part { PART_LETTER, PART_SILENT, PART_NONE };

/* Silent: apostrophes and combining accents. None: digits, punctuation, spaces and dashes of any kind. */
static enum part part_of_word(uint32_t c)
{
	if (c == '\'' || c == 0x2BC || c == 0x2019 || (c >= 0x300 && c <= 0x36F))
		return PART_SILENT;
	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? PART_LETTER : PART_NONE;
	if (c == 0xAA || c == 0xBA) /* 3º, 1ª */
		return PART_LETTER;
	return c < 0xC0 || (c >= 0x2000 && c <= 0x206F) || c == 0x3000 || c >= 0xFE00 ? PART_NONE : PART_LETTER;
}

size_t feed_date_read_word(const char *text, size_t len, char folded[FEED_DATE_WORD_MAX + 1])
{
	size_t at = 0, out = 0;
	bool fits = true;

	while (at < len) {
		char bytes[4];
		uint32_t c;
		bool valid;
		size_t used = base_utf8_decode(text + at, len - at, &c, &valid), more;
		enum part part = valid ? part_of_word(c) : PART_NONE;

		if (part == PART_NONE || (part == PART_SILENT && at == 0))
			break;
		at += used;
		if (part == PART_SILENT)
			continue;
		more = base_utf8_encode(fold(c), bytes);
		if (out + more > FEED_DATE_WORD_MAX)
			fits = false;
		if (!fits)
			continue;
		memcpy(folded + out, bytes, more);
		out += more;
	}
	folded[fits ? out : 0] = '\0';
	return at;
}

/* ---- words ------------------------------------------------------------------- */

struct entry {
	const char *text; /* a beginning; the whole word if it ends in '!' */
	struct feed_date_word word;
};

#define MONTH(text, number)                                                                                            \
	{                                                                                                                  \
		text,                                                                                                          \
		{                                                                                                              \
			FEED_DATE_MONTH, number, false, false                                                                      \
		}                                                                                                              \
	}
#define DOUBTFUL(text, number)                                                                                         \
	{                                                                                                                  \
		text,                                                                                                          \
		{                                                                                                              \
			FEED_DATE_MONTH, number, true, false                                                                       \
		}                                                                                                              \
	}
#define WEEKDAY(text)                                                                                                  \
	{                                                                                                                  \
		text,                                                                                                          \
		{                                                                                                              \
			FEED_DATE_WEEKDAY, 0, false, false                                                                         \
		}                                                                                                              \
	}
#define HALF(text, hours, korean)                                                                                      \
	{                                                                                                                  \
		text,                                                                                                          \
		{                                                                                                              \
			FEED_DATE_HALF, hours, false, korean                                                                       \
		}                                                                                                              \
	}
#define UNIT(text, unit, korean)                                                                                       \
	{                                                                                                                  \
		text,                                                                                                          \
		{                                                                                                              \
			FEED_DATE_UNIT, unit, false, korean                                                                        \
		}                                                                                                              \
	}
#define FILLER(text)                                                                                                   \
	{                                                                                                                  \
		text,                                                                                                          \
		{                                                                                                              \
			FEED_DATE_FILLER, 0, false, false                                                                          \
		}                                                                                                              \
	}

/* The first entry that fits counts: "mardi" stands before "mar". */
/* clang-format off */
static const struct entry entries[] = {
	/* Weekdays that begin like a month. */
	WEEKDAY("mardi"), WEEKDAY("marte"), WEEKDAY("серед"),
	/* Months: English, German, French, Spanish, Italian, Portuguese, Hungarian, Dutch; Polish. */
	MONTH("jan", 1), MONTH("ene", 1), MONTH("gen", 1), MONTH("sty", 1),
	MONTH("feb", 2), MONTH("fev", 2), MONTH("lut", 2),
	DOUBTFUL("mar!", 3), MONTH("mar", 3), MONTH("mrz", 3), MONTH("mae", 3), MONTH("maart", 3),
	MONTH("apr", 4), MONTH("avr", 4), MONTH("abr", 4), MONTH("kwi", 4),
	MONTH("may", 5), MONTH("mai", 5), MONTH("maj", 5), MONTH("mag", 5), MONTH("mei", 5),
	MONTH("jun", 6), MONTH("juin", 6), MONTH("jui!", 6), MONTH("cze", 6), MONTH("giu", 6),
	MONTH("jul", 7), MONTH("juil", 7), MONTH("lip", 7), MONTH("lug", 7),
	MONTH("aug", 8), MONTH("aou", 8), MONTH("ago", 8), MONTH("sie", 8),
	MONTH("sep", 9), MONTH("set", 9), MONTH("wrz", 9), MONTH("szep", 9),
	MONTH("oct", 10), MONTH("okt", 10), MONTH("out", 10), MONTH("ott", 10), MONTH("paz", 10),
	MONTH("nov", 11), MONTH("lis", 11),
	MONTH("dec", 12), MONTH("dez", 12), MONTH("dic", 12), MONTH("gru", 12),
	/* Russian and Bulgarian; Ukrainian; Greek. */
	MONTH("янв", 1), MONTH("яну", 1), MONTH("фев", 2), MONTH("мар", 3), MONTH("апр", 4), MONTH("май", 5),
	MONTH("мая", 5), MONTH("мае", 5), MONTH("июн", 6), MONTH("юни", 6), MONTH("июл", 7), MONTH("юли", 7),
	MONTH("авг", 8), MONTH("сен", 9), MONTH("сеп", 9), MONTH("окт", 10), MONTH("ноя", 11), MONTH("ное", 11),
	MONTH("дек", 12),
	MONTH("січ", 1), MONTH("лют", 2), MONTH("бер", 3), MONTH("кві", 4), MONTH("тра", 5), MONTH("чер", 6),
	MONTH("лип", 7), DOUBTFUL("сер!", 8), MONTH("сер", 8), MONTH("вер", 9), MONTH("жов", 10), MONTH("лис", 11),
	MONTH("гру", 12),
	MONTH("ιαν", 1), MONTH("φεβ", 2), MONTH("μαρ", 3), MONTH("απρ", 4), MONTH("μαι", 5), MONTH("μαη", 5),
	MONTH("ιουν", 6), MONTH("ιουλ", 7), MONTH("αυγ", 8), MONTH("σεπ", 9), MONTH("οκτ", 10), MONTH("νοε", 11),
	MONTH("δεκ", 12),
	/* Weekdays. */
	WEEKDAY("mon"), WEEKDAY("tue"), WEEKDAY("wed"), WEEKDAY("thu"), WEEKDAY("fri"), WEEKDAY("sat"), WEEKDAY("sun"),
	WEEKDAY("dienst"), WEEKDAY("mittw"), WEEKDAY("donner"), WEEKDAY("freit"), WEEKDAY("samst"), WEEKDAY("sonn"),
	WEEKDAY("mo!"), WEEKDAY("di!"), WEEKDAY("mi!"), WEEKDAY("do!"), WEEKDAY("fr!"), WEEKDAY("sa!"), WEEKDAY("so!"),
	WEEKDAY("lun"), WEEKDAY("mer"), WEEKDAY("jeu"), WEEKDAY("ven"), WEEKDAY("sam"), WEEKDAY("dim"),
	WEEKDAY("mie"), WEEKDAY("jue"), WEEKDAY("vie"), WEEKDAY("sab"), WEEKDAY("dom"), WEEKDAY("gio"),
	WEEKDAY("seg"), WEEKDAY("ter"), WEEKDAY("qua"), WEEKDAY("qui"), WEEKDAY("sex"),
	WEEKDAY("pon"), WEEKDAY("wto"), WEEKDAY("sro"), WEEKDAY("czw"), WEEKDAY("pia"), WEEKDAY("sob"), WEEKDAY("nie"),
	WEEKDAY("pn!"), WEEKDAY("wt!"), WEEKDAY("sr!"), WEEKDAY("pt!"), WEEKDAY("nd!"), WEEKDAY("ndz!"),
	WEEKDAY("пон"), WEEKDAY("вто"), WEEKDAY("вів"), WEEKDAY("сре"), WEEKDAY("чет"), WEEKDAY("пят"), WEEKDAY("суб"),
	WEEKDAY("вос"), WEEKDAY("нед"), WEEKDAY("пн!"), WEEKDAY("вт!"), WEEKDAY("ср!"), WEEKDAY("чт!"), WEEKDAY("пт!"),
	WEEKDAY("сб!"), WEEKDAY("вс!"), WEEKDAY("нд!"),
	WEEKDAY("δευ"), WEEKDAY("τρι"), WEEKDAY("τετ"), WEEKDAY("πεμ"), WEEKDAY("παρ"), WEEKDAY("σαβ"), WEEKDAY("κυρ"),
	/* East Asia. */
	UNIT("년", 'y', true), UNIT("월", 'm', true), UNIT("일", 'd', true), UNIT("시", 'H', true), UNIT("분", 'M', true),
	UNIT("초", 'S', true), UNIT("年", 'y', false), UNIT("月", 'm', false), UNIT("日", 'd', false),
	UNIT("時", 'H', false), UNIT("时", 'H', false), UNIT("分", 'M', false), UNIT("秒", 'S', false),
	HALF("오전", 0, true), HALF("오후", 12, true), HALF("午前", 0, false), HALF("午後", 12, false),
	HALF("上午", 0, false), HALF("下午", 12, false), HALF("am!", 0, false), HALF("pm!", 12, false),
	/* Small words. */
	FILLER("at!"), FILLER("on!"), FILLER("of!"), FILLER("the!"), FILLER("st!"), FILLER("nd!"), FILLER("rd!"),
	FILLER("th!"), FILLER("um!"), FILLER("uhr!"), FILLER("den!"), FILLER("der!"), FILLER("le!"), FILLER("a!"),
	FILLER("er!"), FILLER("de!"), FILLER("del!"), FILLER("el!"), FILLER("las!"), FILLER("la!"), FILLER("roku!"),
	FILLER("r!"), FILLER("godz!"), FILLER("o!"), FILLER("hrs!"), FILLER("etc!"), FILLER("\xC2\xBA!"),
	FILLER("\xC2\xAA!"), FILLER("в!"), FILLER("о!"), FILLER("об!"), FILLER("г!"), FILLER("год"), FILLER("рок"),
	FILLER("р!"), FILLER("го!"), FILLER("е!"),
};
/* clang-format on */

struct feed_date_word feed_date_word(const char *folded)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		const char *text = entries[i].text;
		if (*text != *folded) /* most of them */
			continue;
		size_t len = strlen(text);
		bool whole = text[len - 1] == '!';

		if (whole ? strlen(folded) == len - 1 && memcmp(folded, text, len - 1) == 0 : strncmp(folded, text, len) == 0)
			return entries[i].word;
	}
	return (struct feed_date_word){.kind = FEED_DATE_UNKNOWN};
}

/* ---- zones -------------------------------------------------------------------- */

/* Where a name has several meanings, the one most feeds use. Military letters: RFC 5322, section 4.3. */
/* clang-format off */
static const struct {
	const char name[6];
	short minutes;
} zones[] = {
    {"ut", 0}, {"utc", 0}, {"gmt", 0}, {"z", 0}, {"wet", 0}, {"west", 60}, {"bst", 60}, {"cet", 60}, {"cest", 120},
    {"cedt", 120}, {"met", 60}, {"mest", 120}, {"mez", 60}, {"mesz", 120}, {"eet", 120}, {"eest", 180}, {"eedt", 180},
    {"msk", 180}, {"msd", 240}, {"trt", 180}, {"sast", 120}, {"cat", 120}, {"eat", 180}, {"wat", 60}, {"idt", 180},
    {"gst", 240}, {"samt", 240}, {"pkt", 300}, {"yekt", 300}, {"uzt", 300}, {"ist", 330}, {"npt", 345}, {"omst", 360},
    {"krat", 420}, {"ict", 420}, {"wib", 420}, {"novt", 420}, {"hkt", 480}, {"sgt", 480}, {"awst", 480}, {"irkt", 480},
    {"pht", 480}, {"jst", 540}, {"kst", 540}, {"yakt", 540}, {"acst", 570}, {"aest", 600}, {"vlat", 600},
    {"acdt", 630}, {"aedt", 660}, {"magt", 660}, {"nzst", 720}, {"nzdt", 780},
    {"nst", -210}, {"ndt", -150}, {"ast", -240}, {"adt", -180}, {"at", -240}, {"art", -180}, {"brt", -180},
    {"brst", -120}, {"clt", -240}, {"est", -300}, {"edt", -240}, {"et", -300}, {"cst", -360}, {"cdt", -300},
    {"ct", -360}, {"mst", -420}, {"mdt", -360}, {"mt", -420}, {"pst", -480}, {"pdt", -420}, {"pt", -480},
    {"akst", -540}, {"akdt", -480}, {"hst", -600}, {"hast", -600}, {"sst", -660},
};
/* clang-format on */

bool feed_date_zone(const char *folded, int *minutes)
{
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (strcmp(zones[i].name, folded) == 0) {
			*minutes = zones[i].minutes;
			return true;
		}
	}
	return false;
}
