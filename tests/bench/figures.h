/*
 * figures: how the benches in C tell results, in the form of measure.py: the
 * median of several runs with the least and the most, beside a reference, and
 * the median of the runs' ratios.
 */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#define FIGURES_RUNS 15 /* at most */

struct figures {
	const char *bench, *name, *unit;
	double runs[FIGURES_RUNS];
	double reference[FIGURES_RUNS]; /* measured in turns with runs */
	size_t count;                   /* of runs */
	const char *of;                 /* what the reference is; NULL: there is none */
	double mark;                    /* the upper bound of the ratio's median; 0: none */
};

double figures_cpu(void);  /* seconds of this process, all threads */
double figures_wall(void); /* monotonic seconds */

struct figures_options {
	bool json, smoke;
	size_t runs;
	const char *argument; /* what else there was, or NULL */
};
/* Understands --json, --smoke, --runs N and one argument; ends the program at anything else. Prints the table's head. */
struct figures_options figures_begin(int argc, char **argv);
/* Prints one result. Whether its mark is kept. */
bool figures_show(const struct figures_options *options, const struct figures *figures);

#endif
