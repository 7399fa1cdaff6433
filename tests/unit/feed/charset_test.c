/* Charsets: which one is believed, and what its bytes mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "charset.h"

struct document {
	const char *bytes;
	size_t len;
	const char *header, *configured;
};

static void reads(struct document document, const char *want, const char *want_note)
{
	struct feed_input in = {
		.bytes = {document.bytes, document.len == 0 ? strlen(document.bytes) : document.len},
		.content_type = base_span_of(document.header),
		.charset = base_span_of(document.configured),
	};
	const char *note = "unset";
	struct base_buf utf8;

	base_buf_init(&utf8, 100000);
	assert_int_equal(feed_charset_decode(&in, &utf8, &note), BASE_OK);
	if (want == NULL)
		assert_int_equal(utf8.len, 0);
	else
		assert_string_equal(utf8.data, want);
	if (want_note == NULL)
		assert_null(note);
	else
		assert_string_equal(note, want_note);
	base_buf_free(&utf8);
}

static void canonical_is(const char *label, const char *want)
{
	const char *name = NULL;

	assert_int_equal(feed_charset_canonical(base_span_of(label), &name), want == NULL ? BASE_NOT_FOUND : BASE_OK);
	if (want == NULL)
		assert_null(name);
	else
		assert_string_equal(name, want);
}

static void labels_mean_what_the_standard_says(void **state)
{
	static const char *const pairs[][2] = {
		{"UTF-8", "utf-8"},
		{"utf8", "utf-8"},
		{"cp-1251", "windows-1251"},
		{"CP1251", "windows-1251"},
		{"win-1251", "windows-1251"},
		{"x-windows-1251", "windows-1251"},
		{"microsoft-cp1251", "windows-1251"},
		{"Windows_1251", "windows-1251"},
		{"ansi-1251", "windows-1251"},
		{"gb2312", "gb18030"},
		{"GBK", "gb18030"},
		{"latin1", "windows-1252"},
		{"ISO_8859-1:1987", "windows-1252"},
		{"us-ascii", "windows-1252"},
		{"iso8859-9", "windows-1254"},
		{"tis-620", "windows-874"},
		{"iso-8859-11", "windows-874"},
		{"KOI8_R", "koi8-r"},
		{"koi8-ru", "koi8-u"},
		{"sjis", "shift_jis"},
		{"ks_c_5601-1987", "euc-kr"},
		{"x-x-big5", "big5"},
		{"unicode", "utf-16le"},
		{"utf-16", "utf-16le"},
		{"UTF-16BE", "utf-16be"},
		{"logical", "iso-8859-8-i"},
		{"x-mac-cyrillic", "x-mac-cyrillic"},
		{" \"utf-8\" ", "utf-8"},
		{"cp437", "ibm437"},
		{"ebcdic_cp_be", "ibm500"},
		{"nonsense", NULL},
		{"", NULL},
		{"-", NULL},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL},
		{"1251 utf8", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		canonical_is(pairs[i][0], pairs[i][1]);
	assert_int_equal(feed_charset_canonical(BASE_NONE, &(const char *){NULL}), BASE_NOT_FOUND);
}

#define CYRILLIC_1251 "\xCF\xE0\xF3\xE7\xE0" /* Пауза */

static void utf8_is_not_copied(void **state)
{
	(void)state;
	reads((struct document){"<rss>Пауза</rss>", 0, NULL, NULL}, NULL, NULL);
	reads((struct document){"<rss>Пауза</rss>", 0, "text/xml; charset=utf-8", NULL}, NULL, NULL);
	reads((struct document){"<rss>Пауза</rss>", 0, "text/xml; Charset = \"Windows-1251\"", NULL}, NULL,
		  "labelled windows-1251, read as utf-8");
	reads((struct document){"<rss>pause</rss>", 0, "text/xml; charset=iso-8859-1", NULL}, NULL, NULL);
	reads((struct document){"\xEF\xBB\xBF<rss>Пауза</rss>", 0, NULL, "windows-1251"}, NULL, NULL);
	reads((struct document){"<?xml version='1.0' encoding='utf-16'?><x/>", 0, NULL, NULL}, NULL, NULL);
}

