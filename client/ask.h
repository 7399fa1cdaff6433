/*
 * ask: a page of the running daemon, asked for over its HTTP address.
 */
#ifndef WIREWATCH_CLIENT_ASK_H
#define WIREWATCH_CLIENT_ASK_H

#include <jansson.h>

#define CLIENT_HTTP_DEFAULT "127.0.0.1:9475"

/* The options both `status` and `feeds` know. */
struct client_ask_options {
	const char *http;   /* --http, or NULL */
	const char *config; /* -c, or NULL */
	int json, failing;
};
/* Returns -1 to go on, else the exit code. help is the text of --help; with_failing: --failing is known. */
int client_ask_options(int argc, char **argv, const char *help, int with_failing, struct client_ask_options *out);

/*
 * Get a JSON page, like "/status", from the daemon at the address given (with
 * or without http://), else the one its configuration sets, else the default.
 * Returns an enum client_exit; anything but CLIENT_DONE was explained on
 * stderr in the name of command. The caller owns *out.
 */
int client_ask(const char *command, const struct client_ask_options *options, const char *path, json_t **out);

/* Members of an object; "" and 0 for what is missing or of another type. */
const char *client_json_text(const json_t *object, const char *key);
long long client_json_number(const json_t *object, const char *key);

#endif
