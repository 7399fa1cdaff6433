/* Mistakes in one YAML file, kept until they can be said in the order of their lines. */
#ifndef WIREWATCH_CONF_MISTAKES_H
#define WIREWATCH_CONF_MISTAKES_H

#include "wirewatch/base.h"

struct conf_mistake;

/* Zero-initialise; conf_mistakes_free. */
struct conf_mistakes {
	struct conf_mistake *items;
	size_t count, cap;
	bool lost; /* memory ran out while one was noted */
};

void conf_mistake(struct conf_mistakes *mistakes, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define CONF_SHOWN_LEN 100
struct conf_shown {
	char text[CONF_SHOWN_LEN + 1];
};
/*
 * What a mistake may show of a value or key, as mistakes go to the log: in an
 * address, well-formed or not, no user and password; and not all of it if it
 * is long. (In url.c.)
 */
struct conf_shown conf_shown(struct base_span value);

/* Hand all of them to problems, sorted by line; those of one line in the order noted. */
void conf_mistakes_report(struct conf_mistakes *mistakes, const char *file, struct base_problems *problems);
void conf_mistakes_free(struct conf_mistakes *mistakes);

#endif
