/* The schema, the sample and the manual say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wirewatch/conf.h"

static char *source_file(const char *name, size_t *len)
{
	char path[4096];
	char *bytes = NULL;
	struct base_error err;
	const char *top = getenv("WW_SRCDIR");
	(void)snprintf(path, sizeof path, "%s/%s", top ? top : ".", name);
	if (base_read_file(path, 1 << 20, &bytes, len, &err))
		fail_msg("%s", err.text);
	return bytes;
}

static struct conf_tree *tree_of(const char *name, struct base_span bytes)
{
	struct base_problems *problems;
	struct conf_tree *tree = NULL;
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	if (conf_tree_parse(name, bytes, problems, &tree))
		fail_msg("%s", base_problems_at(problems, 0));
	base_problems_free(problems);
	return tree;
}

static bool empty(const struct conf_node *node)
{
	return !node || (node->kind == CONF_SCALAR && !node->text.len);
}

static bool same(const struct conf_node *a, const struct conf_node *b)
{
	if (empty(a) || empty(b))
		return empty(a) && empty(b);
	bool equal = a->kind == b->kind && a->count == b->count && base_span_equal(a->text, b->text);
	for (size_t i = 0; equal && i < a->count; i++)
		equal = same(a->items[i], b->items[i]);
	return equal;
}

static const struct conf_node *below(const struct conf_node *node, const char *key)
{
	while (node && *key) {
		char step[64];
		size_t len = strcspn(key, ".");
		(void)snprintf(step, sizeof step, "%.*s", (int)len, key);
		node = conf_node_get(node, step);
		key += len + (key[len] == '.');
	}
	return node;
}

static void the_sample_has_every_setting_with_its_default(void **state)
{
	(void)state;
	size_t len, count;
	char *bytes = source_file("config/wirewatch.yaml", &len);
	struct conf_tree *sample = tree_of("config/wirewatch.yaml", (struct base_span){bytes, len});
	const struct conf_setting_info *infos = conf_setting_infos(&count);
	for (size_t i = 0; i < count; i++) {
		if (strncmp(infos[i].key, "feeds[].", 8) == 0) { /* those are shown in a comment */
			char shown[64];
			(void)snprintf(shown, sizeof shown, " %s: ", infos[i].key + 8);
			if (!strstr(bytes, shown))
				fail_msg("config/wirewatch.yaml does not show %s", infos[i].key);
			continue;
		}
		const struct conf_node *node = below(conf_tree_root(sample), infos[i].key);
		struct conf_tree *standard = tree_of("schema", base_span_of(infos[i].standard));
		if (!node)
			fail_msg("config/wirewatch.yaml lacks %s", infos[i].key);
		if (!same(node, conf_tree_root(standard)))
			fail_msg("config/wirewatch.yaml:%u: %s is not the default, %s", (unsigned)node->line, infos[i].key,
			         infos[i].standard);
		conf_tree_free(standard);
	}
	conf_tree_free(sample);
	free(bytes);
}

static enum base_result no_list(struct conf *conf, const char *file, struct base_span bytes, struct base_problems *problems)
{
	(void)conf;
	(void)file;
	(void)bytes;
	(void)problems;
	return BASE_OK;
}

static void the_samples_load_in_place(void **state)
{
	(void)state;
	static const char *const names[] = {"config/wirewatch.yaml", "config/minimal.yaml"};
	const char *top = getenv("WW_SRCDIR");
	for (size_t i = 0; i < 2; i++) {
		char path[4096];
		struct base_problems *problems;
		struct conf *conf = NULL;
		(void)snprintf(path, sizeof path, "%s/%s", top ? top : ".", names[i]);
		assert_int_equal(base_problems_new(&problems), BASE_OK);
		if (conf_load(path, no_list, problems, &conf))
			fail_msg("%s", base_problems_at(problems, 0));
		assert_int_equal(conf_feed_count(conf), i == 0 ? 0 : 2);
		conf_free(conf);
		base_problems_free(problems);
	}
}

/* The manual's paragraph about a setting, in one line; lasts until the next call. */
static const char *paragraph(const char *manual, const char *key)
{
	static char text[8192];
	char head[80];
	(void)snprintf(head, sizeof head, "\n.It Cm %s\n", key);
	const char *at = strstr(manual, head);
	if (!at)
		return NULL;
	at += strlen(head);
	const char *it = strstr(at, "\n.It "), *el = strstr(at, "\n.El");
	const char *end = it && (!el || it < el) ? it : el;
	assert_non_null(end);
	assert_true((size_t)(end - at) < sizeof text);
	(void)snprintf(text, sizeof text, "%.*s", (int)(end - at), at);
	for (char *c = text; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	return text;
}

static void the_manual_has_every_setting(void **state)
{
	(void)state;
	size_t len, count, items = 0;
	char *manual = source_file("docs/wirewatch.yaml.5", &len);
	const struct conf_setting_info *infos = conf_setting_infos(&count);
	for (size_t i = 0; i < count; i++) {
		const struct conf_setting_info *info = &infos[i];
		const char *text = paragraph(manual, info->key);
		if (!text)
			fail_msg("docs/wirewatch.yaml.5 lacks %s", info->key);
		char standard[256];
		(void)snprintf(standard, sizeof standard, "The default is .Ql %s .", info->standard);
		if (*info->standard && !strstr(text, standard))
			fail_msg("docs/wirewatch.yaml.5: the default of %s is %s", info->key, info->standard);
		if (!strstr(text, info->bounds) || !strstr(text, info->help) || !strstr(text, info->type))
			fail_msg("docs/wirewatch.yaml.5: type, help or bounds of %s differ: %s; %s; %s", info->key, info->type, info->help,
			         info->bounds);
		if (info->reloadable == (strstr(text, "Takes effect at a restart.") != NULL))
			fail_msg("docs/wirewatch.yaml.5: %s takes effect on %s", info->key, info->reloadable ? "reload" : "restart");
	}
	for (const char *at = manual; (at = strstr(at, "\n.It Cm ")); at++)
		items++;
	assert_int_equal(items, count); /* and nothing that is not there any more */
	free(manual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sample_has_every_setting_with_its_default),
	    cmocka_unit_test(the_samples_load_in_place),
	    cmocka_unit_test(the_manual_has_every_setting),
	};
	return cmocka_run_group_tests_name("conf/documents", tests, NULL, NULL);
}
