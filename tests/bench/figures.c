/*
 * figures: see figures.h.
 */
#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct spread {
	double median, least, most;
};

static double seconds(clockid_t clock)
{
	struct timespec time;
	(void)clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double figures_cpu(void)
{
	return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double figures_wall(void)
{
	return seconds(CLOCK_MONOTONIC);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static struct spread spread_of(const double *values, size_t count)
{
	double sorted[FIGURES_RUNS];
	memcpy(sorted, values, count * sizeof *values);
	qsort(sorted, count, sizeof *sorted, ascending);
	double above = sorted[count / 2], below = sorted[(count - 1) / 2];
	return (struct spread){(above + below) / 2, sorted[0], sorted[count - 1]};
}

static const char *text_of(struct spread spread, char out[80])
{
	int digits = (spread.median < 100) + (spread.median < 10) + (spread.median < 1);
	(void)snprintf(out, 80, "%.*f [%.*f %.*f]", digits, spread.median, digits, spread.least, digits, spread.most);
	return out;
}

struct figures_options figures_begin(int argc, char **argv)
{
	struct figures_options options = {.runs = 5};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			options.json = true;
		} else if (strcmp(argv[i], "--smoke") == 0) {
			options.smoke = true;
			options.runs = 1;
		} else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc) {
			options.runs = strtoul(argv[++i], NULL, 10);
		} else if (argv[i][0] != '-' && options.argument == NULL) {
			options.argument = argv[i];
		} else {
			(void)fprintf(stderr, "usage: %s [--json] [--smoke] [--runs N] [FOLDER]\n", argv[0]);
			exit(2);
		}
	}
	if (options.runs == 0 || options.runs > FIGURES_RUNS)
		options.runs = FIGURES_RUNS;
	if (!options.json)
		printf("%-38s %22s %-14s %22s %-22s %18s %s\n", "case", "median [least most]", "unit", "reference", "of", "ratio",
		       "mark");
	return options;
}

static void show_spread(const char *before, struct spread spread)
{
	printf("%s\"median\": %.6g, \"least\": %.6g, \"most\": %.6g", before, spread.median, spread.least, spread.most);
}

bool figures_show(const struct figures_options *options, const struct figures *figures)
{
	struct spread ours = spread_of(figures->runs, figures->count), theirs = {0}, ratio = {0};
	double ratios[FIGURES_RUNS];
	char texts[3][80] = {"", "", ""};
	bool kept = true;
	if (figures->of) {
		for (size_t i = 0; i < figures->count; i++)
			ratios[i] = figures->runs[i] / figures->reference[i];
		theirs = spread_of(figures->reference, figures->count);
		ratio = spread_of(ratios, figures->count);
		kept = figures->mark <= 0 || ratio.median <= figures->mark;
	}
	if (options->json) {
		printf("{\"bench\": \"%s\", \"case\": \"%s\", \"unit\": \"%s\", ", figures->bench, figures->name, figures->unit);
		show_spread("", ours);
		printf(", \"runs\": %zu", figures->count);
		if (figures->of) {
			printf(", \"of\": \"%s\"", figures->of);
			show_spread(", \"reference\": {", theirs);
			show_spread("}, \"ratio\": {", ratio);
			printf("}");
		}
		if (figures->mark > 0)
			printf(", \"mark\": %g, \"kept\": %s", figures->mark, kept ? "true" : "false");
		printf("}\n");
	} else {
		char mark[32] = "";
		if (figures->mark > 0)
			(void)snprintf(mark, sizeof mark, "%s %g", kept ? "<=" : "ABOVE", figures->mark);
		printf("%-38s %22s %-14s %22s %-22s %18s %s\n", figures->name, text_of(ours, texts[0]), figures->unit,
		       figures->of ? text_of(theirs, texts[1]) : "", figures->of ? figures->of : "",
		       figures->of ? text_of(ratio, texts[2]) : "", mark);
	}
	(void)fflush(stdout);
	return kept;
}
