/*
 * The subscriber: one SUB socket for what comes, a DEALER now and then for
 * what was missed, and a monitor that tells whether there is a connection.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "subscriber.h"

#define HELD_MAX 10000
#define REFUSED_MS 250 /* after a refused connection, before the next endpoint is tried */
#define TOPIC_ALERT "ww1/alert/"
#define TOPIC_HEARTBEAT "ww1/heartbeat/"
#define TOPIC_WELCOME "ww1/welcome/"

int64_t subscriber_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void subscriber_note(struct wirewatch *w, enum wirewatch_kind kind, uint64_t first, uint64_t last)
{
	if (w->note_count < NOTES_MAX)
		w->notes[(w->note_first + w->note_count++) % NOTES_MAX] =
			(struct wirewatch_event){.kind = kind, .epoch = w->track.epoch, .first = first, .last = last};
}

bool subscriber_wants(const struct wirewatch *w, const char *topic)
{
	for (size_t i = 0; i < w->topic_count; i++)
		if (strncmp(topic, w->topics[i], strlen(w->topics[i])) == 0)
			return true;
	return false;
}

/* ---- messages --------------------------------------------------------------------------- */

static uint64_t read_u64(const unsigned char *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static struct message *make_message(zmq_msg_t frames[3])
{
	const unsigned char *header = zmq_msg_data(&frames[1]);
	size_t topic_len = zmq_msg_size(&frames[0]), len = zmq_msg_size(&frames[2]);
	struct message *message;

	if (topic_len > TOPIC_MAX || zmq_msg_size(&frames[1]) != HEADER_LEN || memchr(zmq_msg_data(&frames[0]), 0, topic_len))
		return NULL;
	message = malloc(sizeof *message + len + 1);
	if (!message)
		return NULL;
	*message = (struct message){
		.epoch = read_u64(header), .sequence = read_u64(header + 8), .previous = read_u64(header + 16), .len = len};
	memcpy(message->topic, zmq_msg_data(&frames[0]), topic_len);
	memcpy(message->body, zmq_msg_data(&frames[2]), len);
	message->body[len] = '\0';
	return message;
}

struct message *subscriber_receive(void *socket, bool *got)
{
	struct message *message = NULL;
	zmq_msg_t frames[3], extra;
	int count = 0, more = 1;

	*got = false;
	while (more) {
		zmq_msg_t *frame = count < 3 ? &frames[count] : &extra;

		zmq_msg_init(frame);
		if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0)
			break;
		*got = true;
		more = zmq_msg_more(frame);
		count++;
		if (frame == &extra)
			zmq_msg_close(frame);
	}
	if (count == 3 && !more)
		message = make_message(frames);
	for (int i = 0; i < count && i < 3; i++)
		zmq_msg_close(&frames[i]);
	return message;
}

void subscriber_drop_held(struct wirewatch *w)
{
	while (w->held) {
		struct message *message = w->held;

		w->held = message->next;
		free(message);
	}
	w->held_end = &w->held;
	w->held_count = 0;
}

/* Beyond the limit it is dropped: the gap shows with the next one and is filled. */
static void hold(struct wirewatch *w, struct message *message)
{
	if (w->held_count == HELD_MAX) {
		free(message);
		return;
	}
	message->next = NULL;
	*w->held_end = message;
	w->held_end = &message->next;
	w->held_count++;
}

static void hold_first(struct wirewatch *w, struct message *message)
{
	message->next = w->held;
	if (!w->held)
		w->held_end = &message->next;
	w->held = message;
	w->held_count++;
}

static struct message *take_held(struct wirewatch *w)
{
	struct message *message = w->held;

	if (!message)
		return NULL;
	w->held = message->next;
	if (!w->held)
		w->held_end = &w->held;
	w->held_count--;
	return message;
}

/* ---- what a live message means -------------------------------------------------------------- */

void subscriber_new_ledger(struct wirewatch *w, uint64_t epoch, uint64_t base)
{
	if (epoch != w->track.epoch)
		w->old_epoch = w->track.epoch;
	track_reset(&w->track, epoch, base);
	subscriber_drop_held(w);
	subscriber_note(w, WIREWATCH_NEW_LEDGER, 0, 0);
	w->mode = MODE_LIVE;
	if (*w->replay)
		catch_up_begin(w);
}

