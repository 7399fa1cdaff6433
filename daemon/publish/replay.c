/*
 * Replay: stored alerts for those who missed them, over a ROUTER socket.
 *
 * A request becomes a job. Each turn takes a few requests and sends a piece
 * of every job, so that many clients advance side by side and publishing
 * never waits long. A client that does not read fills its own pipe and its
 * job waits; after a while without progress the job is given up.
 *
 * A REQ socket takes one reply to a request and throws further ones away, so
 * it gets the same frames in one multipart message, and a shorter limit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "publish.h"

#define JOBS_MAX 256
#define JOBS_PER_PEER 4
#define REQUESTS_PER_TURN 32
#define ALERTS_PER_TURN 64          /* of one job */
#define TURN_TIME (20 * 1000)       /* microseconds that a turn may spend on jobs */
#define LOCKSTEP_LIMIT 256          /* alerts for a REQ socket: they are sent at once */
#define RETRY_LEAST 1000            /* microseconds until a full pipe is tried again; doubles while it stays full */
#define RETRY_MOST (250 * 1000)
#define GIVE_UP (30 * BASE_SECOND)  /* without a single message taken */
#define ENVELOPE_FRAMES 4
#define ENVELOPE_FRAME_MAX 255      /* a routing id's most, zmq_setsockopt(3) */

struct envelope { /* the frames before the request, which the reply carries too */
	size_t count;
	size_t len[ENVELOPE_FRAMES];
	uint8_t bytes[ENVELOPE_FRAMES][ENVELOPE_FRAME_MAX];
};

struct job {
	struct envelope envelope;
	struct publish_request request; /* after and limit move on */
	uint64_t last;                  /* the sequence sent last, or after as it was asked */
	bool lockstep, more;
	bool ended;                     /* only the end is missing */
	const char *error;              /* only this error is missing */
	base_time retry, backoff, progress;
};

struct publish_replay {
	struct publish_replay_options options;
	struct job *jobs[JOBS_MAX];
	size_t count, next;
	uint64_t replays, bad_requests;
	struct base_complaint complaint;
};

enum base_result publish_replay_new(const struct publish_replay_options *options, struct publish_replay **out)
{
	struct publish_replay *replay = calloc(1, sizeof *replay);

	if (!replay)
		return BASE_NO_MEMORY;
	replay->options = *options;
	*out = replay;
	return BASE_OK;
}

void publish_replay_free(struct publish_replay *replay)
{
	if (!replay)
		return;
	for (size_t i = 0; i < replay->count; i++)
		free(replay->jobs[i]);
	free(replay);
}

/* ---- sending -------------------------------------------------------------------------- */

static void add_envelope(struct publish_frames *frames, const struct envelope *envelope)
{
	for (size_t i = 0; i < envelope->count; i++)
		publish_frames_add(frames, envelope->bytes[i], envelope->len[i]);
}

/*
 * What the end states as the latest sequence: nothing up to it is missing in what was sent. A client may have heard more
 * from another node than this one has published yet; only if the ledger does not have it either is it an older copy.
 */
static enum base_result latest_of(struct publish_replay *replay, const struct job *job, uint64_t *latest)
{
	enum base_result result = BASE_OK;

	*latest = ledger_sequence(replay->options.ledger);
	if (job->ended && job->last > *latest) {
		result = ledger_latest(replay->options.ledger, latest);
		if (!result && *latest > job->last)
			*latest = job->last;
	}
	return result;
}

/* The end or an error; with the latest sequence in its header. */
static int send_close(struct publish_replay *replay, struct job *job, bool with_envelope)
{
	uint8_t header[ALERT_HEADER_LEN];
	struct publish_frames frames = {0};
	struct base_buf body;
	uint64_t latest;

	if (latest_of(replay, job, &latest))
		job->error = "the ledger cannot be read now";
	base_buf_init(&body, 512);
	alert_header(replay->options.epoch, latest, 0, header);
	if (job->error)
		base_buf_printf(&body, "{\"reason\":\"%s\"}", job->error);
	else
		base_buf_printf(&body, "{\"last\":%llu,\"more\":%s,\"oldest\":%llu}", (unsigned long long)job->last,
		                job->more ? "true" : "false",
		                (unsigned long long)ledger_oldest(replay->options.ledger));
	if (body.failed)
		frames.error = ENOMEM;
	if (with_envelope)
		add_envelope(&frames, &job->envelope);
	publish_frames_add_alert(&frames, base_span_of(job->error ? PUBLISH_TOPIC_ERROR : PUBLISH_TOPIC_END),
	                         (struct base_span){(const char *)header, sizeof header}, base_buf_span(&body));
	base_buf_free(&body);
	return publish_frames_send(&frames, replay->options.socket, false);
}

