/*
 * names: see names.h. A program's own definition wins over the C library's.
 */
#include "tests/unit/fetch/names.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	names_answer *answer;
	size_t now, most, all;
	bool released;
} names = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct found { /* one allocation for each address */
	struct addrinfo info;
	struct sockaddr_storage address;
};

void names_script(names_answer *answer)
{
	pthread_mutex_lock(&names.lock);
	names.answer = answer;
	names.most = names.now;
	names.all = 0;
	names.released = false;
	pthread_mutex_unlock(&names.lock);
}

size_t names_most_at_once(void)
{
	pthread_mutex_lock(&names.lock);
	size_t most = names.most;
	pthread_mutex_unlock(&names.lock);
	return most;
}

size_t names_looked_up(void)
{
	pthread_mutex_lock(&names.lock);
	size_t all = names.all;
	pthread_mutex_unlock(&names.lock);
	return all;
}

void names_release(void)
{
	pthread_mutex_lock(&names.lock);
	names.released = true;
	pthread_cond_broadcast(&names.changed);
	while (names.now > 0)
		pthread_cond_wait(&names.changed, &names.lock);
	pthread_mutex_unlock(&names.lock);
}

static struct addrinfo *make(const char *text, const char *service, const struct addrinfo *hints)
{
	struct found *found = calloc(1, sizeof(*found));
	struct sockaddr_in *v4 = (void *)&found->address;
	struct sockaddr_in6 *v6 = (void *)&found->address;
	in_port_t port = htons((in_port_t)strtoul(service != NULL ? service : "0", NULL, 10));

	if (found == NULL)
		abort();
	found->info = (struct addrinfo){.ai_socktype = hints != NULL ? hints->ai_socktype : SOCK_STREAM,
	                                .ai_addr = (struct sockaddr *)&found->address};
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		found->info.ai_addrlen = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port;
		found->info.ai_addrlen = sizeof(*v6);
	} else {
		abort();
	}
	found->info.ai_family = found->address.ss_family;
	return &found->info;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	struct addrinfo **end = out;
	char list[512], *rest = list, *text;

	pthread_mutex_lock(&names.lock);
	names.all++;
	if (++names.now > names.most)
		names.most = names.now;
	const char *answer = names.answer != NULL ? names.answer(name) : NULL;
	bool hangs = answer != NULL && strcmp(answer, NAMES_HANG) == 0;
	while (hangs && !names.released)
		pthread_cond_wait(&names.changed, &names.lock);
	names.now--;
	pthread_cond_broadcast(&names.changed);
	snprintf(list, sizeof(list), "%s", answer != NULL && !hangs ? answer : "");
	pthread_mutex_unlock(&names.lock);
	*out = NULL;
	while ((text = strsep(&rest, " ")) != NULL) {
		if (*text == '\0')
			continue;
		*end = make(text, service, hints);
		end = &(*end)->ai_next;
	}
	return *out != NULL ? 0 : hangs ? EAI_AGAIN : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list != NULL) {
		struct addrinfo *next = list->ai_next;
		free(list); /* the first member of a struct found */
		list = next;
	}
}
