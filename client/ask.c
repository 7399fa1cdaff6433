/*
 * ask: gets a page from the daemon and says plainly when there is none.
 */
#include "ask.h"

#include "client.h"
#include "wirewatch/fetch.h"

#include <event2/event.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct answer {
	struct event_base *base;
	enum fetch_error error;
	char reason[512];
	json_t *root;
	bool done;
};

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct answer *answer = ctx;

	answer->done = true;
	answer->error = reply->error;
	(void)snprintf(answer->reason, sizeof(answer->reason), "%s", reply->reason);
	if (reply->error == FETCH_FINE)
		answer->root = json_loadb(reply->body.ptr, reply->body.len, JSON_REJECT_DUPLICATES, NULL);
	(void)event_base_loopbreak(answer->base);
}

static enum base_result get(const char *url, struct answer *answer)
{
	struct fetch_range anywhere = {.prefix_len = 0}; /* the operator says where */
	struct fetch_options options = {.timeout = 10 * BASE_SECOND, .max_size = (size_t)256 << 20, .max_connections = 1,
	                                .allow = &anywhere, .allow_count = 1};
	struct fetch_request request = {.url = url};
	struct fetch *fetch = NULL;
	enum base_result result = fetch_global_init();

	if (result != BASE_OK)
		return result;
	answer->base = event_base_new();
	result = answer->base != NULL ? fetch_new(answer->base, &options, &fetch) : BASE_NO_MEMORY;
	if (result == BASE_OK)
		result = fetch_start(fetch, &request, on_done, answer, NULL);
	if (result == BASE_OK && (event_base_dispatch(answer->base) < 0 || !answer->done))
		result = BASE_IO;
	fetch_free(fetch);
	if (answer->base != NULL)
		event_base_free(answer->base);
	fetch_global_cleanup();
	return result;
}

static void explain(const char *command, const char *address, const struct answer *answer)
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

int client_ask(const char *command, const char *address, const char *path, json_t **out)
{
	struct answer answer = {.error = FETCH_OTHER};
	struct base_buf url;
	enum base_result result;

	base_buf_init(&url, 4096);
	(void)base_buf_printf(&url, "%s%s%s", strstr(address, "://") != NULL ? "" : "http://", address, path);
	result = url.failed;
	if (result == BASE_OK)
		result = get(url.data, &answer);
	base_buf_free(&url);
	if (result == BASE_INVALID || result == BASE_LIMIT) {
		(void)fprintf(stderr, "wirewatch %s: '%s' is not an address like " CLIENT_HTTP_DEFAULT "\n", command, address);
		return CLIENT_USAGE;
	}
	if (result != BASE_OK) {
		(void)fprintf(stderr, "wirewatch %s: %s\n", command, base_result_text(result));
		return CLIENT_FAILED;
	}
	if (!json_is_object(answer.root)) {
		explain(command, address, &answer);
		json_decref(answer.root);
		return CLIENT_FAILED;
	}
	*out = answer.root;
	return CLIENT_DONE;
}

int client_ask_options(int argc, char **argv, const char *help, int with_failing, struct client_ask_options *out)
{
	static const struct option known[] = {{"http", required_argument, NULL, 'a'},
	                                      {"json", no_argument, NULL, 'j'},
	                                      {"help", no_argument, NULL, 'h'},
	                                      {"failing", no_argument, NULL, 'f'},
	                                      {NULL, 0, NULL, 0}};
	static const struct option without_failing[] = {{"http", required_argument, NULL, 'a'},
	                                                {"json", no_argument, NULL, 'j'},
	                                                {"help", no_argument, NULL, 'h'},
	                                                {NULL, 0, NULL, 0}};
	int option;

	*out = (struct client_ask_options){.http = CLIENT_HTTP_DEFAULT};
	while ((option = getopt_long(argc, argv, "h", with_failing ? known : without_failing, NULL)) != -1) {
		switch (option) {
		case 'a':
			out->http = optarg;
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

int client_json_print(const char *command, const json_t *root)
{
	if (json_dumpf(root, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF || fflush(stdout) != 0) {
		(void)fprintf(stderr, "wirewatch %s: cannot write\n", command);
		return CLIENT_FAILED;
	}
	return CLIENT_DONE;
}
