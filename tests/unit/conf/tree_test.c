/* YAML to nodes: lines, kinds, duplicates, and documents made to hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wirewatch/conf.h"

static struct conf_tree *parsed(const char *text)
{
	struct base_problems *problems;
	struct conf_tree *tree = NULL;
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	enum base_result result = conf_tree_parse("t.yaml", base_span_of(text), problems, &tree);
	if (result)
		print_message("%s\n", base_problems_at(problems, 0));
	assert_int_equal(result, BASE_OK);
	assert_int_equal(base_problems_count(problems), 0);
	base_problems_free(problems);
	return tree;
}

/* The document is refused, and these are all its problems, in order. */
static void refused(struct base_span bytes, size_t count, const char *const want[])
{
	struct base_problems *problems;
	struct conf_tree *tree = NULL;
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	assert_int_equal(conf_tree_parse("t.yaml", bytes, problems, &tree), BASE_SYNTAX);
	assert_null(tree);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(base_problems_at(problems, i), want[i]);
	assert_int_equal(base_problems_count(problems), count);
	base_problems_free(problems);
}

static void refused_text(const char *text, const char *want)
{
	refused(base_span_of(text), 1, &want);
}

static void nodes_know_their_lines(void **state)
{
	(void)state;
	struct conf_tree *tree = parsed("# a comment\n"
	                                "one: 1\n"
	                                "list:\n"
	                                "  - a\n"
	                                "  - 'b c'\n"
	                                "map: {x: \"y\", z: }\n"
	                                "long: >\n"
	                                "  folded\n"
	                                "  text\n"
	                                "last: [1,\n"
	                                "  2]\n");
	const struct conf_node *root = conf_tree_root(tree);
	assert_int_equal(root->kind, CONF_MAP);
	assert_int_equal(root->line, 2);
	assert_int_equal(root->count, 5);
	assert_string_equal(root->keys[1], "list");
	assert_int_equal(root->key_lines[1], 3);
	const struct conf_node *list = conf_node_get(root, "list");
	assert_int_equal(list->kind, CONF_LIST);
	assert_int_equal(list->line, 4);
	assert_int_equal(list->count, 2);
	assert_false(list->items[0]->quoted);
	assert_true(list->items[1]->quoted);
	assert_int_equal(list->items[1]->line, 5);
	assert_true(base_span_is(list->items[1]->text, "b c"));
	const struct conf_node *map = conf_node_get(root, "map");
	assert_true(conf_node_get(map, "x")->quoted);
	assert_int_equal(conf_node_get(map, "z")->text.len, 0);
	assert_int_equal(conf_node_get(map, "z")->line, 6);
	assert_string_equal(conf_node_get(root, "long")->text.ptr, "folded text\n");
	assert_true(conf_node_get(root, "long")->quoted);
	assert_int_equal(conf_node_get(root, "last")->items[1]->line, 11);
	assert_null(conf_node_get(root, "none"));
	assert_null(conf_node_get(list, "a"));
	assert_null(conf_node_get(NULL, "a"));
	conf_tree_free(tree);
}

static void an_empty_document_has_no_root(void **state)
{
	(void)state;
	const char *const empty[] = {"", "# only a comment\n", "---\n", "---\n...\n", "\xef\xbb\xbf", "\xef\xbb\xbf# x\n"};
	for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
		struct conf_tree *tree = parsed(empty[i]);
		assert_null(conf_tree_root(tree));
		conf_tree_free(tree);
	}
	struct conf_tree *tree = parsed("\xef\xbb\xbf" "a: b\r\nc: d\r\n");
	assert_string_equal(conf_tree_root(tree)->keys[0], "a");
	assert_int_equal(conf_tree_root(tree)->key_lines[1], 2);
	conf_tree_free(tree);
	conf_tree_free(NULL);
}

static void every_duplicate_is_reported(void **state)
{
	(void)state;
	const char *const want[] = {"t.yaml:3: the key 'a' is already in line 1", "t.yaml:5: the key 'c' is already in line 4",
	                            "t.yaml:6: the key 'a' is already in line 1"};
	refused(base_span_of("a: 1\nb: 2\na: 3\nd: {c: 1,\n  c: 2}\n\"a\": 4\n"), 3, want);
}

static void what_is_not_supported_is_said(void **state)
{
	(void)state;
	const char *const want[] = {"t.yaml:1: anchors (&x) are not supported", "t.yaml:2: aliases (*x) are not supported",
	                            "t.yaml:3: tags (tag:yaml.org,2002:int) are not supported",
	                            "t.yaml:4: tags (!mine) are not supported",
	                            "t.yaml:5: a key must be plain text, not a list or map"};
	refused(base_span_of("a: &x 1\nb: *x\nc: !!int 3\nd: !mine [1]\n? [k]\n: v\n"), 5, want);
	refused_text("a: 1\n---\nb: 2\n", "t.yaml:2: a second YAML document begins; only one is allowed");
	refused_text("%YAML 1.2\n---\na: 1\n", "t.yaml:1: a line cannot begin with %: YAML directives are not supported");
	refused_text("\xef\xbb\xbf%TAG ! x\n", "t.yaml:1: a line cannot begin with %: YAML directives are not supported");
}

