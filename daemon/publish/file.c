/*
 * Alerts as lines of JSON in a file that other programs follow.
 *
 * The ledger already has what is to be written, so nothing is queued here: the
 * sink remembers which alert it wrote last and reads on from there when a full
 * disk has room again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "publish.h"

#define FILE_MODE 0640
#define RETRY_EVERY BASE_SECOND
#define CATCH_UP_MAX 200 /* alerts in one turn */

struct publish_file {
	char *path;
	struct ledger *ledger;
	const struct base_clock *clock;
	struct base_log *log;
	int fd;
	bool torn;        /* the file ends within a line */
	bool stale;       /* to be opened again */
	uint64_t last;    /* the sequence before the first missing alert */
	uint64_t missing; /* alerts since */
	base_time retry_at;
	struct base_complaint trouble, trouble_opening;
};

/* ---- opening ------------------------------------------------------------------------ */

/* What a crash of the machine or a full disk may leave: a last line without its end. */
static bool ends_within_line(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static enum base_result open_file(const char *path, int *out, bool *torn, struct base_error *err)
{
	/* O_NONBLOCK: a pipe that nobody reads must not hold us up until fstat tells that it is one. */
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
	struct stat about;

	if (fd < 0) {
		enum base_result why = errno == ENOENT ? BASE_NOT_FOUND : errno == EACCES || errno == EPERM ? BASE_DENIED : BASE_IO;

		return base_fail(err, why, "cannot open %s: %s", path, strerror(errno));
	}
	if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
		close(fd);
		return base_fail(err, BASE_INVALID, "%s is no plain file", path);
	}
	*torn = ends_within_line(fd, about.st_size);
	*out = fd;
	return BASE_OK;
}

enum base_result publish_file_new(const struct publish_file_options *options, struct publish_file **out,
                                  struct base_error *err)
{
	struct publish_file *file = calloc(1, sizeof *file);
	enum base_result result;

	if (!file)
		return base_fail(err, BASE_NO_MEMORY, "no memory for the file of alerts");
	file->fd = -1;
	file->ledger = options->ledger;
	file->clock = options->clock;
	file->log = options->log;
	file->path = strdup(options->path);
	result = file->path ? open_file(file->path, &file->fd, &file->torn, err)
	                    : base_fail(err, BASE_NO_MEMORY, "no memory for the file of alerts");
	if (result)
		publish_file_free(file);
	else
		*out = file;
	return result;
}

void publish_file_free(struct publish_file *file)
{
	if (!file)
		return;
	if (file->missing)
		base_log(file->log, BASE_ERROR, "file", "%llu alerts after number %llu are not in %s; replay has them",
		         (unsigned long long)file->missing, (unsigned long long)file->last, file->path);
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	free(file);
}

static void open_again(struct publish_file *file)
{
	struct base_error err;
	bool torn;
	int fd;

	if (open_file(file->path, &fd, &torn, &err)) {
		if (base_complain(&file->trouble_opening, base_clock_monotonic(file->clock)))
			base_log(file->log, BASE_ERROR, "file", "%s; the one open before is used, trying again (%llu times so far)",
			         err.text, (unsigned long long)file->trouble_opening.count);
		return;
	}
	close(file->fd);
	file->fd = fd;
	file->torn = torn;
	file->stale = false;
	if (base_recover(&file->trouble_opening))
		base_log(file->log, BASE_NOTICE, "file", "%s could be opened again", file->path);
}

void publish_file_reopen(struct publish_file *file)
{
	file->stale = true;
	open_again(file);
	file->retry_at = base_clock_monotonic(file->clock); /* a new file may have room */
}

/* ---- writing ------------------------------------------------------------------------ */

/* Take back what was written of a line; where that cannot be, the next line begins with a newline. */
static void take_back(struct publish_file *file, off_t start, ssize_t written)
{
	struct stat about;

	if (fstat(file->fd, &about) != 0 || about.st_size != start + written || ftruncate(file->fd, start) != 0)
		file->torn = true;
}

