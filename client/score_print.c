/* The figures of `wirewatch score`, for people and as JSON. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "print.h"
#include "score.h"
#include "terminal.h"

#define TEXT_MAX ((size_t)64 << 20)

struct measure { /* -1: nothing to divide by */
	double precision, recall, f1;
};

static double ratio(size_t part, size_t whole)
{
	return whole ? (double)part / (double)whole : -1;
}

static struct measure measure_of(size_t tp, size_t fp, size_t fn)
{
	return (struct measure){ratio(tp, tp + fp), ratio(tp, tp + fn), ratio(2 * tp, 2 * tp + fp + fn)};
}

static struct score_class sum_of(const struct score_tally *tally)
{
	struct score_class sum = {0};
	for (size_t i = 0; i < MATCH_CLASS_COUNT; i++) {
		sum.tp += tally->classes[i].tp;
		sum.fp += tally->classes[i].fp;
		sum.fn += tally->classes[i].fn;
	}
	return sum;
}

static double macro_f1(const struct score_tally *tally)
{
	double sum = 0;
	size_t count = 0;
	for (size_t i = 0; i < MATCH_CLASS_COUNT; i++) {
		const struct score_class *class = &tally->classes[i];
		double f1 = measure_of(class->tp, class->fp, class->fn).f1;
		sum += f1 < 0 ? 0 : f1;
		count += f1 >= 0;
	}
	return count ? sum / (double)count : -1;
}

/* ---- for people ------------------------------------------------------------------------ */

static void add_percent(struct base_buf *out, double value)
{
	(void)(value < 0 ? base_buf_add_text(out, "      -") : base_buf_printf(out, "  %5.1f", 100 * value));
}

static void add_measure(struct base_buf *out, struct measure measure)
{
	add_percent(out, measure.precision);
	add_percent(out, measure.recall);
	add_percent(out, measure.f1);
}

static void add_classes(struct base_buf *out, const struct score_tally *tally)
{
	(void)base_buf_add_text(out, "  class            P      R     F1     tp   fp   fn allowed\n");
	for (size_t i = 0; i < MATCH_CLASS_COUNT; i++) {
		const struct score_class *class = &tally->classes[i];
		(void)base_buf_printf(out, "  %-10s", match_class_text((enum match_class)i));
		add_measure(out, measure_of(class->tp, class->fp, class->fn));
		(void)base_buf_printf(out, "  %5zu%5zu%5zu%8zu\n", class->tp, class->fp, class->fn, class->allowed);
	}
	struct score_class sum = sum_of(tally);
	(void)base_buf_add_text(out, "  together  ");
	add_measure(out, measure_of(sum.tp, sum.fp, sum.fn));
	(void)base_buf_printf(out, "  %5zu%5zu%5zu\n", sum.tp, sum.fp, sum.fn);
}

static void add_names(struct base_buf *out, const char *what, const struct score_names *names)
{
	if (names->of == 0)
		return;
	(void)base_buf_printf(out, "  %s found", what);
	add_percent(out, ratio(names->found, names->of));
	(void)base_buf_printf(out, " (%zu of %zu), in what alerted", names->found, names->of);
	add_percent(out, ratio(names->found_alerted, names->of_alerted));
	(void)base_buf_printf(out, " (%zu of %zu)\n", names->found_alerted, names->of_alerted);
}

static void add_tally(struct base_buf *out, const struct score_tally *tally, bool colours)
{
	(void)base_buf_printf(out, "%s", terminal_start(colours, TERMINAL_BOLD));
	terminal_add(out, tally->name, 0);
	(void)base_buf_printf(out, ": %zu items%s\n  alert     ", tally->items, terminal_start(colours, TERMINAL_PLAIN));
	add_measure(out, measure_of(tally->tp, tally->fp, tally->fn));
	(void)base_buf_printf(out, "  %5zu%5zu%5zu   silent %zu, left out %zu\n", tally->tp, tally->fp, tally->fn, tally->tn,
	                      tally->ignored);
	for (size_t i = 0; i < tally->kind_count; i++) {
		(void)base_buf_add_text(out, i ? ", " : "  false alarms: ");
		terminal_add(out, tally->kinds[i].name, 0);
		(void)base_buf_printf(out, " %zu of %zu", tally->kinds[i].alarms, tally->kinds[i].items);
	}
	(void)base_buf_add_text(out, tally->kind_count ? "\n" : "");
	add_classes(out, tally);
	(void)base_buf_add_text(out, "  macro F1");
	add_percent(out, macro_f1(tally));
	(void)base_buf_add_text(out, ", all classes of an item right");
	add_percent(out, ratio(tally->exact, tally->tp + tally->fn));
	(void)base_buf_add_char(out, '\n');
	add_names(out, "systems", &tally->names[SCORE_SYSTEMS]);
	add_names(out, "actors", &tally->names[SCORE_ACTORS]);
	(void)base_buf_add_char(out, '\n');
}

static void add_list(struct base_buf *out, const char *label, const json_t *list)
{
	size_t i;
	json_t *value;
	json_array_foreach(list, i, value) {
		(void)base_buf_add_text(out, i ? ", " : label);
		terminal_add(out, json_string_value(value), 0);
	}
}

