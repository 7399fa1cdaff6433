/*
 * ask: gets a page from the daemon and says plainly when there is none.
 */
#include "ask.h"

#include "client.h"
#include "get.h"
#include "setting.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void explain(const char *command, const char *address, const struct client_document *answer)
{
	switch (answer->error) {
	case FETCH_FINE:
		(void)fprintf(stderr, "wirewatch %s: what answers at %s is not wirewatchd\n", command, address);
		break;
	case FETCH_NAME:
	case FETCH_CONNECT:
	case FETCH_SLOW:
		(void)fprintf(stderr, "wirewatch %s: no daemon answers: %s. Start wirewatchd, or give the address of its "
		                      "`http` setting with --http ADDRESS\n", command, answer->reason);
		break;
	default:
		(void)fprintf(stderr, "wirewatch %s: %s\n", command, answer->reason);
	}
}

/* ---- where --------------------------------------------------------------------------- */

#define UNIX_PREFIX "unix:"

/* The address to ask; the caller frees. NULL: explained. */
static char *find_address(const char *command, const struct client_ask_options *options)
{
	struct base_error error = {"out of memory"};
	bool configured = options->http == NULL && options->config != NULL;
	char *address = configured ? client_setting(options->config, "http", &error)
	                           : strdup(options->http != NULL ? options->http : CLIENT_HTTP_DEFAULT);

	if (configured && address != NULL && strcmp(address, "off") == 0) {
		(void)snprintf(error.text, sizeof(error.text), "the daemon cannot be asked: its `http` setting is off");
		free(address);
		address = NULL;
	}
	if (address == NULL)
		(void)fprintf(stderr, "wirewatch %s: %s\n", command, error.text);
	return address;
}

static int ask_at(const char *command, const char *address, const char *path, json_t **out)
{
	struct client_document answer = {.error = FETCH_OTHER};
	struct base_buf url;
	enum base_result result;
	json_t *root = NULL;
	int code = CLIENT_FAILED;

	base_buf_init(&url, 4096);
	const char *socket = strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0 ? address + strlen(UNIX_PREFIX) : NULL;
	(void)base_buf_printf(&url, "%s%s%s", strstr(address, "://") != NULL ? "" : "http://",
	                      socket != NULL ? "localhost" : address, path);
	result = url.failed;
	if (result == BASE_OK)
		result = client_get(url.data, socket, 10 * BASE_SECOND, (size_t)256 << 20, &answer);
	base_buf_free(&url);
	if (result == BASE_OK && answer.error == FETCH_FINE)
		root = json_loadb(answer.body.data != NULL ? answer.body.data : "", answer.body.len, JSON_REJECT_DUPLICATES, NULL);
	if (result == BASE_INVALID || result == BASE_LIMIT) {
		(void)fprintf(stderr, "wirewatch %s: '%s' is not an address like " CLIENT_HTTP_DEFAULT "\n", command, address);
		code = CLIENT_USAGE;
	} else if (result != BASE_OK) {
		(void)fprintf(stderr, "wirewatch %s: %s\n", command, base_result_text(result));
	} else if (!json_is_object(root)) {
		explain(command, address, &answer);
	} else {
		*out = json_incref(root);
		code = CLIENT_DONE;
	}
	json_decref(root);
	client_document_free(&answer);
	return code;
}

int client_ask(const char *command, const struct client_ask_options *options, const char *path, json_t **out)
{
	char *address = find_address(command, options);
	int code = address != NULL ? ask_at(command, address, path, out) : CLIENT_FAILED;

	free(address);
	return code;
}

int client_ask_options(int argc, char **argv, const char *help, int with_failing, struct client_ask_options *out)
{
	static const struct option known[] = {{"failing", no_argument, NULL, 'f'},
	                                      {"http", required_argument, NULL, 'a'},
	                                      {"config", required_argument, NULL, 'c'},
	                                      {"json", no_argument, NULL, 'j'},
	                                      {"help", no_argument, NULL, 'h'},
	                                      {NULL, 0, NULL, 0}};
	int option;

	*out = (struct client_ask_options){0};
	while ((option = getopt_long(argc, argv, "c:h", with_failing ? known : known + 1, NULL)) != -1) {
		switch (option) {
		case 'a':
			out->http = optarg;
			break;
		case 'c':
			out->config = optarg;
			break;
		case 'j':
			out->json = 1;
			break;
		case 'f':
			out->failing = 1;
			break;
		case 'h':
			(void)fputs(help, stdout);
			return CLIENT_DONE;
		default:
			(void)fprintf(stderr, "wirewatch %s: `wirewatch %s --help` lists the options\n", argv[0], argv[0]);
			return CLIENT_USAGE;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "wirewatch %s: takes no argument, but got '%s'\n", argv[0], argv[optind]);
		return CLIENT_USAGE;
	}
	return -1;
}

const char *client_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

long long client_json_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}
