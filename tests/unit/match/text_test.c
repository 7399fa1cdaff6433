/* Folding, tokens and sentences. */
#include "daemon/match/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/match/abbreviations.h"
#include "daemon/match/fold_run.h"
#include "fold_vectors.h"

/* The folded tokens, joined: - hyphen, ' apostrophe, . dot, _ letters meet digits, + slash; | sentence, / break, else space. */
static const char *tokens_of(const char *title, const char *body, struct base_buf *out)
{
	struct text text = {0};
	base_buf_init(out, 1 << 20);
	assert_int_equal(text_read(&text, base_span_of(title), base_span_of(body)), BASE_OK);
	assert_int_equal(base_buf_add_text(out, ""), BASE_OK);
	for (size_t i = 0; i < text.token_count; i++) {
		const struct token *token = &text.tokens[i];
		char sign = token->flags & TOKEN_HYPHEN       ? '-'
		            : token->flags & TOKEN_APOSTROPHE ? '\''
		            : token->flags & TOKEN_DOT        ? '.'
		            : token->flags & TOKEN_DIGIT      ? '_'
		            : token->flags & TOKEN_SLASH      ? '+'
		            : token->flags & TOKEN_BREAK      ? '/'
		                                              : ' ';
		if (i > 0 && token->sentence != token[-1].sentence)
			sign = '|';
		if (i > 0)
			assert_int_equal(base_buf_add_char(out, sign), BASE_OK);
		assert_int_equal(base_buf_add_span(out, text_folded(&text, token)), BASE_OK);
	}
	text_free(&text);
	return out->data ? out->data : "";
}

static void check(const char *body, const char *wanted)
{
	struct base_buf out;
	assert_string_equal(tokens_of(NULL, body, &out), wanted);
	base_buf_free(&out);
}

static void test_fold_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fold_vectors / sizeof fold_vectors[0]; i++)
		check(fold_vectors[i][0], fold_vectors[i][1]);
}

static void test_tokens(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"F-16", "f-16"},
	    {"F16", "f_16"},
	    {"F 16", "f 16"},
	    {"F\u201116", "f-16"},
	    {"IRIS-T", "iris-t"},
	    {"SAMP/T, F/A-18", "samp+t/f+a-18"},
	    {"tanks / shells/ guns /mortars", "tanks/shells/guns/mortars"},
	    {"hand\u2013held", "hand-held"},
	    {"a \u2013 b", "a/b"},
	    {"Ukraine's l'arm\u00e9e", "ukraine's l'arm\u00e9e"},
	    {"\u043e\u0431'\u0454\u043a\u0442 \u043e\u0431\u2019\u0454\u043a\u0442 \u043e\u0431\u02bc\u0454\u043a\u0442",
	     "\u043e\u0431\u0454\u043a\u0442 \u043e\u0431\u0454\u043a\u0442 \u043e\u0431\u0454\u043a\u0442"},
	    {"U.S. forces", "u.s forces"},
	    {"16,000 1.5 1,5 16\u00a0000", "16000 1.5 1.5 16000"},
	    {"1.2,3", "1.2/3"},
	    {"one, two (three) \"four\"", "one/two/three/four"},
	    {"zu\u00adsam\u200bmen", "zusammen"},
	    {"\u0440\u0430\u043a\u0435\u0301\u0442\u0430", "\u0440\u0430\u043a\u0435\u0442\u0430"}, /* a stress mark */
	    {"Stra\u00dfe", "strasse"},
	    {"\u0130stanbul", "\u0130stanbul"},
	    {"\xff\xfe ab", "ab"},
	    {"", ""},
	    {"... !!! \u2026", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check(cases[i][0], cases[i][1]);
}

