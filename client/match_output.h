/* What `wirewatch match` reads and prints. */
#ifndef CLIENT_MATCH_OUTPUT_H
#define CLIENT_MATCH_OUTPUT_H

#include "wirewatch/match.h"

struct output_item { /* a line of --jsonl; spans live until output_free_item */
	struct base_span id, title, text, language, source;
	void *json;
	struct base_buf plain, plain_title;
};
enum base_result output_read_item(struct base_span line, struct output_item *item, struct base_error *err);
void output_free_item(struct output_item *item);

struct json_t;
/* The same as an object; NULL without memory. */
struct json_t *output_result_json(const struct match_result *found, struct base_span id);
/* An array of strings. */
struct json_t *output_texts(const struct base_span *list, size_t count);
/* One line of it, fit for a terminal; frees root, and fails without memory if that is NULL. */
enum base_result output_line(struct json_t *root, struct base_buf *out);
/* One line of JSON. id is JSON text ("\"a\"" or "5"), or none. */
enum base_result output_json(const struct match_result *found, struct base_span id, struct base_buf *out);
/* For people: each class with its evidence, words marked with colour or [brackets]. */
enum base_result output_text(const struct match_result *found, bool colour, struct base_buf *out);

#endif