static void broken_yaml_names_the_line(void **state)
{
	(void)state;
	refused_text("a: 1\n\tb: 2\n", "t.yaml:2: indented with a tab; YAML takes only spaces");
	refused_text("a: [1, 2\nb: 3\n",
	             "t.yaml:2: did not find expected ',' or ']', while parsing a flow sequence that began in line 1");
	refused_text("a: \"open\nb: 3\n",
	             "t.yaml:3: found unexpected end of stream, while scanning a quoted scalar that began in line 1");
	refused_text("a: 1\n b: 2\n", "t.yaml:2: mapping values are not allowed in this context");
}

static void hostile_bytes_are_refused(void **state)
{
	(void)state;
	const char *want = "t.yaml:2: not UTF-8 text: control characters are not allowed";
	refused((struct base_span){"a: 1\nb: \0x\n", 11}, 1, &want);
	want = "t.yaml:3: not UTF-8 text: invalid leading UTF-8 octet";
	refused(base_span_of("a: 1\n\nb: \xff\xfe\n"), 1, &want);
	want = "t.yaml:1: not UTF-8 text: invalid leading UTF-8 octet"; /* UTF-16 */
	refused((struct base_span){"\xff\xfe" "a\0:\0", 6}, 1, &want);
	refused_text("a: \"x\\0y\"\n", "t.yaml:1: a NUL character is not allowed");
	refused_text("a: \"x\\e[31m\"\na: 2\n", "t.yaml:2: the key 'a' is already in line 1");
}

static struct base_span repeated(const char *unit, size_t times, char **bytes)
{
	size_t len = strlen(unit);
	*bytes = malloc(len * times + 1);
	assert_non_null(*bytes);
	for (size_t i = 0; i < times; i++)
		memcpy(*bytes + i * len, unit, len);
	(*bytes)[len * times] = '\0';
	return (struct base_span){*bytes, len * times};
}

static void depth_is_limited(void **state)
{
	(void)state;
	char *bytes;
	const char *want = "t.yaml:1: nested more than 32 levels deep";
	refused(repeated("[", 100000, &bytes), 1, &want);
	free(bytes);
	refused(repeated("- ", 100000, &bytes), 1, &want);
	free(bytes);
	refused(repeated("{a: ", 100000, &bytes), 1, &want);
	free(bytes);
	struct conf_tree *tree = parsed("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
	conf_tree_free(tree);
}

static void size_is_limited(void **state)
{
	(void)state;
	char *bytes;
	const char *want = "t.yaml: larger than 32 MiB";
	refused(repeated("# comment\n", 4000000, &bytes), 1, &want);
	free(bytes);
	struct base_problems *problems;
	struct conf_tree *tree = NULL;
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	assert_int_equal(conf_tree_parse("t.yaml", repeated("-\n", 4000000, &bytes), problems, &tree), BASE_SYNTAX);
	assert_int_equal(base_problems_count(problems), 1);
	assert_non_null(strstr(base_problems_at(problems, 0), ": the document is too large: its values take more than 256 MiB"));
	base_problems_free(problems);
	free(bytes);
	struct base_span all = repeated("xyz ", 4000000, &bytes); /* one scalar of 16 MB is only a scalar */
	bytes[0] = '\'';
	bytes[all.len - 1] = '\'';
	tree = parsed(bytes);
	assert_int_equal(conf_tree_root(tree)->text.len, all.len - 2);
	conf_tree_free(tree);
	free(bytes);
}

/* Each of these took libyaml, or a careless builder, quadratic time or memory: bounded work, whatever the outcome. */
static void hostile_documents_end_soon(void **state)
{
	(void)state;
	const char *const units[] = {"%TAG !a! b\n", "&a ", "*a ", "? ", "a: *x\n", "!t ", "k: &a v\n", "[],", "{},", "a,",
	                             "\"\\x41\" ", "| \n", " \n", "-\n", "'' ", ": ", "---\n", "...\n", "x:\n", "\t", "#\n"};
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		char *bytes;
		struct base_span all = repeated(units[i], 300000, &bytes);
		struct base_problems *problems;
		struct conf_tree *tree = NULL;
		assert_int_equal(base_problems_new(&problems), BASE_OK);
		clock_t start = clock();
		enum base_result result = conf_tree_parse("t.yaml", all, problems, &tree);
		assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
		assert_int_equal(result == BASE_OK, tree != NULL);
		assert_int_equal(result == BASE_OK, base_problems_count(problems) == 0);
		conf_tree_free(tree);
		base_problems_free(problems);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nodes_know_their_lines),        cmocka_unit_test(an_empty_document_has_no_root),
	    cmocka_unit_test(every_duplicate_is_reported),   cmocka_unit_test(what_is_not_supported_is_said),
	    cmocka_unit_test(broken_yaml_names_the_line),    cmocka_unit_test(hostile_bytes_are_refused),
	    cmocka_unit_test(depth_is_limited),              cmocka_unit_test(size_is_limited),
	    cmocka_unit_test(hostile_documents_end_soon),
	};
	return cmocka_run_group_tests_name("conf/tree", tests, NULL, NULL);
}