static int write_whole(struct publish_file *file, const char *bytes, size_t len)
{
	off_t start = lseek(file->fd, 0, SEEK_END);
	ssize_t written;

	do
		written = write(file->fd, bytes, len);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return errno;
	if ((size_t)written == len)
		return 0;
	take_back(file, start, written);
	return ENOSPC; /* the reason is told by none but the next write; this is the usual one */
}

static enum base_result write_line(struct publish_file *file, const struct ledger_message *message)
{
	struct base_buf line;
	int error = ENOMEM;

	base_buf_init(&line, 4 * message->json.len + 2); /* an escape is at most three times what it stands for */
	if (file->torn)
		base_buf_add_char(&line, '\n');
	base_escape(&line, message->json.ptr, message->json.len, BASE_ESCAPE_JSON);
	base_buf_add_char(&line, '\n');
	if (!line.failed)
		error = write_whole(file, line.data, line.len);
	base_buf_free(&line);
	if (!error) {
		file->torn = false;
		file->last = message->sequence;
		return BASE_OK;
	}
	if (base_complain(&file->trouble, base_clock_monotonic(file->clock)))
		base_log(file->log, BASE_ERROR, "file", "%s cannot be written: %s; it will get what is missing (tried %llu times)",
		         file->path, strerror(error), (unsigned long long)file->trouble.count);
	file->retry_at = base_clock_monotonic(file->clock) + RETRY_EVERY;
	return BASE_IO;
}

void publish_file_alert(struct publish_file *file, const struct ledger_message *message)
{
	if (file->missing) { /* its turn comes after those before it */
		file->missing++;
		return;
	}
	file->last = message->sequence - 1;
	if (write_line(file, message))
		file->missing = 1;
}

/* ---- catching up -------------------------------------------------------------------- */

struct progress {
	struct publish_file *file;
	uint64_t written;
};

static enum base_result write_missing(void *ctx, const struct ledger_message *message)
{
	struct progress *progress = ctx;
	if (message->sequence > ledger_sequence(progress->file->ledger)) /* another node's: it comes when it leaves here, too */
		return BASE_OK;
	enum base_result result = write_line(progress->file, message);

	progress->written += result == BASE_OK;
	return result;
}

static void say_recovered(struct publish_file *file, uint64_t lost)
{
	base_time since = file->trouble.since;

	if (base_recover(&file->trouble))
		base_log(file->log, BASE_NOTICE, "file", "%s has everything again after %lld s", file->path,
		         (long long)((base_clock_monotonic(file->clock) - since) / BASE_SECOND));
	if (lost)
		base_log(file->log, BASE_ERROR, "file", "%llu alerts are in the ledger no more and were left out",
		         (unsigned long long)lost);
}

static void catch_up(struct publish_file *file)
{
	struct progress progress = {.file = file};
	bool more = false;
	enum base_result result = ledger_replay(file->ledger, file->last, base_span_of(PUBLISH_TOPIC_ALERT), CATCH_UP_MAX,
	                                        write_missing, &progress, &more);
	uint64_t left = file->missing > progress.written ? file->missing - progress.written : 0;

	if (result || more) {
		file->missing = left ? left : 1; /* not zero: it is not over */
		if (result) /* the ledger's own trouble is told by its owner */
			file->retry_at = base_clock_monotonic(file->clock) + RETRY_EVERY;
		return;
	}
	file->missing = 0;
	say_recovered(file, left);
}

base_time publish_file_serve(struct publish_file *file)
{
	base_time now = base_clock_monotonic(file->clock);

	if (!file->missing && !file->stale)
		return BASE_TIME_NONE;
	if (now < file->retry_at)
		return file->retry_at - now;
	file->retry_at = now;
	if (file->stale)
		open_again(file);
	if (file->missing)
		catch_up(file);
	if (file->stale && file->retry_at <= now)
		file->retry_at = now + RETRY_EVERY;
	return !file->missing && !file->stale ? BASE_TIME_NONE : file->retry_at > now ? file->retry_at - now : 0;
}

uint64_t publish_file_missing(const struct publish_file *file)
{
	return file->missing;
}
