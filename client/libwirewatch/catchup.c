/*
 * Asking for stored alerts: from a sequence to the latest, page by page, or
 * first for the place where a time begins.
 *
 * Each question has a socket of its own, so that a late reply to an older one
 * cannot be mistaken for its answer.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "subscriber.h"

#define PAGE 1000
#define REPLY_MS 5000  /* without a message: the question was lost */
#define RETRY_MS 1000  /* after an error */
#define PAUSE_MS 9000  /* after ATTEMPTS without an answer; below the heartbeat's ten seconds */
#define ATTEMPTS 3
#define TOPIC_ALL "ww1/alert/"

bool catch_up_possible(const struct wirewatch *w)
{
	return *w->replay && subscriber_now() >= w->catch_up.pause_until;
}

static void close_dealer(struct wirewatch *w)
{
	if (w->dealer)
		zmq_close(w->dealer);
	w->dealer = NULL;
}

static bool open_dealer(struct wirewatch *w)
{
	int linger = 0, on = 1;

	close_dealer(w);
	w->dealer = zmq_socket(w->context, ZMQ_DEALER);
	if (!w->dealer)
		return false;
	if (zmq_setsockopt(w->dealer, ZMQ_LINGER, &linger, sizeof linger) == 0 &&
	    zmq_setsockopt(w->dealer, ZMQ_IPV6, &on, sizeof on) == 0 && endpoints_set_keys(w, w->dealer) &&
	    zmq_connect(w->dealer, w->replay) == 0)
		return true;
	close_dealer(w);
	return false;
}

static void ask(struct wirewatch *w, uint64_t after, const char *topic, int limit)
{
	char request[TOPIC_MAX + 128];
	int len = snprintf(request, sizeof request, "{\"after\":%" PRIu64 ",\"topic\":\"%s\",\"limit\":%d}", after, topic,
	                   limit);

	w->catch_up.after = after;
	w->catch_up.deadline = subscriber_now() + REPLY_MS;
	if (open_dealer(w))
		zmq_send(w->dealer, request, (size_t)len, ZMQ_DONTWAIT);
}

static void ask_page(struct wirewatch *w)
{
	ask(w, w->track.base, w->prefix, PAGE);
}

void catch_up_begin(struct wirewatch *w)
{
	w->mode = MODE_CATCH_UP;
	w->stated = 0;
	w->catch_up.attempts = 0;
	w->catch_up.started_at = w->track.base;
	ask_page(w);
}

static void ask_seek(struct wirewatch *w)
{
	struct catch_up *c = &w->catch_up;

	c->seek_found = false;
	ask(w, c->seek_begun ? c->low + (c->high - c->low) / 2 : 0, TOPIC_ALL, 1);
}