struct sending {
	struct publish_replay *replay;
	struct job *job;
	bool opened; /* the envelope of a REQ client was sent */
	size_t count;
	int error;
};

static enum base_result send_alert(void *ctx, const struct ledger_message *message)
{
	struct sending *sending = ctx;
	struct job *job = sending->job;
	struct publish_frames frames = {0};

	if (!sending->opened)
		add_envelope(&frames, &job->envelope);
	publish_frames_add_alert(&frames, message->topic, message->header, message->json);
	sending->error = publish_frames_send(&frames, sending->replay->options.socket, job->lockstep);
	if (sending->error)
		return BASE_BUSY;
	sending->opened = job->lockstep;
	sending->count++;
	job->last = message->sequence;
	return BASE_OK;
}

/* ---- jobs ------------------------------------------------------------------------------- */

enum step { STEP_ON, STEP_WAIT, STEP_OVER };

static enum step after_error(struct job *job, int error, base_time now)
{
	if (error != EAGAIN && error != ENOMEM)
		return STEP_OVER; /* EHOSTUNREACH: the client is gone */
	if (now - job->progress > GIVE_UP)
		return STEP_OVER;
	job->backoff = job->backoff == 0 ? RETRY_LEAST : job->backoff * 2;
	if (job->backoff > RETRY_MOST)
		job->backoff = RETRY_MOST;
	job->retry = now + job->backoff;
	return STEP_WAIT;
}

static void read_failed(struct publish_replay *replay, struct job *job, base_time now)
{
	if (base_complain(&replay->complaint, now))
		base_log(replay->options.log, BASE_ERROR, "replay", "%s (%llu times so far)",
		         ledger_reason(replay->options.ledger), (unsigned long long)replay->complaint.count);
	job->error = "the ledger cannot be read now";
}

/* Send alerts until the piece, the limit or the alerts end. */
static enum step send_piece(struct publish_replay *replay, struct job *job, base_time now, bool *opened)
{
	struct sending sending = {.replay = replay, .job = job};
	size_t piece = job->request.limit;
	enum base_result result;
	bool more = false;

	if (!job->lockstep && piece > ALERTS_PER_TURN)
		piece = ALERTS_PER_TURN;
	result = ledger_replay(replay->options.ledger, job->last,
	                       (struct base_span){job->request.topic, job->request.topic_len}, piece, send_alert, &sending,
	                       &more);
	*opened = sending.opened;
	job->request.limit -= sending.count;
	if (sending.count > 0) {
		job->progress = now;
		job->backoff = 0;
	}
	if (sending.error && sending.opened) { /* a reply in one message cannot wait: it ends short, and its client asks again */
		(void)zmq_send(replay->options.socket, "", 0, ZMQ_DONTWAIT);
		return STEP_OVER;
	}
	if (sending.error)
		return after_error(job, sending.error, now);
	if (result) {
		read_failed(replay, job, now);
	} else if (!more || job->request.limit == 0) {
		job->more = more;
		job->ended = true;
	}
	return STEP_ON;
}

static enum step step(struct publish_replay *replay, struct job *job, base_time now)
{
	bool opened = false;
	enum step step = STEP_ON;
	int error;

	if (!job->ended && !job->error)
		step = send_piece(replay, job, now, &opened);
	if (step != STEP_ON || (!job->ended && !job->error))
		return step;
	error = send_close(replay, job, !opened);
	if (error && opened)
		(void)zmq_send(replay->options.socket, "", 0, ZMQ_DONTWAIT);
	if (error)
		return opened ? STEP_OVER : after_error(job, error, now);
	replay->replays += !job->error;
	return STEP_OVER;
}

static void drop(struct publish_replay *replay, size_t at)
{
	free(replay->jobs[at]);
	replay->jobs[at] = replay->jobs[--replay->count];
}

