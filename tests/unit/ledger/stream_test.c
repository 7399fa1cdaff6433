/*
 * One stream of alerts from several nodes, on a real PostgreSQL, which WW_POSTGRES names (tests/e2e/database.py run):
 * every node hands on every alert once, in order, with the same bytes, and all agree on the stories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../alert/sample.h"
#include "cut.h"
#include "wirewatch/ledger.h"

#define HANDED_MAX 4096
#define STORIES 40 /* each told by several nodes at once */

struct handed {
	uint64_t sequence, digest, story;
	bool first;
};

struct node {
	struct ledger *ledger;
	struct alert_stories *stories;
	struct handed handed[HANDED_MAX];
	size_t count;
};

/* ---- nodes ---------------------------------------------------------------------------------- */

static const char *schema; /* of the test; every test begins with nothing */

static struct ledger *open_at(const char *server, const char *name)
{
	char uri[1000];
	struct ledger *ledger;
	struct base_error err;
	(void)snprintf(uri, sizeof uri, "%s%coptions=-csearch_path%%3D%s", server, strchr(server, '?') ? '&' : '?', schema);
	const struct ledger_options options = {.uri = uri, .node = name, .keep = BASE_DAY};
	enum base_result result = ledger_open(&options, &ledger, &err);
	if (result)
		print_error("%s\n", err.text);
	assert_int_equal(result, BASE_OK);
	return ledger;
}

static struct node *node_at(const char *server, const char *name)
{
	struct node *node = calloc(1, sizeof *node);
	assert_non_null(node);
	node->ledger = open_at(server, name);
	assert_int_equal(alert_stories_new(72 * BASE_HOUR, &node->stories), BASE_OK);
	ledger_use_stories(node->ledger, node->stories);
	return node;
}

static struct node *node_new(const char *name)
{
	return node_at(getenv("WW_POSTGRES"), name);
}

static void node_free(struct node *node)
{
	ledger_close(node->ledger);
	alert_stories_free(node->stories);
	free(node);
}

static enum base_result take(void *ctx, const struct ledger_message *message)
{
	static const uint64_t key[2] = {1, 2};
	struct node *node = ctx;
	struct handed *out = &node->handed[node->count++];
	char json[4096];
	if (node->count >= HANDED_MAX || message->json.len >= sizeof json)
		abort();
	memcpy(json, message->json.ptr, message->json.len);
	json[message->json.len] = '\0';
	*out = (struct handed){
		.sequence = message->sequence,
		.digest = base_hash64(key, message->header.ptr, message->header.len) +
	              base_hash64(key, message->topic.ptr, message->topic.len) +
	              base_hash64(key, message->json.ptr, message->json.len),
		.story = strtoull(strstr(json, "\"story\":\"") + strlen("\"story\":\""), NULL, 16),
		.first = strstr(json, "\"report\":\"first\"") != NULL,
	};
	return BASE_OK;
}

static void follow(struct node *node)
{
	bool more = true;
	while (more)
		assert_int_equal(ledger_follow(node->ledger, take, node, &more), BASE_OK);
}

/* ---- batches ---------------------------------------------------------------------------------- */

struct report { /* one batch with one alert, or several of them */
	struct alert *alerts[256];
	size_t count;
	char feed[80];
	struct ledger_entry entries[256];
	struct ledger_batch batch;
};

/* The alert tells the story by a text that no other story shares a word with. */
static struct alert *alert_of(int story, const char *feed, const char *item)
{
	char title[200], system[40], link[120];
	(void)snprintf(title, sizeof title, "alpha%d bravo%d charlie%d delta%d echo%d foxtrot%d", story, story, story, story,
	               story, story);
	(void)snprintf(system, sizeof system, "System %d", story);
	(void)snprintf(link, sizeof link, "%s/%s", feed, item);
	return sample_alert(&(struct sample){
		.class = MATCH_PAUSE, .feed = feed, .item = item, .title = title, .text = title, .link = link, .systems = {system}});
}