static void add_misses(struct base_buf *out, json_t *const misses[SCORE_MISS_KINDS])
{
	static const char *const titles[] = {"missed", "false alarms", "classes", "systems not found"};
	for (size_t kind = 0; kind < SCORE_MISS_KINDS; kind++) {
		size_t i;
		json_t *miss;
		(void)base_buf_printf(out, "%s: %zu\n", titles[kind], json_array_size(misses[kind]));
		json_array_foreach(misses[kind], i, miss) {
			const json_t *id = json_object_get(miss, "id");
			(void)base_buf_add_text(out, "  ");
			if (json_is_string(id))
				terminal_add(out, json_string_value(id), 0);
			else
				(void)base_buf_printf(out, "%lld", (long long)json_integer_value(id));
			add_list(out, "  lacks ", json_object_get(miss, "lacks"));
			add_list(out, kind == SCORE_SYSTEM ? "  has " : "  too many: ", json_object_get(miss, "too_many"));
			(void)base_buf_add_text(out, "  | ");
			terminal_add(out, json_string_value(json_object_get(miss, "title")), 120);
			(void)base_buf_add_char(out, '\n');
		}
	}
}

int score_print_text(const struct score_tally *tallies, size_t count, json_t *const misses[SCORE_MISS_KINDS])
{
	struct base_buf out;
	bool colours = terminal_colours();
	base_buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < count; i++)
		add_tally(&out, &tallies[i], colours);
	if (misses)
		add_misses(&out, misses);
	bool failed = out.failed || fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0;
	base_buf_free(&out);
	if (failed)
		(void)fputs("wirewatch score: cannot write\n", stderr);
	return failed ? CLIENT_FAILED : CLIENT_DONE;
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *number_json(double value)
{
	return value < 0 ? json_null() : json_real(value);
}

static json_t *measure_json(size_t tp, size_t fp, size_t fn)
{
	struct measure measure = measure_of(tp, fp, fn);
	return json_pack("{s:o,s:o,s:o,s:I,s:I,s:I}", "precision", number_json(measure.precision), "recall",
	                 number_json(measure.recall), "f1", number_json(measure.f1), "tp", (json_int_t)tp, "fp", (json_int_t)fp,
	                 "fn", (json_int_t)fn);
}

static json_t *names_json(const struct score_names *names)
{
	return json_pack("{s:{s:o,s:I,s:I},s:{s:o,s:I,s:I}}", "all", "recall", number_json(ratio(names->found, names->of)),
	                 "found", (json_int_t)names->found, "of", (json_int_t)names->of, "alerted", "recall",
	                 number_json(ratio(names->found_alerted, names->of_alerted)), "found", (json_int_t)names->found_alerted,
	                 "of", (json_int_t)names->of_alerted);
}

static json_t *tally_json(const struct score_tally *tally)
{
	json_t *kinds = json_object(), *classes = json_object(), *relevance = measure_json(tally->tp, tally->fp, tally->fn);
	for (size_t i = 0; i < tally->kind_count; i++)
		(void)json_object_set_new(kinds, tally->kinds[i].name,
		                          json_pack("[I,I]", (json_int_t)tally->kinds[i].alarms, (json_int_t)tally->kinds[i].items));
	for (size_t i = 0; i < MATCH_CLASS_COUNT; i++) {
		const struct score_class *class = &tally->classes[i];
		json_t *json = measure_json(class->tp, class->fp, class->fn);
		(void)json_object_set_new(json, "allowed", json_integer((json_int_t)class->allowed));
		(void)json_object_set_new(classes, match_class_text((enum match_class)i), json);
	}
	(void)json_object_set_new(relevance, "tn", json_integer((json_int_t)tally->tn));
	(void)json_object_set_new(relevance, "ignored", json_integer((json_int_t)tally->ignored));
	struct score_class sum = sum_of(tally);
	return json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "items", (json_int_t)tally->items, "relevance", relevance,
	                 "false_alarms", kinds, "classes", classes, "micro", measure_json(sum.tp, sum.fp, sum.fn), "macro_f1",
	                 number_json(macro_f1(tally)), "exact", number_json(ratio(tally->exact, tally->tp + tally->fn)),
	                 "systems", names_json(&tally->names[SCORE_SYSTEMS]), "actors", names_json(&tally->names[SCORE_ACTORS]));
}

int score_print_json(const struct score_tally *tallies, size_t count, json_t *const misses[SCORE_MISS_KINDS])
{
	json_t *groups = json_object(), *root = json_object();
	for (size_t i = 0; i < count; i++)
		(void)json_object_set_new(groups, tallies[i].name, tally_json(&tallies[i]));
	(void)json_object_set_new(root, "groups", groups);
	if (misses)
		(void)json_object_set_new(root, "misses", json_pack("{s:O,s:O,s:O,s:O}", "missed", misses[SCORE_MISSED], "false_alarms",
		                                                   misses[SCORE_FALSE_ALARM], "classes", misses[SCORE_CLASSES],
		                                                   "systems", misses[SCORE_SYSTEM]));
	int code = print_json("score", root);
	json_decref(root);
	return code;
}
