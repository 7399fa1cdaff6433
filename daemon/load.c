/* Configuration, feed lists and rules, read together. */
#include "load.h"

#include <stdlib.h>
#include <string.h>

#include "wirewatch/feed.h"

#define RULE_FILE_MAX ((size_t)16 << 20)

/* ---- feed lists: OPML is the feed room's business, the list is conf's ------ */

struct outline_context {
	struct conf *conf;
	const char *file;
	struct base_problems *problems;
};

static enum base_result add_outline(void *ctx, const struct feed_outline *outline)
{
	const struct outline_context *to = ctx;
	struct conf_outline feed = {outline->url,       outline->name, outline->language, outline->tags,
	                            outline->tag_count, to->file,      outline->line};
	return conf_add_feed(to->conf, &feed, to->problems);
}

static enum base_result read_opml(struct conf *conf, const char *file, struct base_span bytes, struct base_problems *problems)
{
	struct outline_context context = {conf, file, problems};
	return feed_opml_read(file, bytes, add_outline, &context, problems);
}

/* ---- rules ------------------------------------------------------------------ */

static void free_sources(struct match_source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)sources[i].bytes.ptr);
	free(sources);
}

static enum base_result read_sources(const struct conf *conf, struct base_problems *problems, struct match_source *sources)
{
	enum base_result failed = BASE_OK;
	for (size_t i = 0; i < conf_rule_file_count(conf); i++) {
		struct base_error err;
		char *bytes = NULL;
		size_t len = 0;
		sources[i].file = conf_rule_file_at(conf, i);
		enum base_result result = base_read_file(sources[i].file, RULE_FILE_MAX, &bytes, &len, &err);
		if (result) {
			base_problem(problems, sources[i].file, 0, "%s", err.text);
			failed = result;
		}
		sources[i].bytes = (struct base_span){bytes, len};
	}
	return failed;
}

/* The files are summed quickly, a tenth of the start otherwise: who could make two alike keeps only his own rules. */
static void digest_sources(const struct match_source *sources, size_t count, uint8_t digest[BASE_SHA256_LEN])
{
	struct base_sha256 sha;
	base_sha256_start(&sha);
	for (size_t i = 0; i < count; i++) {
		uint8_t sum[BASE_HASH128_LEN];
		base_sum128(sources[i].bytes.ptr, sources[i].bytes.len, sum);
		base_sha256_add(&sha, sources[i].file, strlen(sources[i].file) + 1);
		base_sha256_add(&sha, sum, sizeof sum);
	}
	base_sha256_end(&sha, digest);
}

static enum base_result add_rules(const struct load *before, struct base_problems *problems, struct load *to)
{
	size_t count = conf_rule_file_count(to->conf);
	struct match_source *sources = calloc(count + 1, sizeof *sources);
	if (!sources)
		return BASE_NO_MEMORY;
	enum base_result result = read_sources(to->conf, problems, sources);
	if (!result) {
		digest_sources(sources, count, to->rules_digest);
		to->same_rules = before && memcmp(before->rules_digest, to->rules_digest, sizeof to->rules_digest) == 0;
	}
	if (!result && !to->same_rules)
		result = match_rules_load(sources, count, problems, &to->rules);
	free_sources(sources, count);
	return result;
}

static enum base_result load(const char *path, const struct load *before, bool with_rules, struct base_problems *problems,
                             struct load *out)
{
	struct load loaded = {0};
	enum base_result result = conf_load(path, read_opml, problems, &loaded.conf);
	if (!result && with_rules)
		result = add_rules(before, problems, &loaded);
	if (result) {
		if (!base_problems_count(problems))
			base_problem(problems, path, 0, "%s", base_result_text(result));
		load_free(&loaded);
		return result;
	}
	*out = loaded;
	return BASE_OK;
}

enum base_result load_all(const char *path, const struct load *before, struct base_problems *problems, struct load *out)
{
	return load(path, before, true, problems, out);
}

enum base_result load_but_rules(const char *path, struct base_problems *problems, struct load *out)
{
	return load(path, NULL, false, problems, out);
}

enum base_result load_rules(struct conf *conf, struct base_problems *problems, struct match_rules **out)
{
	struct load loaded = {.conf = conf};
	enum base_result result = add_rules(NULL, problems, &loaded);
	if (!result)
		*out = loaded.rules;
	else if (!base_problems_count(problems))
		base_problem(problems, "rules", 0, "%s", base_result_text(result));
	return result;
}

void load_free(struct load *load)
{
	match_rules_free(load->rules);
	conf_free(load->conf);
	*load = (struct load){0};
}