/* False: the message is of another ledger and not to be used. */
static bool check_epoch(struct wirewatch *w, const struct message *message)
{
	if (w->track.epoch == 0)
		w->track.epoch = message->epoch;
	if (message->epoch == w->track.epoch) {
		endpoints_ours(w);
		return true;
	}
	if (w->endpoint_count > 1 && message->epoch != w->old_epoch && endpoints_pass_over(w))
		return false;
	if (message->epoch != w->old_epoch)
		subscriber_new_ledger(w, message->epoch, 0);
	else if (w->mode == MODE_LIVE && catch_up_possible(w))
		catch_up_begin(w); /* a straggler, or the old ledger is back: the reply's epoch decides */
	return false;
}

static bool is_fresh(struct wirewatch *w, const struct message *message)
{
	uint64_t first, last;

	if (!w->track.based)
		track_reset(&w->track, message->epoch, message->sequence - 1);
	if (track_has(&w->track, message->sequence))
		return false;
	if (!track_gap(&w->track, message, &first, &last) || catch_up_possible(w))
		return true;
	if (!*w->replay) {
		subscriber_note(w, WIREWATCH_LOST, first, last);
		if (w->track.contiguous)
			track_raise(&w->track, last);
	}
	return true;
}

/* Deal with a live alert, which becomes the library's: true when w->current is to be given to the caller. */
static bool take_alert(struct wirewatch *w, struct message *message)
{
	uint64_t first, last;

	if (w->mode == MODE_LIVE && !check_epoch(w, message) && message->epoch != w->track.epoch) {
		free(message);
		return false;
	}
	if (w->mode != MODE_LIVE) {
		hold(w, message);
		return false;
	}
	if (message->sequence == 0 || !is_fresh(w, message)) {
		free(message);
		return false;
	}
	if (catch_up_possible(w) && track_gap(&w->track, message, &first, &last)) {
		hold_first(w, message);
		catch_up_begin(w);
		return false;
	}
	if (!track_deliver(&w->track, message)) {
		free(message);
		return false;
	}
	w->current = message;
	return true;
}

/* A heartbeat or a welcome tells the latest sequence. */
static void take_state(struct wirewatch *w, const struct message *message)
{
	uint64_t top;

	if (w->endpoint_count > 1 && strstr(message->body, "\"stuck\":true"))
		endpoints_leave(w, 0);
	if (w->mode == MODE_CATCH_UP && message->epoch == w->track.epoch && message->sequence > w->stated)
		w->stated = message->sequence;
	if (w->mode != MODE_LIVE || !check_epoch(w, message))
		return;
	if (!w->track.based) {
		track_reset(&w->track, message->epoch, message->sequence);
		return;
	}
	top = track_top(&w->track);
	if (message->sequence == top && w->track.count == 0)
		return;
	if (catch_up_possible(w)) {
		catch_up_begin(w); /* below top: stale, or an older ledger; the reply shows which */
	} else if (!*w->replay && w->track.contiguous && message->sequence > top) {
		subscriber_note(w, WIREWATCH_LOST, top + 1, message->sequence);
		track_raise(&w->track, message->sequence);
	}
}

static bool read_subscriber(struct wirewatch *w)
{
	bool got;
	struct message *message = subscriber_receive(w->subscriber, &got);

	if (!message)
		return false;
	if (w->move) { /* this endpoint is left */
		free(message);
		return false;
	}
	endpoints_heard(w);
	if (strncmp(message->topic, TOPIC_ALERT, strlen(TOPIC_ALERT)) == 0)
		return take_alert(w, message);
	take_state(w, message);
	free(message);
	return false;
}

static bool read_dealer(struct wirewatch *w)
{
	bool got;
	struct message *message = w->dealer ? subscriber_receive(w->dealer, &got) : NULL;

	if (!message)
		return false;
	if (catch_up_take(w, message)) {
		w->current = message;
		return true;
	}
	free(message);
	return false;
}