void catch_up_seek(struct wirewatch *w, int64_t since)
{
	time_t seconds = (time_t)since;
	struct tm tm;

	w->mode = MODE_SEEK;
	w->catch_up.seek_begun = false;
	/* Alerts state their time in UTC in this form, so that text compares as time does. */
	if (!gmtime_r(&seconds, &tm) || strftime(w->catch_up.since, sizeof w->catch_up.since, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		w->catch_up.since[0] = '\0';
	ask_seek(w);
}

void catch_up_again(struct wirewatch *w)
{
	if (w->mode == MODE_SEEK)
		ask_seek(w);
	else if (w->mode == MODE_CATCH_UP)
		ask_page(w);
}

void catch_up_elsewhere(struct wirewatch *w)
{
	w->catch_up.pause_until = 0;
	w->catch_up.attempts = 0;
	if (w->mode == MODE_SEEK && *w->replay)
		ask_seek(w);
	else if (w->track.based && *w->replay)
		catch_up_begin(w);
	else
		w->mode = MODE_LIVE;
}

static void end(struct wirewatch *w)
{
	close_dealer(w);
	w->mode = MODE_LIVE;
	w->catch_up.attempts = 0;
}

static void give_up_for_now(struct wirewatch *w)
{
	if (endpoints_leave(w, 0)) {
		w->catch_up.deadline = subscriber_now() + REPLY_MS;
		return;
	}
	end(w);
	w->catch_up.pause_until = subscriber_now() + PAUSE_MS;
	if (!w->catch_up.told_silent)
		subscriber_note(w, WIREWATCH_REPLAY_SILENT, 0, 0);
	w->catch_up.told_silent = true;
}

void catch_up_check_time(struct wirewatch *w)
{
	if (w->mode == MODE_LIVE || subscriber_now() < w->catch_up.deadline)
		return;
	/* While there is no daemon at all, waiting is right. */
	if (w->connected && ++w->catch_up.attempts >= ATTEMPTS)
		give_up_for_now(w);
	else
		catch_up_again(w);
}

/* ---- replies ------------------------------------------------------------------------------ */

struct page_end {
	uint64_t last, oldest;
	bool more;
};

static bool read_end(const struct message *message, struct page_end *out)
{
	json_t *root = json_loadb(message->body, message->len, 0, NULL);
	json_int_t last, oldest;
	int more;
	bool good = root && json_unpack(root, "{s:I, s:b, s:I}", "last", &last, "more", &more, "oldest", &oldest) == 0 &&
	            last >= 0 && oldest >= 0;

	if (good)
		*out = (struct page_end){(uint64_t)last, (uint64_t)oldest, more != 0};
	json_decref(root);
	return good;
}

/* Alerts after base that the ledger no longer has. */
static void tell_lost(struct wirewatch *w, const struct page_end *page, uint64_t latest)
{
	uint64_t from = w->catch_up.started_at, to = page->oldest ? page->oldest - 1 : latest;

	if (from > 0 && to > from)
		subscriber_note(w, WIREWATCH_LOST, from + 1, to);
}

static void take_end(struct wirewatch *w, const struct message *message)
{
	struct page_end page;
	uint64_t latest = message->sequence;

	if (!read_end(message, &page))
		return; /* the deadline asks again */
	w->catch_up.told_silent = false;
	if (page.more || w->stated > latest) { /* stated: alerted after this was read, and before we were subscribed */
		track_raise(&w->track, page.more ? page.last : w->track.base);
		w->stated = 0;
		ask_page(w);
		return;
	}
	end(w);
	if (latest < w->catch_up.started_at) { /* an older copy of the ledger was put in place */
		subscriber_new_ledger(w, message->epoch, latest);
		return;
	}
	tell_lost(w, &page, latest);
	track_raise(&w->track, latest);
}

static void take_seek_end(struct wirewatch *w, const struct message *message)
{
	struct catch_up *c = &w->catch_up;
	struct page_end page;

	if (!read_end(message, &page))
		return;
	if (!c->seek_begun) {
		c->seek_begun = true;
		c->high = message->sequence;
		c->low = page.oldest ? page.oldest - 1 : c->high;
	} else if (c->seek_found && c->seek_older) {
		c->low = c->seek_sequence;
	} else {
		c->high = c->low + (c->high - c->low) / 2;
	}
	if (c->low < c->high) {
		ask_seek(w);
		return;
	}
	track_reset(&w->track, message->epoch, c->low);
	catch_up_begin(w);
}

static bool is_older(const struct message *message, const char *since)
{
	json_t *root = json_loadb(message->body, message->len, 0, NULL);
	const char *time = json_string_value(json_object_get(root, "time"));
	bool older = time && strncmp(time, since, strlen(since)) < 0;

	json_decref(root);
	return older;
}

static bool take_alert(struct wirewatch *w, const struct message *message)
{
	bool wanted;

	if (w->mode == MODE_SEEK) {
		w->catch_up.seek_found = true;
		w->catch_up.seek_sequence = message->sequence;
		w->catch_up.seek_older = is_older(message, w->catch_up.since);
		return false;
	}
	wanted = subscriber_wants(w, message->topic) && !track_has(&w->track, message->sequence);
	if (wanted && !track_deliver(&w->track, message))
		return false;
	track_raise(&w->track, message->sequence); /* a replay comes in order and whole */
	return wanted;
}

bool catch_up_take(struct wirewatch *w, const struct message *message)
{
	w->catch_up.deadline = subscriber_now() + REPLY_MS;
	if (strcmp(message->topic, "ww1/error/") == 0) {
		w->catch_up.deadline = subscriber_now() + RETRY_MS;
		return false;
	}
	if (w->move)
		return false; /* this endpoint is left */
	if (w->track.epoch != 0 && message->epoch != w->track.epoch && (w->mode == MODE_CATCH_UP || w->endpoint_count > 1)) {
		if (!endpoints_pass_over(w))
			subscriber_new_ledger(w, message->epoch, 0);
		return false;
	}
	if (w->track.epoch == 0)
		w->track.epoch = message->epoch;
	w->catch_up.attempts = 0;
	if (strncmp(message->topic, TOPIC_ALL, strlen(TOPIC_ALL)) == 0)
		return take_alert(w, message);
	if (strcmp(message->topic, "ww1/end/") != 0)
		return false;
	if (w->mode == MODE_SEEK)
		take_seek_end(w, message);
	else
		take_end(w, message);
	return false;
}
