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
/* Hand all of them to problems, sorted by line; those of one line in the order noted. */
void conf_mistakes_report(struct conf_mistakes *mistakes, const char *file, struct base_problems *problems);
void conf_mistakes_free(struct conf_mistakes *mistakes);

#endif