static void advance_jobs(struct publish_replay *replay, base_time now)
{
	size_t tries = replay->count;
	base_time started = base_clock_monotonic(replay->options.clock);

	while (tries-- > 0 && replay->count > 0) {
		size_t at = replay->next++ % replay->count;
		struct job *job = replay->jobs[at];

		if (job->retry > now)
			continue;
		if (step(replay, job, now) == STEP_OVER)
			drop(replay, at);
		if (base_clock_monotonic(replay->options.clock) - started > TURN_TIME)
			break;
	}
}

/* ---- requests ---------------------------------------------------------------------------- */

struct incoming {
	struct envelope envelope;
	zmq_msg_t body;
	bool fits, lockstep;
};

static void take_envelope(struct incoming *incoming, zmq_msg_t *frame)
{
	struct envelope *envelope = &incoming->envelope;
	size_t len = zmq_msg_size(frame);

	if (envelope->count == ENVELOPE_FRAMES || len > ENVELOPE_FRAME_MAX) {
		incoming->fits = false;
		return;
	}
	memcpy(envelope->bytes[envelope->count], zmq_msg_data(frame), len);
	envelope->len[envelope->count++] = len;
}

/* Read one multipart message: everything before its last frame is the envelope. */
static bool receive(void *socket, struct incoming *incoming)
{
	*incoming = (struct incoming){.fits = true};
	for (;;) {
		const char *type;

		zmq_msg_init(&incoming->body);
		if (zmq_msg_recv(&incoming->body, socket, ZMQ_DONTWAIT) < 0)
			return false;
		if (!zmq_msg_more(&incoming->body)) {
			type = zmq_msg_gets(&incoming->body, "Socket-Type");
			incoming->lockstep = type && strcmp(type, "REQ") == 0;
			return true;
		}
		take_envelope(incoming, &incoming->body);
		zmq_msg_close(&incoming->body);
	}
}

static size_t jobs_of(const struct publish_replay *replay, const struct envelope *envelope)
{
	size_t count = 0;

	for (size_t i = 0; i < replay->count; i++) {
		const struct envelope *other = &replay->jobs[i]->envelope;

		count += other->len[0] == envelope->len[0] && memcmp(other->bytes[0], envelope->bytes[0], other->len[0]) == 0;
	}
	return count;
}

static void start_job(struct publish_replay *replay, struct incoming *incoming, base_time now)
{
	struct job refused = {.envelope = incoming->envelope}, *job;
	struct base_span text = {zmq_msg_data(&incoming->body), zmq_msg_size(&incoming->body)};

	if (publish_request_parse(text, &refused.request, &refused.error)) {
		replay->bad_requests++;
	} else if (replay->count == JOBS_MAX || jobs_of(replay, &incoming->envelope) == JOBS_PER_PEER) {
		refused.error = "too many replays at once, ask again later";
	} else if (!(job = malloc(sizeof *job))) {
		refused.error = "out of memory";
	} else {
		*job = refused;
		job->lockstep = incoming->lockstep;
		if (job->lockstep && job->request.limit > LOCKSTEP_LIMIT)
			job->request.limit = LOCKSTEP_LIMIT;
		job->last = job->request.after;
		job->progress = now;
		replay->jobs[replay->count++] = job;
		return;
	}
	send_close(replay, &refused, true); /* to a full pipe: lost, as is the client's interest */
}

static void take_requests(struct publish_replay *replay, base_time now)
{
	for (size_t i = 0; i < REQUESTS_PER_TURN; i++) {
		struct incoming incoming;

		if (!receive(replay->options.socket, &incoming))
			return;
		if (incoming.fits && incoming.envelope.count > 0)
			start_job(replay, &incoming, now);
		else
			replay->bad_requests++;
		zmq_msg_close(&incoming.body);
	}
}

void publish_replay_turn(struct publish_replay *replay, base_time now)
{
	take_requests(replay, now);
	advance_jobs(replay, now);
}

base_time publish_replay_wait(const struct publish_replay *replay, base_time now)
{
	base_time wait = BASE_TIME_NONE;

	for (size_t i = 0; i < replay->count; i++) {
		base_time left = replay->jobs[i]->retry - now;

		if (left <= 0)
			return 0;
		if (wait == BASE_TIME_NONE || left < wait)
			wait = left;
	}
	return wait;
}

void publish_replay_counts(const struct publish_replay *replay, uint64_t *replays, uint64_t *bad_requests)
{
	*replays = replay->replays;
	*bad_requests = replay->bad_requests;
}
