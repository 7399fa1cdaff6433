/* Runs of simple items give the tree that libyaml would give, whatever surrounds them and whatever they are mixed with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/conf/both_ways.h"

static void agrees(struct base_span text, size_t want)
{
	size_t cut;
	const char *differs = both_ways(text, &cut);
	if (differs || (want != SIZE_MAX && cut != want))
		print_message("%s; %zu items cut, not %zu, of:\n%.*s\n", differs ? differs : "the same", cut, want, (int)text.len,
		              text.ptr);
	assert_null(differs);
	if (want != SIZE_MAX)
		assert_int_equal(cut, want);
}

/* head, eight times the item with numbers for its '$', tail. */
static size_t write_list(char *out, size_t room, const char *head, const char *item, const char *tail)
{
	size_t len = (size_t)snprintf(out, room, "%s", head);
	for (int i = 0; i < 8; i++)
		for (const char *c = item; *c && len + 2 < room; c++)
			out[len++] = *c == '$' ? (char)('0' + i) : *c;
	return len + (size_t)snprintf(out + len, room - len, "%s", tail);
}

struct sample {
	const char *head, *item, *tail;
	size_t cut;
};

static void all_agree(const struct sample *samples, size_t count)
{
	char text[8192];
	for (size_t i = 0; i < count; i++) {
		size_t len = write_list(text, sizeof text, samples[i].head, samples[i].item, samples[i].tail);
		agrees((struct base_span){text, len}, samples[i].cut);
	}
}

static void simple_items_are_cut(void **state)
{
	(void)state;
	static const struct sample samples[] = {
	    {"feeds:\n", "  - http://a.b:80/$?c=d&e#f\n", "http: off\n", 6},
	    {"feeds:\n", "- http://a.b/$\n", "http: off\n", 6},
	    {"", "- $\n", "", 6},
	    {"feeds:\n", "  -   \"http://a.b/$\"   # \"what\" it is\n\n# and: more\n", "http: off\n", 6},
	    {"feeds:\n", "  - {url: 'http://a.b/$', interval: 5m}\n", "http: off\n", 6},
	    {"feeds:\n", "  - {url: http://a.b/$, tags: [a, b c, {d: \"e, f\"}]} # g\n", "http: off\n", 6},
	    {"feeds:\n", "  - [a, [b, [c$]],'']\n", "", 6},
	    {"feeds:\n", "  - url: http://a.b/$\n\n    # why\n    interval: 5m # often\n    tags: [x,y]\n    name: it's [$] - \"so\"\n",
	     "http: off\n", 6},
	    {"feeds:\n", "  - \"url\": http://a.b/$\n    'name': ''\n", "poll:\n  min: 1m\n", 6},
	    {"---\na:\n  b:\n    c:\n", "      - $ d\n", "  e: f\n...\n", 6},
	    {"- - x\n- y:\n", "  - $\n", "- {\n a: b}\n", 6},
	    {"-\n", "  - $\n", "-   a\n-   b\n-   c\n-   d\n-   e\n-   f\n-   g\n-   h\n", 12},
	    {"feeds:\n  - |\n   a\n  - b\n", "  - $\n", "  - c\n   d\n", 7},
	};
	all_agree(samples, sizeof samples / sizeof samples[0]);
}

