/* Prints a few alerts as JSON, one a line: with everything, with nothing, with odd characters. */
#include <stdio.h>
#include <string.h>

#include "sample.h"

static int print(struct alert_stories *stories, const struct sample *sample, uint64_t sequence)
{
	struct alert *alert = sample_alert(sample);
	struct base_buf json;
	base_buf_init(&json, 1 << 20);
	enum base_result result = alert_stories_place(stories, alert);
	if (!result)
		result = alert_json(alert, "node-1", 4711, sequence, SAMPLE_NOW, &json);
	if (!result)
		puts(json.data);
	base_buf_free(&json);
	alert_free(alert);
	return result ? 1 : 0;
}

int main(void)
{
	const struct sample samples[] = {
		{.class = MATCH_PAUSE,
	     .item = "1",
	     .title = "Shipment of 18 HIMARS worth $250 million halted by the ministry",
	     .link = "https://example.org/1",
	     .systems = {"HIMARS", "Patriot"},
	     .actors = {"United States", "Ukraine"},
	     .supplier = "United States",
	     .recipient = "Ukraine",
	     .money = {250000000, "USD"},
	     .quantity = 18,
	     .revision_of = "4711-3"},
		{.class = MATCH_PAUSE,
	     .item = "2",
	     .feed = "https://feeds.example/b.xml",
	     .title = "Shipment of 18 HIMARS worth $250 million halted by the ministry",
	     .language = "uk"},
		{.class = MATCH_PRODUCTION, .item = "3", .title = "\"\x01\xe2\x80\xa8 \xf0\x9f\x9a\x80 \\", .language = ""},
	};
	struct alert_stories *stories;
	if (alert_stories_new(72 * BASE_HOUR, &stories))
		return 1;
	int failed = 0;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
		failed |= print(stories, &samples[i], i + 1);
	for (unsigned class = 0; class < MATCH_CLASS_COUNT; class ++)
		failed |= print(stories, &(struct sample){.class = (enum match_class) class, .item = "c"}, class + 4);
	alert_stories_free(stories);
	return failed;
}
