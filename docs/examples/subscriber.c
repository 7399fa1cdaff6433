/*
 * Print the topics of alerts of wirewatchd, each once, with libwirewatch.
 *
 *	cc -o subscriber subscriber.c $(pkg-config --cflags --libs libwirewatch)
 *	./subscriber [ENDPOINT [STATE-FILE]]
 */
#include <stdio.h>
#include <string.h>
#include <wirewatch.h>

static void load(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");

	if (!file)
		return;
	if (!fgets(text, (int)size, file))
		text[0] = '\0';
	fclose(file);
}

/* Whole or not at all: a program that is killed while it writes must not forget. */
static void save(const char *path, const char *text)
{
	char temporary[4096];
	FILE *file;

	if (!text || snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
		return;
	file = fopen(temporary, "w");
	if (!file)
		return;
	fprintf(file, "%s\n", text);
	if (fclose(file) == 0)
		rename(temporary, path);
}

int main(int argc, char **argv)
{
	struct wirewatch_options options = WIREWATCH_OPTIONS;
	struct wirewatch_event event;
	struct wirewatch *subscriber;
	char position[100000] = "", reason[WIREWATCH_REASON_MAX];
	const char *state = argc > 2 ? argv[2] : NULL;

	if (argc > 1)
		options.endpoint = argv[1];
	if (state)
		load(state, position, sizeof position);
	options.position = position; /* "": from now on */
	if (wirewatch_open(&options, &subscriber, reason) != WIREWATCH_OK) {
		fprintf(stderr, "%s\n", reason);
		return 1;
	}
	while (wirewatch_next(subscriber, -1, &event) == WIREWATCH_OK) {
		if (event.kind == WIREWATCH_ALERT)
			printf("%llu %s %zu bytes of JSON\n", (unsigned long long)event.sequence, event.topic, event.json_len);
		else if (event.kind == WIREWATCH_LOST)
			printf("%llu to %llu are lost\n", (unsigned long long)event.first, (unsigned long long)event.last);
		fflush(stdout);
		if (state)
			save(state, wirewatch_position(subscriber));
	}
	wirewatch_close(subscriber);
	return 0;
}