/* What looks like a run and is text, or may be more than it looks. */
static void other_items_are_left(void **state)
{
	(void)state;
	static const struct sample samples[] = {
	    {"a: |\n", "  - $\n", "b: c\n", 0},
	    {"a: \"\n", "  - $\n", "  \"\n", 0},
	    {"a: '\n", "- $\n", "'\n", 0},
	    {"a: b\n", "  - $\n", "c: d\n", 0},
	    {"a: [\n", "  - $\n", "  ]\n", 0},
	    {"a:\n", "  - $\n   b\n", "", 0},
	    {"a:\n", "  - $\n  \tb\n", "", 0},
	    {"a:\n", "  - $:\n", "", 0},
	    {"a:\n", "  - $: \n", "", 0},
	    {"a:\n", "  - a: $\n    b:\n", "", 0},
	    {"a:\n", "  - a: $\n     b: c\n", "", 0},
	    {"a:\n", "  - a: $\n   b: c\n", "", 0},
	    {"a:\n", "  - a: $ : b\n", "", 0},
	    {"a:\n", "  - a: $: b\n", "", 0},
	    {"a:\n", "  - &a $\n", "", 0},
	    {"a:\n", "  - !a $\n", "", 0},
	    {"a:\n", "  - {a: b, a: $}\n", "", 0},
	    {"a:\n", "  - a: b\n    a: $\n", "", 0},
	    {"a:\n", "  - {a: b, c$}\n", "", 0},
	    {"a:\n", "  - {a: $} b\n", "", 0},
	    {"a:\n", "  - [a, b: $]\n", "", 0},
	    {"a:\n", "  - [a, $,]\n", "", 0},
	    {"a:\n", "  - {a: b?$}\n", "", 0},
	    {"a:\n", "  - \"a\\x41$\"\n", "", 0},
	    {"a:\n", "  - 'a''$'\n", "", 0},
	    {"a:\n", "  - \"a\"#$\n", "", 0},
	    {"a:\n", "  - \"a\" b$\n", "", 0},
	    {"a:\n", "  - ? $\n", "", 0},
	    {"a:\n", "  - - $\n", "", 0},
	    {"a:\n", "  - >\n   $\n", "", 0},
	    {"a:\n", "  - $\xc3\xa4\n", "", 0},
	    {"a:\n", "  - $ # \xe2\x80\xa8 b\n", "", 0},
	    {"a:\n", "  - $\r\n", "", 0},
	    {"a:\n", "  - $\x01\n", "", 0},
	    {"a:\n", "  - $\t\n", "", 0},
	    {"\xff", "  - $\n", "", 0},
	    {"a:\n", "  - $\n", "b: \xff", 0},
	    {"a:\n", "  - $\n", "b: 'c", 0},
	    {"a:\n", "  - $\n", "a: c", 0}, /* a mistake: libyaml is asked what to say of it */
	    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n", "  - $\n", "", 0},
	    /* Lines that libyaml counts and an editor does not, or the other way. */
	    {"a: b\r", "- $\n", "", 0},
	    {"# \xc2\x85 \xc2\x85 \n-   x\n-   |\n", "  - $\n", "", 0},
	    {"# \xe2\x80\xa9 \xe2\x80\xa8 \n-   x\n-   |\n", "  - $\n", "", 0},
	    {"-   x\n# \r# \r\n-   |\n", "  - $\n", "", 0},
	};
	all_agree(samples, sizeof samples / sizeof samples[0]);
}

static void a_few_items_are_left(void **state)
{
	(void)state;
	agrees(base_span_of("- a\n- b\n- c\n- d\n- e\n"), 0);
	agrees(base_span_of("- a\n- b\n- c\n- d\n- e\n- f"), 4);
	agrees(base_span_of("- a\n- b\n- c\n- d\n-  e\n- f\n- g\n- h\n- i\n- j\n"), 0);
	agrees(BASE_NONE, 0);
}

/* A list within a list as deep as lists may be: items of a run go deeper still. */
static void depth_is_the_same(void **state)
{
	(void)state;
	char text[4096];
	for (int depth = 26; depth < 34; depth++) {
		size_t len = 0;
		for (int i = 0; i < depth; i++)
			len += (size_t)snprintf(text + len, sizeof text - len, "%*sa:\n", i, "");
		for (int i = 0; i < 10; i++)
			len += (size_t)snprintf(text + len, sizeof text - len, "%*s- %s\n", depth, "", i < 5 ? "a" : "{a: [{b: c}]}");
		agrees((struct base_span){text, len}, SIZE_MAX);
	}
}

/* ---- any document --------------------------------------------------------------------- */

static uint32_t next(uint32_t *state) /* Marsaglia's xorshift */
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

