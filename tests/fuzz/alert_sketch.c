/*
 * Fuzz target: what the ledger keeps of alerts and gives back at start - story
 * sketches and the JSON that a log line is made from again.
 */
#include <stdlib.h>
#include <string.h>

#include "../../daemon/alert/sketch.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What can be read is written again as it was. */
static void round_trip(struct base_span stored)
{
	struct sketch sketch;
	uint64_t *memory;
	struct base_buf again;
	if (sketch_read(stored, &sketch, &memory))
		return;
	base_buf_init(&again, 1 << 20);
	if (sketch_write(&sketch, &again) || !base_span_equal(base_buf_span(&again), stored))
		abort();
	base_buf_free(&again);
	free(memory);
}

/* Sketches of two length bytes and a body each go into one index. */
static void restore(const char *at, size_t left)
{
	struct alert_stories *stories;
	if (alert_stories_new(72 * BASE_HOUR, &stories))
		abort();
	while (left >= 2) {
		size_t len = (size_t)(unsigned char)at[0] << 8 | (unsigned char)at[1];
		at += 2;
		left -= 2;
		if (len > left)
			len = left;
		(void)alert_stories_restore(stories, (struct base_span){at, len});
		round_trip((struct base_span){at, len});
		at += len;
		left -= len;
	}
	alert_stories_free(stories);
}

/* One line, closed quotes, no control characters, at most 2 KiB. */
static void log_line(struct base_span json)
{
	struct base_buf line;
	base_buf_init(&line, 4096);
	if (!alert_log_line_of_json(json, &line)) {
		if (line.len > 2048 || line.data[line.len - 1] != '"' || !base_utf8_valid(line.data, line.len))
			abort();
		for (size_t i = 0; i < line.len; i++)
			if ((unsigned char)line.data[i] < ' ')
				abort();
	}
	base_buf_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len && bytes[0] == '{')
		log_line((struct base_span){(const char *)bytes, len});
	else
		restore((const char *)bytes, len);
	return 0;
}