static void read_monitor(struct wirewatch *w)
{
	unsigned char event[6];
	uint16_t number;
	int rc;

	while ((rc = zmq_recv(w->monitor, event, sizeof event, ZMQ_DONTWAIT)) >= 0) {
		zmq_recv(w->monitor, NULL, 0, ZMQ_DONTWAIT);
		if (rc != (int)sizeof event)
			continue;
		memcpy(&number, event, sizeof number);
		if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED && !w->connected) {
			w->connected = true;
			endpoints_connected(w);
			subscriber_note(w, WIREWATCH_CONNECTED, 0, 0);
			catch_up_again(w);
		} else if (number == ZMQ_EVENT_DISCONNECTED && w->connected) {
			w->connected = false;
			subscriber_note(w, WIREWATCH_DISCONNECTED, 0, 0);
			endpoints_leave(w, 0);
		} else if (number == ZMQ_EVENT_CONNECT_RETRIED && !w->connected) {
			endpoints_leave(w, REFUSED_MS);
		}
	}
}

/* ---- the caller's side -------------------------------------------------------------------- */

static void fill_event(const struct wirewatch *w, struct wirewatch_event *event)
{
	*event = (struct wirewatch_event){
		.kind = WIREWATCH_ALERT,
		.topic = w->current->topic,
		.json = w->current->body,
		.json_len = w->current->len,
		.epoch = w->current->epoch,
		.sequence = w->current->sequence,
	};
}

static bool advance(struct wirewatch *w, struct wirewatch_event *event)
{
	struct message *message;

	if (w->note_count > 0) {
		*event = w->notes[w->note_first];
		w->note_first = (w->note_first + 1) % NOTES_MAX;
		w->note_count--;
		return true;
	}
	while (w->mode == MODE_LIVE && (message = take_held(w)))
		if (take_alert(w, message)) {
			fill_event(w, event);
			return true;
		}
	return false;
}

static long wait_of(const struct wirewatch *w, int64_t deadline)
{
	int64_t until = deadline, now = subscriber_now();

	if (w->mode != MODE_LIVE && (until < 0 || w->catch_up.deadline < until))
		until = w->catch_up.deadline;
	if (w->endpoint_count > 1 && (until < 0 || w->move_at < until))
		until = w->move_at;
	if (until < 0)
		return -1;
	return until > now ? (long)(until - now) : 0;
}

enum wirewatch_result wirewatch_next(struct wirewatch *w, int timeout_ms, struct wirewatch_event *event)
{
	int64_t deadline = timeout_ms < 0 ? -1 : subscriber_now() + timeout_ms;

	free(w->current);
	w->current = NULL;
	for (;;) {
		zmq_pollitem_t items[3] = {{NULL, 0, ZMQ_POLLIN, 0}, {NULL, 0, ZMQ_POLLIN, 0}};
		int count = 2, rc;

		if (advance(w, event))
			return WIREWATCH_OK;
		if (!endpoints_check(w))
			return WIREWATCH_FAILED;
		if (w->note_count > 0)
			continue;
		items[0].socket = w->subscriber;
		items[1].socket = w->monitor;
		if (w->dealer)
			items[count++] = (zmq_pollitem_t){w->dealer, 0, ZMQ_POLLIN, 0};
		rc = zmq_poll(items, count, wait_of(w, deadline));
		if (rc < 0)
			return zmq_errno() == EINTR ? WIREWATCH_INTERRUPTED : WIREWATCH_FAILED;
		if (rc == 0 && deadline >= 0 && subscriber_now() >= deadline)
			return WIREWATCH_TIMEOUT;
		if (items[1].revents)
			read_monitor(w);
		else if (w->note_count == 0 && ((items[2].revents && read_dealer(w)) || (items[0].revents && read_subscriber(w)))) {
			fill_event(w, event);
			return WIREWATCH_OK;
		}
		catch_up_check_time(w);
	}
}

const char *wirewatch_position(struct wirewatch *w)
{
	free(w->position);
	w->position = w->track.based && w->track.epoch ? track_text(&w->track) : NULL;
	return w->position;
}
