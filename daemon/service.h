/*
 * service: the running daemon - every room opened in order, closed in the
 * mirror of it, and the main thread's loop: signals, reload, watchdog, HTTP.
 */
#ifndef WIREWATCH_SERVICE_H
#define WIREWATCH_SERVICE_H

#include "load.h"

struct service_options {
	const char *conf_path; /* read again on SIGHUP */
	bool once;             /* poll every feed once, then end */
	struct base_problems *problems; /* gets what is wrong in rules that are read late: not before service_run has returned */
	struct base_log *log;
	const struct base_clock *clock;
};

struct service;
/* Takes over loaded (freed also on failure). */
enum base_result service_new(const struct service_options *options, struct load *loaded, struct service **out,
                             struct base_error *err);
/* Runs until SIGTERM, SIGINT or, with once, until every feed was polled. */
enum base_result service_run(struct service *service, struct base_error *err);
void service_free(struct service *service);

#endif