static struct report *report_new(const char *feed, int number, int story, size_t count)
{
	struct report *report = calloc(1, sizeof *report);
	assert_non_null(report);
	(void)snprintf(report->feed, sizeof report->feed, "https://%s.example/%d", feed, number);
	for (size_t i = 0; i < count; i++) {
		char item[40];
		(void)snprintf(item, sizeof item, "item-%d-%zu", number, i);
		report->alerts[i] = alert_of(story + (int)i, report->feed, item);
		report->entries[i].key = *alert_key(report->alerts[i]);
		report->entries[i].classes = 1u << MATCH_PAUSE;
		report->entries[i].published = BASE_TIME_NONE;
	}
	report->count = count;
	report->batch = (struct ledger_batch){
		.feed = {.url = report->feed, .polled = true, .newest = BASE_TIME_NONE},
		.entries = report->entries,
		.entry_count = count,
		.alerts = report->alerts,
		.alert_count = count,
		.now = SAMPLE_NOW,
	};
	assert_int_equal(base_random(&report->batch.number, sizeof report->batch.number), BASE_OK);
	return report;
}

static void report_free(struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		alert_free(report->alerts[i]);
	free(report);
}

/* As the outbox does: place, then commit. */
static enum base_result try_report(struct node *node, struct report *report)
{
	struct base_error err;
	for (size_t i = 0; i < report->count; i++)
		if (alert_stories_place(node->stories, report->alerts[i]))
			abort();
	return ledger_commit(node->ledger, &report->batch, 1, take, node, &err);
}

static void tell(struct node *node, const char *feed, int number, int story)
{
	struct report *report = report_new(feed, number, story, 1);
	assert_int_equal(try_report(node, report), BASE_OK);
	report_free(report);
}

/* ---- what must hold ------------------------------------------------------------------------------ */

static void check_whole(const struct node *node, uint64_t upto)
{
	for (size_t i = 0; node->count != upto && i < node->count; i++)
		print_error("%llu story %llx %s\n", (unsigned long long)node->handed[i].sequence,
		            (unsigned long long)node->handed[i].story, node->handed[i].first ? "first" : "repeat");
	assert_int_equal(node->count, upto);
	for (size_t i = 0; i < node->count; i++)
		assert_int_equal(node->handed[i].sequence, i + 1);
}

static void check_same(const struct node *a, const struct node *b)
{
	for (size_t i = 0; i < a->count; i++)
		assert_true(a->handed[i].digest == b->handed[i].digest);
}

/* Each story was begun once, by the first that was stored of it. */
static void check_stories(const struct node *node, size_t stories)
{
	size_t firsts = 0;
	for (size_t i = 0; i < node->count; i++) {
		bool known = false;
		for (size_t k = 0; k < i; k++)
			known |= node->handed[k].story == node->handed[i].story;
		assert_int_equal(node->handed[i].first, !known);
		firsts += node->handed[i].first;
	}
	assert_int_equal(firsts, stories);
}

/* ---- tests ------------------------------------------------------------------------------------------ */

#define ROUNDS 150
#define WRITERS 3

struct writer {
	struct node *node;
	int number;
	pthread_t thread;
};

static void *write_on(void *arg)
{
	struct writer *writer = arg;
	char feed[20];
	(void)snprintf(feed, sizeof feed, "w%d", writer->number);
	for (int round = 0; round < ROUNDS; round++) {
		struct report *report = report_new(feed, round, round % STORIES, 1 + (size_t)round % 3);
		enum base_result result = try_report(writer->node, report);
		if (result)
			abort();
		report_free(report);
		bool more;
		if (round % 16 == writer->number && ledger_follow(writer->node->ledger, take, writer->node, &more))
			abort();
	}
	return NULL;
}

struct reader {
	struct node *node;
	_Atomic bool stop;
	pthread_t thread;
	uint64_t polls;
};

/* Whoever asks for what comes after the last one must never see a hole, not even for a moment. */
static void *read_on(void *arg)
{
	struct reader *reader = arg;
	for (;;) {
		bool last = atomic_load(&reader->stop), more;
		uint64_t after = reader->node->count ? reader->node->handed[reader->node->count - 1].sequence : 0;
		size_t from = reader->node->count;
		if (ledger_replay(reader->node->ledger, after, BASE_NONE, 100, take, reader->node, &more))
			abort();
		reader->polls++;
		for (size_t i = from; i < reader->node->count; i++)
			if (reader->node->handed[i].sequence != i + 1)
				abort();
		if (last && reader->node->count == from)
			return NULL;
	}
}