static void labels_are_believed_in_order(void **state)
{
	static const char declared[] = "<?xml version=\"1.0\" encoding=\"koi8-r\"?><t>" CYRILLIC_1251 "</t>";

	(void)state;
	reads((struct document){"<t>" CYRILLIC_1251 "</t>", 0, "text/xml;charset=cp-1251", NULL}, "<t>Пауза</t>", NULL);
	reads((struct document){declared, 0, "text/xml; charset=\"windows-1251\"; x=y", "ibm866"},
		  "<?xml version=\"1.0\" encoding=\"koi8-r\"?><t>Пауза</t>", NULL);
	reads((struct document){declared, 0, "text/xml", "windows-1251"},
		  "<?xml version=\"1.0\" encoding=\"koi8-r\"?><t>оЮСГЮ</t>", NULL);
	reads((struct document){"<t>" CYRILLIC_1251 "</t>", 0, "text/xml", "windows-1251"}, "<t>Пауза</t>",
		  "unlabelled, read as windows-1251");
	reads((struct document){"<t>" CYRILLIC_1251 "</t>", 0, "text/xml; charset=utf-8", "windows-1251"}, "<t>Пауза</t>",
		  "labelled utf-8, read as windows-1251");
	reads((struct document){"<t>" CYRILLIC_1251 "</t>", 0, "text/xml; charset=bogus", "windows-1251"}, "<t>Пауза</t>",
		  "unlabelled, read as windows-1251");
	/* A BOM is stronger than all. */
	reads((struct document){"\xEF\xBB\xBF<t>Пауза \xFF</t>", 0, "text/xml; charset=windows-1251", NULL},
		  "<t>Пауза \xEF\xBF\xBD</t>", "labelled windows-1251, read as utf-8");
	reads((struct document){"\n <?xml encoding = 'windows-1251'?><t>" CYRILLIC_1251, 0, NULL, NULL},
		  "\n <?xml encoding = 'windows-1251'?><t>Пауза", NULL);
}

static void letters_tell_where_labels_lie(void **state)
{
	static const char ru_1251[] =
		"<?xml version='1.0' encoding='utf-8'?><t>\xEF\xEE\xF1\xF2\xE0\xE2\xEA\xE8 \xEE\xF0\xF3\xE6\xE8\xFF</t>";
	static const char ru_koi8[] = "<t>\xD0\xCF\xD3\xD4\xC1\xD7\xCB\xC9 \xCF\xD2\xD5\xD6\xC9\xD1</t>";

	(void)state;
	reads((struct document){ru_1251, 0, NULL, NULL}, "<?xml version='1.0' encoding='utf-8'?><t>поставки оружия</t>",
		  "labelled utf-8, read as windows-1251");
	reads((struct document){ru_koi8, 0, NULL, NULL}, "<t>поставки оружия</t>", "unlabelled, read as koi8-u");
	reads((struct document){"<t>caf\xE9 R\xFCstung \x93x\x94</t>", 0, "text/xml; charset=utf-8", NULL},
		  "<t>café Rüstung “x”</t>", "labelled utf-8, read as windows-1252");
	reads((struct document){"<t>\xD1\xD8\xC0 \xD3\xEA\xF0\xE0\xBF\xED\xE0</t>", 0, NULL, NULL}, "<t>США Україна</t>",
		  "unlabelled, read as windows-1251");
	reads((struct document){"<t>\xE1\xE2\xE3 \x81\x82\x83</t>", 0, NULL, NULL},
		  "<t>\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD</t>",
		  "undecodable bytes replaced");
	/* Mostly good: what is bad is replaced. */
	reads((struct document){"<t>поставки \xFF оружия</t>", 0, NULL, NULL}, "<t>поставки \xEF\xBF\xBD оружия</t>",
		  "undecodable bytes replaced");
	reads((struct document){"<t>a \xFF b</t>", 0, NULL, NULL}, "<t>a \xEF\xBF\xBD b</t>", "undecodable bytes replaced");
}

