/* Topic, header and id: what subscribers filter, order and de-duplicate by. */
#include "record.h"

#include <inttypes.h>
#include <stdio.h>

void alert_topic(const struct alert *alert, char out[ALERT_TOPIC_MAX])
{
	(void)snprintf(out, ALERT_TOPIC_MAX, "ww1/alert/%s/%s/", match_class_text(alert->class), record_report(alert));
}

static void put_u64(uint64_t value, uint8_t *out)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (56 - 8 * i));
}

void alert_header(uint64_t epoch, uint64_t sequence, uint64_t previous, uint8_t out[ALERT_HEADER_LEN])
{
	put_u64(epoch, out);
	put_u64(sequence, out + 8);
	put_u64(previous, out + 16);
}

void alert_id(uint64_t epoch, uint64_t sequence, char out[ALERT_ID_MAX])
{
	(void)snprintf(out, ALERT_ID_MAX, "%" PRIu64 "-%" PRIu64, epoch, sequence);
}