static void interleaved_commits_make_one_stream(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "b", "c"};
	struct writer writers[WRITERS];
	struct reader reader = {.polls = 0};
	uint64_t all = 0;
	schema = "interleaved";
	reader.node = node_new("reader");
	for (int i = 0; i < WRITERS; i++)
		writers[i] = (struct writer){.node = node_new(names[i]), .number = i};
	assert_int_equal(pthread_create(&reader.thread, NULL, read_on, &reader), 0);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	atomic_store(&reader.stop, true);
	pthread_join(reader.thread, NULL);
	for (int round = 0; round < ROUNDS; round++)
		all += WRITERS * (1 + (uint64_t)round % 3);
	check_whole(reader.node, all);
	check_stories(reader.node, STORIES + 2);
	for (int i = 0; i < WRITERS; i++) {
		follow(writers[i].node);
		check_whole(writers[i].node, all);
		check_same(writers[i].node, reader.node);
		node_free(writers[i].node);
	}
	print_message("# %llu alerts, read in %llu pieces\n", (unsigned long long)all, (unsigned long long)reader.polls);
	node_free(reader.node);
}

static void what_others_stored_comes_before_what_is_ours(void **state)
{
	(void)state;
	schema = "before";
	struct node *a = node_new("a"), *b = node_new("b");
	tell(a, "fa", 1, 1);
	tell(a, "fa", 2, 2);
	tell(b, "fb", 1, 1); /* hands on both of a's first, and knows their stories */
	check_whole(b, 3);
	assert_false(b->handed[2].first);
	assert_true(b->handed[2].story == b->handed[0].story);
	follow(a);
	check_whole(a, 3);
	check_same(a, b);
	follow(b); /* nothing new */
	check_whole(b, 3);
	node_free(a);
	node_free(b);
}

static void a_restarted_node_publishes_what_it_had_not(void **state)
{
	(void)state;
	schema = "restarted";
	struct node *a = node_new("a"), *b = node_new("b");
	tell(a, "fa", 1, 1);
	follow(b);
	assert_int_equal(ledger_published(b->ledger, 1), BASE_OK);
	node_free(b);
	tell(a, "fa", 2, 2);
	tell(a, "fa", 3, 3);
	b = node_new("b");
	assert_int_equal(ledger_unpublished(b->ledger, take, b), BASE_OK);
	assert_int_equal(b->count, 2);
	assert_int_equal(b->handed[0].sequence, 2);
	struct node *c = node_new("c"); /* a new one begins with what comes */
	assert_int_equal(ledger_unpublished(c->ledger, take, c), BASE_OK);
	assert_int_equal(c->count, 0);
	tell(a, "fa", 4, 4);
	follow(c);
	assert_int_equal(c->handed[0].sequence, 4);
	follow(b);
	assert_int_equal(b->handed[2].sequence, 4);
	node_free(a);
	node_free(b);
	node_free(c);
}

static void an_answer_that_was_lost_stores_nothing_twice(void **state)
{
	(void)state;
	static const enum cut_moment moments[] = {CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT};
	for (int i = 0; i < 2; i++) {
		char uri[1000];
		schema = i ? "answer" : "question";
		struct node *b = node_new("b");
		struct cut *cut = cut_new(getenv("WW_POSTGRES"), uri, sizeof uri);
		struct node *a = node_at(uri, "a");
		tell(a, "fa", 1, 1);
		struct report *report = report_new("fa", 2, 2, 1);
		cut_at(cut, moments[i]);
		assert_int_equal(try_report(a, report), BASE_NETWORK);
		follow(b);
		assert_int_equal(b->count, moments[i] == CUT_AFTER_COMMIT ? 2 : 1);
		tell(b, "fb", 1, 2); /* the same story, stored before the second attempt */
		assert_int_equal(try_report(a, report), BASE_OK);
		report_free(report);
		follow(a);
		follow(b);
		check_whole(a, 3);
		check_same(a, b);
		check_stories(a, 2);
		tell(a, "fa", 3, 2);
		assert_false(a->handed[3].first);
		node_free(a);
		node_free(b);
		cut_free(cut);
	}
}

static void join(struct node *node)
{
	const struct ledger_joining joining = {.process = "process", .lease = BASE_MINUTE};
	struct base_error err;
	assert_int_equal(ledger_join(node->ledger, &joining, &err), BASE_OK);
}

static void a_lost_lease_refuses_its_batch_and_leaves_no_story(void **state)
{
	(void)state;
	schema = "lease";
	struct node *a = node_new("a"), *b = node_new("b");
	join(a);
	struct report *good = report_new("fa", 1, 1, 1), *late = report_new("fa", 2, 2, 1);
	good->batch.lease = ledger_token(a->ledger);
	late->batch.lease = ledger_token(a->ledger);
	assert_int_equal(try_report(a, good), BASE_OK);
	assert_int_equal(ledger_leave(a->ledger), BASE_OK);
	assert_int_equal(try_report(a, late), BASE_LOST);
	alert_stories_withdraw(a->stories);
	tell(b, "fb", 1, 1);
	tell(a, "fa", 3, 2); /* the refused one is nobody's first report */
	follow(b);
	check_whole(b, 3);
	check_stories(b, 2);
	report_free(good);
	report_free(late);
	node_free(a);
	node_free(b);
}