static void test_sentences(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"It came. It went.", "it came|it went"},
	    {"Really? Yes! No\u2026 Yes", "really|yes|no|yes"},
	    {"One line\nanother line", "one line|another line"},
	    {"Gen. Smith met Lt. Col. Brown.", "gen smith met lt col brown"},
	    {"No. 5 and approx. 20 left.", "no 5 and approx 20 left"},
	    {"the U.S. Army came", "the u.s army came"},
	    {"in the U.S. The army came", "in the u.s|the army came"},
	    {"in 2024. The army came", "in 2024|the army came"},
	    {"Lockheed Martin Corp. Chairman Smith left. He", "lockheed martin corp chairman smith left|he"},
	    {"by Lockheed Martin Corp. The deal", "by lockheed martin corp|the deal"},
	    {"He said no. The deal", "he said no|the deal"},
	    {"He said no. 5 tanks", "he said no 5 tanks"},
	    {"J. R. Smith and F. Merz met", "j r smith and f merz met"},
	    {"\"We need more.\" The minister left", "we need more|the minister left"},
	    {"\u00abWe need more.\u00bb The minister", "we need more|the minister"},
	    {"It cost 3.5 mln. It came", "it cost 3.5 mln|it came"},
	    {"from 10 to 15. Tanks came", "from 10 to 15|tanks came"},
	    {"on Feb. 24, 2022. He", "on feb 24/2022|he"},
	    {"at 5 p.m. Tuesday. At 6 p.m. The ship", "at 5 p.m tuesday|at 6 p.m|the ship"},
	    {"U.S.-made arms. U.K. and E.U. Commissioner", "u.s-made arms|u.k and e.u commissioner"},
	    /* German */
	    {"am 3. Juli und am 24. Februar. Die Armee", "am 3 juli und am 24 februar|die armee"},
	    {"die 10. Panzerdivision, z. B. Panzer und ggf. Munition", "die 10 panzerdivision/z b panzer und ggf munition"},
	    {"f\u00fcr 5 Mrd. Euro. F\u00fcr 5 Mrd. Die Armee", "f\u00fcr 5 mrd euro|f\u00fcr 5 mrd|die armee"},
	    /* French */
	    {"M. Macron et Mme. Dupont. Le g\u00e9n\u00e9ral", "m macron et mme dupont|le g\u00e9n\u00e9ral"},
	    /* Polish */
	    {"p\u0142k. Nowak i gen. Kowalski w 2024 r. Polska", "p\u0142k nowak i gen kowalski w 2024 r polska"},
	    {"im. Ko\u015bciuszki, ok. 20. To", "im ko\u015bciuszki/ok 20|to"},
	    /* Ukrainian and Russian */
	    {"\u0443 2024 \u0440. \u0412\u0456\u043d", "\u0443 2024 \u0440|\u0432\u0456\u043d"},
	    {"\u0443 2024 \u0440. \u0423\u043a\u0440\u0430\u0457\u043d\u0430", "\u0443 2024 \u0440 \u0443\u043a\u0440\u0430\u0457\u043d\u0430"},
	    {"\u0433\u0435\u043d. \u0417\u0430\u043b\u0443\u0436\u043d\u0438\u0439", "\u0433\u0435\u043d \u0437\u0430\u043b\u0443\u0436\u043d\u0438\u0439"},
	    {"5 \u043c\u043b\u0440\u0434. \u041e\u043d", "5 \u043c\u043b\u0440\u0434|\u043e\u043d"},
	    {"\u0433. \u041a\u0438\u0435\u0432, \u0443\u043b. \u041c\u0438\u0440\u0430", "\u0433 \u043a\u0438\u0435\u0432/\u0443\u043b \u043c\u0438\u0440\u0430"},
	    {"it is v. small and etc. too", "it is v small and etc too"},
	    {"He left. \"She stayed.\"", "he left|she stayed"},
	    {"mil.in.ua says", "mil.in.ua says"},
	    {"\u041a\u0438\u0457\u0432 \u043e\u0442\u0440\u0438\u043c\u0430\u0432. \u0406 \u0432\u0441\u0435.",
	     "\u043a\u0438\u0457\u0432 \u043e\u0442\u0440\u0438\u043c\u0430\u0432|\u0456 \u0432\u0441\u0435"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check(cases[i][0], cases[i][1]);
}

static void check_sorted(const char *const *words, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (strcmp(words[i - 1], words[i]) >= 0)
			fail_msg("%s stands before %s", words[i - 1], words[i]);
}
#define CHECK_SORTED(words) check_sorted(words, sizeof(words) / sizeof((words)[0]))

static void test_abbreviations_are_sorted(void **state)
{
	(void)state;
	CHECK_SORTED(abbreviations);
	CHECK_SORTED(closing_abbreviations);
	CHECK_SORTED(number_abbreviations);
	CHECK_SORTED(starters);
	CHECK_SORTED(after_ordinals);
}