static void every_family_is_decoded(void **state)
{
	static const struct {
		const char *label, *bytes, *want;
	} cases[] = {
		{"windows-1251", "\xB3\xBF\xBA\xB4\x98", "іїєґ\xC2\x98"},
		{"koi8-r", "\xF0\xC1\xD5\xDA\xC1", "Пауза"},
		{"koi8-u", "\xA4\xA6\xA7\xAD", "єіїґ"},
		{"ibm866", "\x8F\xA0\xE3\xA7\xA0", "Пауза"},
		{"iso-8859-5", "\xBF\xD0\xE3\xD7\xD0", "Пауза"},
		{"iso-8859-2", "\xA3\xF3\x64\xBC", "Łódź"},
		{"iso-8859-15", "\xA4", "€"},
		{"iso-8859-1", "\x80\x81\x8D\x8F\x90\x9D\xE9", "€\xC2\x81\xC2\x8D\xC2\x8F\xC2\x90\xC2\x9Dé"},
		{"windows-1253", "\xCC\xAA\x81", "Μ\xEF\xBF\xBD\xC2\x81"},
		{"shift_jis", "\x8B\x9F\x97\x5E \x87\x40", "供与 ①"},
		{"euc-jp", "\xB6\xA1\xCD\xBF", "供与"},
		{"iso-2022-jp", "\x1B$B6!M?\x1B(B!", "供与!"},
		{"euc-kr", "\xB9\xAB\xB1\xE2\x8C\x63", "무기똠"},
		{"big5", "\xAA\x5A\xBE\xB9", "武器"},
		{"gb2312", "\xCE\xE4\xC6\xF7\x84\x31\xA4\x37\x95\x32\x82\x36", "武器\xEF\xBF\xBD\xF0\xA0\x80\x80"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char header[64], document[64], want[64];

		snprintf(header, sizeof(header), "text/xml; charset=%s", cases[i].label);
		snprintf(document, sizeof(document), "<t>%s", cases[i].bytes);
		snprintf(want, sizeof(want), "<t>%s", cases[i].want);
		const char *note;
		struct feed_input in = {.bytes = base_span_of(document), .content_type = base_span_of(header)};
		struct base_buf utf8;

		base_buf_init(&utf8, 1000);
		assert_int_equal(feed_charset_decode(&in, &utf8, &note), BASE_OK);
		assert_string_equal(utf8.data == NULL ? document : utf8.data, want);
		base_buf_free(&utf8);
	}
}

static void wide_characters_show_without_a_label(void **state)
{
	(void)state;
	reads((struct document){"\xFF\xFE<\0t\0>\0\x1F\x04", 10, NULL, NULL}, "<t>П", NULL);
	reads((struct document){"\xFE\xFF\0<\0t\0>\x04\x1F", 10, "text/xml; charset=utf-16", NULL}, "<t>П", NULL);
	reads((struct document){"<\0t\0>\0\x1F\x04", 8, NULL, NULL}, "<t>П", NULL);
	reads((struct document){"\0<\0t\0>\x04\x1F", 8, NULL, NULL}, "<t>П", NULL);
	reads((struct document){"<\0\0\0t\0\0\0\x1F\x04\0\0", 12, NULL, NULL}, "<tП", NULL);
	reads((struct document){"\0\0\xFE\xFF\0\0\0<\0\0\x04\x1F", 12, NULL, NULL}, "<П", NULL);
	reads((struct document){"\0\0\xFE\xFF", 4, NULL, NULL}, "\n", NULL);
	/* A lone surrogate, and an odd byte at the end. */
	reads((struct document){"<\0t\0\x00\xD8>\0\x1F\x04x", 11, NULL, NULL}, "<t\xEF\xBF\xBD>П\xEF\xBF\xBD",
		  "undecodable bytes replaced");
	/* The label alone is no proof. */
	reads((struct document){"<t>caf\xE9</t>", 0, "text/xml; charset=utf-16", "latin1"}, "<t>café</t>",
		  "mislabelled, read as windows-1252");
	/* <?xml version="1.0"?> in EBCDIC */
	reads((struct document){"\x4C\x6F\xA7\x94\x93\x40\xA5\x85\x99\xA2\x89\x96\x95\x7E\x7F\xF1\x4B\xF0\x7F\x6F\x6E", 0,
							NULL, NULL},
		  "<?xml version=\"1.0\"?>", "unlabelled, read as ibm037");
}

static void bad_bytes_never_stop_the_reading(void **state)
{
	(void)state;
	reads((struct document){"<t>\x81\xFF\xB9\xAB<b>\xB9", 0, "text/xml; charset=euc-kr", NULL},
		  "<t>\xEF\xBF\xBD무<b>\xEF\xBF\xBD", "undecodable bytes replaced");
	reads((struct document){"<t>\xFF<b>\xFF\xFF</b>", 0, "text/xml; charset=shift_jis", NULL},
		  "<t>\xEF\xBF\xBD<b>\xEF\xBF\xBD</b>", "undecodable bytes replaced");
}

static void sizes_are_limited(void **state)
{
	struct feed_input in = {.bytes = base_span_of("<t>" CYRILLIC_1251), .charset = base_span_of("windows-1251")};
	const char *note;
	struct base_buf utf8;

	(void)state;
	for (size_t max = 0; max < 13; max++) {
		base_buf_init(&utf8, max);
		assert_int_equal(feed_charset_decode(&in, &utf8, &note), BASE_LIMIT);
		base_buf_free(&utf8);
	}
	base_buf_init(&utf8, 13);
	assert_int_equal(feed_charset_decode(&in, &utf8, &note), BASE_OK);
	base_buf_free(&utf8);
	in.limits.max_bytes = 4;
	assert_int_equal(feed_charset_decode(&in, &utf8, &note), BASE_LIMIT);
	in.bytes = BASE_NONE;
	assert_int_equal(feed_charset_decode(&in, &utf8, &note), BASE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_mean_what_the_standard_says),
		cmocka_unit_test(utf8_is_not_copied),
		cmocka_unit_test(labels_are_believed_in_order),
		cmocka_unit_test(letters_tell_where_labels_lie),
		cmocka_unit_test(every_family_is_decoded),
		cmocka_unit_test(wide_characters_show_without_a_label),
		cmocka_unit_test(bad_bytes_never_stop_the_reading),
		cmocka_unit_test(sizes_are_limited),
	};
	return cmocka_run_group_tests_name("feed: charset", tests, NULL, NULL);
}
