/*
 * setting: see setting.h.
 */
#include "setting.h"

#include <stdlib.h>
#include <string.h>

#include "wirewatch/conf.h"

#define CONFIG_MAX ((size_t)32 << 20) /* what the daemon reads, wirewatch.yaml(5) */

static const char *standard_of(const char *key)
{
	size_t count;
	const struct conf_setting_info *infos = conf_setting_infos(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(infos[i].key, key) == 0)
			return infos[i].standard;
	return "";
}

char *client_setting(const char *config, const char *key, struct base_error *err)
{
	struct base_problems *problems = NULL;
	struct conf_tree *tree = NULL;
	char *bytes = NULL, *text = NULL;
	size_t len;

	(void)base_fail(err, BASE_NO_MEMORY, "%s", base_result_text(BASE_NO_MEMORY));
	if (base_problems_new(&problems) != BASE_OK || base_read_file(config, CONFIG_MAX, &bytes, &len, err) != BASE_OK)
		goto out;
	if (conf_tree_parse(config, (struct base_span){bytes, len}, problems, &tree) != BASE_OK) {
		if (base_problems_count(problems) > 0)
			(void)base_fail(err, BASE_SYNTAX, "%s", base_problems_at(problems, 0));
		goto out;
	}
	const struct conf_node *root = conf_tree_root(tree);
	const struct conf_node *node = root != NULL && root->kind == CONF_MAP ? conf_node_get(root, key) : NULL;
	text = strdup(node != NULL && node->kind == CONF_SCALAR && node->text.len > 0 ? node->text.ptr : standard_of(key));
out:
	conf_tree_free(tree);
	base_problems_free(problems);
	free(bytes);
	return text;
}