static void test_title_is_a_sentence(void **state)
{
	(void)state;
	struct base_buf out;
	assert_string_equal(tokens_of("US halts", "arms to Kyiv", &out), "us halts|arms to kyiv");
	base_buf_free(&out);
}

static void test_lead(void **state)
{
	(void)state;
	struct base_buf body;
	struct text text = {0};
	base_buf_init(&body, 1 << 16);
	for (int i = 0; i < 70; i++)
		assert_int_equal(base_buf_add_text(&body, i == 30 ? "Word. " : i % 35 == 34 ? "word.\n" : "word "), BASE_OK);
	assert_int_equal(base_buf_add_text(&body, "Last one"), BASE_OK);
	assert_int_equal(text_read(&text, base_span_of("Title"), base_buf_span(&body)), BASE_OK);
	assert_true(text.sentences[0].title && text.sentences[0].lead);
	assert_true(text.sentences[1].lead && !text.sentences[1].title);
	assert_false(text.sentences[text.sentence_count - 1].lead);
	text_free(&text);
	base_buf_free(&body);
}

/* What runs on without an end is cut, so that no rule sees an endless sentence. */
static void test_endless(void **state)
{
	(void)state;
	struct base_buf body;
	struct text text = {0};
	base_buf_init(&body, 4 << 20);
	for (int i = 0; i < 300000; i++)
		assert_int_equal(base_buf_add_text(&body, "word "), BASE_OK);
	assert_int_equal(text_read(&text, BASE_NONE, base_buf_span(&body)), BASE_OK);
	assert_in_range(text.token_count, 200000, 215000); /* 1 MiB */
	for (size_t i = 0; i < text.sentence_count; i++)
		assert_in_range(text.sentences[i].last - text.sentences[i].first, 1, 400);
	text_free(&text);
	base_buf_free(&body);
}

static void test_long_word(void **state)
{
	(void)state;
	char word[5000];
	struct text text = {0};
	memset(word, 'x', sizeof word);
	assert_int_equal(text_read(&text, BASE_NONE, (struct base_span){word, sizeof word}), BASE_OK);
	assert_int_equal(text.token_count, 1);
	assert_true(text.tokens[0].flags & TOKEN_LONG);
	assert_in_range(text.tokens[0].folded_len, 1, TEXT_WORD_MAX);
	assert_int_equal(text.tokens[0].end, sizeof word);
	text_free(&text);
}

/* Letter by letter, what fold_run does at once; *len: bytes of the run. */
static size_t fold_slowly(const char *text, size_t len, size_t room, char *out)
{
	size_t used = 0;
	while (used < len) {
		uint32_t c;
		bool valid;
		size_t step = base_utf8_decode(text + used, len - used, &c, &valid);
		enum fold_class class = fold_class_of(c);
		uint32_t lower = fold_lower(c);
		char folded[4];
		bool plain = (class == FOLD_LETTER || class == FOLD_UPPER) && step <= 2 && lower != FOLD_SHARP_S;
		if (!plain || used + step > room || base_utf8_encode(lower, folded) != step)
			break;
		memcpy(out + used, folded, step);
		used += step;
	}
	return used;
}

/* Every character below U+0600, in words of every length and at every place of them, with room and without. */
static void test_runs(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x600; c++) {
		for (size_t before = 0; before < 12; before++) {
			char text[32], want[32 + FOLD_RUN_SLACK], got[32 + FOLD_RUN_SLACK];
			memcpy(text, "QaZzxyQwErTy", before);
			size_t len = before + base_utf8_encode(c, text + before);
			memcpy(text + len, "\xD0\x9Fz!aA", 6); /* П */
			for (size_t end = before; end <= len + 6; end++) {
				size_t room = c % 2 ? end : before + c % 8;
				struct fold_run run;
				fold_run((struct base_span){text, end}, got, room, &run);
				assert_int_equal(run.len, fold_slowly(text, end, room, want));
				assert_memory_equal(got, want, run.len);
				assert_int_equal(run.letters, base_utf8_count(want, run.len));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fold_vectors), cmocka_unit_test(test_runs), cmocka_unit_test(test_tokens),
	    cmocka_unit_test(test_sentences), cmocka_unit_test(test_title_is_a_sentence), cmocka_unit_test(test_lead),
	    cmocka_unit_test(test_endless), cmocka_unit_test(test_long_word), cmocka_unit_test(test_abbreviations_are_sorted),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