static void a_flood_gives_way_and_comes_through(void **state)
{
	(void)state;
	schema = "flood";
	struct node *a = node_new("a"), *b = node_new("b");
	struct report *flood = report_new("fa", 1, 100, 250);
	enum base_result result;
	int ways = 0;
	do {
		tell(b, "fb", ways, 100 + ways); /* as busy as can be */
		result = try_report(a, flood);
	} while (result == BASE_CHANGED && ++ways < 10);
	assert_int_equal(result, BASE_OK);
	assert_in_range(ways, 1, 5);
	report_free(flood);
	follow(b);
	check_whole(b, (uint64_t)ways + 1 + 250);
	check_stories(b, 250);
	node_free(a);
	node_free(b);
}

static void what_a_living_node_has_not_published_is_kept(void **state)
{
	(void)state;
	bool more;
	base_time later = SAMPLE_NOW + 10 * BASE_DAY;
	schema = "pruned";
	struct node *a = node_new("a"), *b = node_new("b");
	join(a);
	join(b);
	tell(a, "fa", 1, 1);
	tell(a, "fa", 2, 2);
	assert_int_equal(ledger_published(a->ledger, 2), BASE_OK);
	assert_int_equal(ledger_prune(a->ledger, later, &more), BASE_OK);
	assert_int_equal(ledger_oldest(a->ledger), 1);
	follow(b);
	assert_int_equal(ledger_published(b->ledger, 1), BASE_OK);
	assert_int_equal(ledger_renew(b->ledger, &(struct ledger_holding){.feeds = 1}), BASE_OK); /* notes it */
	assert_int_equal(ledger_prune(a->ledger, later, &more), BASE_OK);
	assert_int_equal(ledger_oldest(a->ledger), 2);
	assert_int_equal(ledger_leave(b->ledger), BASE_OK); /* nobody waits for one that is gone */
	assert_int_equal(ledger_prune(a->ledger, later, &more), BASE_OK);
	assert_int_equal(ledger_oldest(a->ledger), 0);
	node_free(a);
	node_free(b);
}

static void nodes_wake_each_other(void **state)
{
	(void)state;
	bool alerts, members;
	schema = "woken";
	struct node *a = node_new("a"), *b = node_new("b");
	assert_int_equal(ledger_woken(b->ledger, &alerts, &members), BASE_OK);
	assert_true(alerts && members); /* what was said before is not known */
	assert_int_equal(ledger_woken(a->ledger, &alerts, &members), BASE_OK);
	assert_int_equal(ledger_woken(b->ledger, &alerts, &members), BASE_OK);
	assert_false(alerts || members);
	tell(a, "fa", 1, 1);
	struct pollfd fd = {.fd = ledger_wake_fd(b->ledger), .events = POLLIN};
	while (!alerts) {
		assert_int_equal(poll(&fd, 1, 5000), 1);
		assert_int_equal(ledger_woken(b->ledger, &alerts, &members), BASE_OK);
	}
	follow(b);
	check_whole(b, 1);
	assert_int_equal(ledger_woken(a->ledger, &alerts, &members), BASE_OK);
	assert_false(alerts); /* its own voice */
	join(b);
	while (!members)
		assert_int_equal(ledger_woken(a->ledger, &alerts, &members), BASE_OK);
	node_free(a);
	node_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_stored_comes_before_what_is_ours),
		cmocka_unit_test(a_restarted_node_publishes_what_it_had_not),
		cmocka_unit_test(an_answer_that_was_lost_stores_nothing_twice),
		cmocka_unit_test(a_lost_lease_refuses_its_batch_and_leaves_no_story),
		cmocka_unit_test(a_flood_gives_way_and_comes_through),
		cmocka_unit_test(what_a_living_node_has_not_published_is_kept),
		cmocka_unit_test(nodes_wake_each_other),
		cmocka_unit_test(interleaved_commits_make_one_stream),
	};
	if (!getenv("WW_POSTGRES")) {
		puts("1..0 # SKIP WW_POSTGRES names no database");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
