/* The room alert: words, and the form in which sketches are stored, which must never change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/alert/words.h"
#include "sample.h"

static struct word word_of(const char *text)
{
	struct words words = words_of(base_span_of(text));
	struct word word, next;
	assert_true(words_next(&words, &word));
	assert_false(words_next(&words, &next));
	return word;
}

static void words_are_runs_of_letters_and_digits(void **state)
{
	(void)state;
	static const char *const expected[] = {"f", "16s", "1,234.5", "don", "t", "straße", "їжак", "ώρα", "łódź", "日本"};
	struct words words =
		words_of(base_span_of(" (F-16s) 1,234.5; don't STRAßE \xC2\xAB\xD0\x87ЖАК\xC2\xBB ΏΡΑ ŁÓDŹ 日本。\xFF"));
	struct word word;
	size_t count = 0;
	while (words_next(&words, &word)) {
		if (count != 2 && count != 5)
			assert_memory_equal(word.folded, expected[count], word.len);
		count++;
	}
	assert_int_equal(count, sizeof expected / sizeof *expected);
	words = words_of(BASE_NONE);
	assert_false(words_next(&words, &word));
}

static void numbers_are_read(void **state)
{
	(void)state;
	assert_int_equal(word_of("1,234").number, 1234);
	assert_int_equal(word_of("1.234.567").number, 1234567);
	assert_int_equal(word_of("999999999999999999").number, 999999999999999999);
	assert_int_equal(word_of("1000000000000000000").number, 0);
	assert_int_equal(word_of("155mm").number, 0);
	assert_int_equal(word_of("12\xC2\xAD"
							 "34")
						 .number,
					 1234); /* a soft hyphen */
}

static void long_words_are_told_by_their_beginning(void **state)
{
	(void)state;
	char text[200];
	memset(text, 'x', sizeof text);
	struct words words = words_of((struct base_span){text, sizeof text});
	struct word word;
	assert_true(words_next(&words, &word));
	assert_int_equal(word.length, 200);
	assert_int_equal(word.len, WORD_BYTES);
	text[70] = 'y';
	uint64_t hash = word.hash;
	words = words_of((struct base_span){text, sizeof text});
	assert_true(words_next(&words, &word));
	assert_true(word.hash == hash);
}

/* The first and the last of each length: a word in the wrong line would hide those behind it. */
static void function_words_are_known(void **state)
{
	(void)state;
	static const char *const common[] = {"alle",      "your",    "about",   "über",    "before",
										 "within",    "against", "through", "були",    "якщо",
										 "according", "когда",   "этого",   "которые", "который"};
	static const char *const telling[] = {"arms", "allealso", "lle ", "missiles", "ракети", "12", "155"};
	for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
		struct word word = word_of(common[i]);
		assert_true(words_is_common(&word));
	}
	for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
		struct words words = words_of(base_span_of(telling[i]));
		struct word word;
		assert_true(words_next(&words, &word));
		assert_true(words_is_common(&word) == (word.length < 4 && !word.digits));
	}
	struct word digit = word_of("7"), letters = word_of("und");
	assert_true(words_is_common(&digit) && words_is_common(&letters));
}

/* Ledgers are full of them: sketches made today are compared with those. */
static void what_is_stored_stays_the_same(void **state)
{
	(void)state;
	static const char *const texts[3] = {
		"Norland's ministry holds back 1,250 Kestrel missiles; Estavia waits until 2027.",
		"Міністерство Норландії притримало 40 ракет «Kestrel», Еставія чекає.",
		"Łódź: Überprüfung dauert, ΑΘΗΝΑ wartet — 12\u00AD000 Stück.",
	};
	struct alert_stories *stories;
	struct base_buf text, stored;
	uint8_t digest[BASE_SHA256_LEN];
	struct base_sha256 sha;
	assert_int_equal(alert_stories_new(72 * BASE_HOUR, &stories), BASE_OK);
	base_buf_init(&text, 1 << 20);
	base_buf_init(&stored, 1 << 20);
	for (int i = 0; i < 60; i++) /* long enough for shingles */
		assert_int_equal(base_buf_printf(&text, "%s Report %d. ", texts[i % 3], i), BASE_OK);
	for (int i = 0; i < 4; i++) {
		struct alert *alert = sample_alert(&(struct sample){.class = MATCH_PAUSE,
															.item = "1",
															.title = texts[i % 3],
															.link = "https://www.example.org/n?id=5&utm_source=rss#top",
															.systems = {"Kestrel", "Patriot"},
															.supplier = "Norland",
															.recipient = "Estavia",
															.money = {5000000, "EUR"},
															.text = i < 3 ? texts[i] : text.data});
		assert_int_equal(alert_stories_place(stories, alert), BASE_OK);
		assert_int_equal(alert_story_sketch(alert, &stored), BASE_OK);
		alert_stories_keep(stories, 1);
		alert_free(alert);
	}
	base_sha256_start(&sha);
	base_sha256_add(&sha, stored.data, stored.len);
	base_sha256_end(&sha, digest);
	char hex[2 * BASE_SHA256_LEN + 1];
	base_hex(digest, sizeof digest, hex);
	assert_string_equal(hex, "6987984e503749b53ee77d4b46aa7eff611b35ad252f3abc1ed0cdfcf98c8b6b");
	base_buf_free(&text);
	base_buf_free(&stored);
	alert_stories_free(stories);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_runs_of_letters_and_digits),   cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(long_words_are_told_by_their_beginning), cmocka_unit_test(function_words_are_known),
		cmocka_unit_test(what_is_stored_stays_the_same),
	};
	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
