/* One line a message, always with its context, escaped once, here. */
#include "wirewatch/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

struct base_log {
	int least;
	base_log_sink *sink;
	void *ctx;
	bool priorities; /* write <N> before each line, for the journal */
	int also_least;
	base_log_sink *also; /* a second sink, or NULL */
	void *also_ctx;
};

static const char *const level_names[] = {"debug", "info", "notice", "warning", "error"};

enum base_result base_level_parse(const char *text, enum base_level *out)
{
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
		if (strcmp(text, level_names[i]) == 0) {
			*out = (enum base_level)i;
			return BASE_OK;
		}
	return BASE_SYNTAX;
}

int base_level_syslog(enum base_level level)
{
	static const int numbers[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERR};
	return numbers[level];
}

/* $JOURNAL_STREAM names the socket the journal gave us as stderr: "device:inode" (systemd.exec(5)). */
bool base_log_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat about;
	unsigned long long device, inode;
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &about) == 0 &&
	       device == (unsigned long long)about.st_dev && inode == (unsigned long long)about.st_ino;
}

/* One write a line, so that lines of several threads do not mix. */
static void write_stderr(void *ctx, enum base_level level, const char *line, size_t len)
{
	const struct base_log *log = ctx;
	char out[LINE_MAX_BYTES + 8];
	int head = log->priorities ? snprintf(out, sizeof out, "<%d>", base_level_syslog(level)) : 0;
	if (head < 0)
		head = 0;
	memcpy(out + head, line, len);
	out[(size_t)head + len] = '\n';
	ssize_t ignored = write(STDERR_FILENO, out, (size_t)head + len + 1);
	(void)ignored; /* there is nowhere left to complain */
}

enum base_result base_log_new(enum base_level least, base_log_sink *sink, void *ctx, struct base_log **out)
{
	struct base_log *log = calloc(1, sizeof *log);
	if (!log)
		return BASE_NO_MEMORY;
	log->least = (int)least;
	log->sink = sink ? sink : write_stderr;
	log->ctx = sink ? ctx : log;
	log->priorities = !sink && base_log_to_journal();
	*out = log;
	return BASE_OK;
}

void base_log_free(struct base_log *log)
{
	free(log);
}

void base_log_also(struct base_log *log, enum base_level least, base_log_sink *sink, void *ctx)
{
	log->also_least = (int)least;
	log->also = sink;
	log->also_ctx = ctx;
}

static bool wants(const struct base_log *log, enum base_level level)
{
	return log && ((int)level >= log->least || (log->also && (int)level >= log->also_least));
}

static void hand_on(struct base_log *log, enum base_level level, const char *line, size_t len)
{
	if ((int)level >= log->least)
		log->sink(log->ctx, level, line, len);
	if (log->also && (int)level >= log->also_least)
		log->also(log->also_ctx, level, line, len);
}

/* Without memory to escape in, a poorer line is better than none. */
static void hand_on_plain(struct base_log *log, enum base_level level, char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] < ' ' || line[i] > '~')
			line[i] = '?';
	hand_on(log, level, line, len);
}

void base_log(struct base_log *log, enum base_level level, const char *context, const char *format, ...)
{
	if (!wants(log, level))
		return;
	char raw[LINE_MAX_BYTES];
	int head = context ? snprintf(raw, sizeof raw, "%.200s: ", context) : 0;
	size_t start = head < 0 ? 0 : (size_t)head;
	va_list args;
	va_start(args, format);
	int body = vsnprintf(raw + start, sizeof raw - start, format, args);
	va_end(args);
	size_t raw_len = start + (body < 0 ? 0 : (size_t)body);
	if (raw_len >= sizeof raw)
		raw_len = base_utf8_clip(raw, sizeof raw - 1, sizeof raw - 1);

	struct base_buf line;
	base_buf_init(&line, 8 * LINE_MAX_BYTES);
	if (base_escape(&line, raw, raw_len, BASE_ESCAPE_LINE))
		hand_on_plain(log, level, raw, raw_len);
	else
		hand_on(log, level, line.data, base_utf8_clip(line.data, line.len, LINE_MAX_BYTES));
	base_buf_free(&line);
}

bool base_complain(struct base_complaint *complaint, base_time now)
{
	if (complaint->count++ == 0)
		complaint->since = now;
	return (complaint->count & (complaint->count - 1)) == 0;
}

uint64_t base_recover(struct base_complaint *complaint)
{
	uint64_t count = complaint->count;
	*complaint = (struct base_complaint){0};
	return count;
}
