/*
 * fill_ledger: a ledger with many alerts, faster than any wire could bring
 * them. Usage: fill_ledger URI COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../unit/alert/sample.h"
#include "wirewatch/ledger.h"

#define AT_ONCE 1000u
#define FEED "https://feeds.example/bulk.xml"

static int fail(const char *what)
{
	(void)fprintf(stderr, "fill_ledger: %s\n", what);
	return 1;
}

static struct alert *make_alert(struct alert_stories *stories, unsigned long number)
{
	char item[48], title[64], text[128];
	(void)snprintf(item, sizeof item, "urn:test:bulk-%06lu", number);
	(void)snprintf(title, sizeof title, "Shipment %lu is halted", number);
	(void)snprintf(text, sizeof text, "Norway has halted deliveries of %lu artillery shells to Ukraine.", number);
	struct alert *alert = sample_alert(
	    &(struct sample){.class = MATCH_PAUSE, .item = item, .feed = FEED, .title = title, .text = text});
	if (alert && alert_stories_place(stories, alert)) {
		alert_free(alert);
		return NULL;
	}
	return alert;
}

static int commit(struct ledger *ledger, struct alert *const *alerts, size_t count)
{
	const struct ledger_batch batch = {
	    .feed = {.url = FEED}, .alerts = alerts, .alert_count = count, .now = (base_time)time(NULL) * BASE_SECOND};
	struct base_error err;
	if (ledger_commit(ledger, &batch, 1, NULL, NULL, &err))
		return fail(err.text);
	return ledger_published(ledger, ledger_sequence(ledger)) ? fail("not marked") : 0;
}

static int fill(struct ledger *ledger, unsigned long count)
{
	struct alert *alerts[AT_ONCE];
	int failed = 0;
	for (unsigned long done = 0; done < count && !failed;) {
		struct alert_stories *stories = NULL; /* new for each piece: placing among many takes its time */
		size_t n = 0;
		if (alert_stories_new(BASE_DAY, &stories))
			return fail("no stories");
		while (n < AT_ONCE && done + n < count && (alerts[n] = make_alert(stories, done + n + 1)))
			n++;
		failed = n ? commit(ledger, alerts, n) : fail("no memory");
		done += n;
		while (n)
			alert_free(alerts[--n]);
		alert_stories_free(stories);
	}
	return failed;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return fail("usage: fill_ledger URI COUNT");
	struct ledger_options options = {.uri = argv[1], .node = "bulk", .keep = 90 * BASE_DAY};
	struct ledger *ledger;
	struct base_error err;
	if (ledger_open(&options, &ledger, &err))
		return fail(err.text);
	int failed = fill(ledger, strtoul(argv[2], NULL, 10));
	ledger_close(ledger);
	return failed;
}