/* A byte becomes another, goes or comes; or a line does. */
static size_t mutate(char *text, size_t len, size_t room, uint32_t *random)
{
	static const char *const pieces[] = {"\n", " ", "  ", "- ", ":", ": ", "#", " #", "'", "\"", "{", "}", "[", "]", ",", "|\n",
	                                     "a", "0", "&", "*", "!", "?", "\\", "\t", "\r", "\xc2\x85", "\xe2\x80\xa8", "%", "~",
	                                     "---\n", "...\n", "\n- a\n- b\n- c\n- d\n- e\n- f\n- g\n", "    ", "\xff", "/"};
	const char *piece = pieces[next(random) % (sizeof pieces / sizeof pieces[0])];
	size_t at = len ? next(random) % len : 0, goes = next(random) % 3, comes = strlen(piece);
	if (next(random) % 4 == 0)
		comes = 0;
	if (next(random) % 16 == 0)
		goes = strcspn(text + at, "\n") + 1;
	if (goes > len - at)
		goes = len - at;
	if (len - goes + comes >= room)
		return len;
	memmove(text + at + comes, text + at + goes, len - at - goes + 1);
	memcpy(text + at, piece, comes);
	return len - goes + comes;
}

static void mutations_agree(const char *text, size_t len, unsigned rounds, uint32_t seed, size_t *cut_in_all)
{
	size_t room = len + 1024, cut;
	char *copy = malloc(room);
	assert_non_null(copy);
	for (unsigned i = 0; i < rounds; i++) {
		size_t now = len;
		memcpy(copy, text, len);
		copy[len] = '\0';
		for (unsigned changes = next(&seed) % 5 + 1; changes; changes--)
			now = mutate(copy, now, room, &seed);
		const char *differs = both_ways((struct base_span){copy, now}, &cut);
		if (differs)
			print_message("%s of:\n%.*s\n", differs, (int)now, copy);
		assert_null(differs);
		*cut_in_all += cut;
	}
	free(copy);
}

static void mutated_lists_agree(void **state)
{
	(void)state;
	static const struct sample samples[] = {
	    {"feeds:\n", "  - http://a.b/$\n", "http: off\n", 0},
	    {"feeds:\n", "- {url: \"http://a.b/$\", interval: 5m, tags: [a, b]}\n", "http: off\n", 0},
	    {"# c\nfeeds:\n", "  - url: http://a.b/$ # d\n    tags: [e, 'f']\n\n    name: g h\n", "poll: {min: 5m}\nhttp: off\n", 0},
	    {"a:\n  - |\n    b\n  - - c\n    - d\n", "  - $\n", "e: >\n  - f\n  - g\nh: 'i\n  - j\n\n  - k'\n", 0},
	    {"a: |\n  b\n  - c\n", "  - $\n", "", 0},
	};
	const char *rounds = getenv("WW_ROUNDS"), *seed = getenv("WW_SEED");
	char text[8192];
	size_t cut = 0;
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		size_t len = write_list(text, sizeof text, samples[i].head, samples[i].item, samples[i].tail);
		mutations_agree(text, len, rounds ? (unsigned)strtoul(rounds, NULL, 10) : 2000,
		                (seed ? (uint32_t)strtoul(seed, NULL, 10) : 1) * 64 + (uint32_t)i + 1, &cut);
	}
	assert_true(cut > 1000); /* or nothing was tested */
}

static void shipped_files_agree(void **state)
{
	(void)state;
	static const char *const files[] = {"config/wirewatch.yaml", "config/rules.d/furniture.yaml", "config/rules.d/uk.yaml"};
	const char *top = getenv("WW_SRCDIR");
	size_t cut = 0;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		char path[4096], *bytes;
		struct base_error err;
		size_t len;
		(void)snprintf(path, sizeof path, "%s/%s", top ? top : ".", files[i]);
		assert_int_equal(base_read_file(path, SIZE_MAX, &bytes, &len, &err), BASE_OK);
		assert_null(both_ways((struct base_span){bytes, len}, NULL));
		if (len < 20000)
			mutations_agree(bytes, len, 100, 7, &cut);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(simple_items_are_cut), cmocka_unit_test(other_items_are_left), cmocka_unit_test(a_few_items_are_left),
	    cmocka_unit_test(depth_is_the_same),    cmocka_unit_test(mutated_lists_agree),  cmocka_unit_test(shipped_files_agree),
	};
	return cmocka_run_group_tests_name("conf/runs", tests, NULL, NULL);
}
