/*
 * Who has subscribed to what.
 *
 * The XPUB socket runs in manual mode: it shows each subscription and gives a
 * peer only the topics it is told to give. That serves three ends: the number
 * and length of subscriptions per peer are bounded, unknown topics cost
 * nothing, and nobody stays subscribed to the welcome, so that it can be sent
 * to one peer alone. A subscription that covers the welcome ("" or "ww1/") is
 * therefore replaced by the other topics that it covers.
 *
 * A peer is known by its descriptor, the one thing libzmq tells with each
 * subscription; the inode tells a reused descriptor from the old one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "publish.h"

#define FD_MAX 65536

struct peer {
	bool known, refused;
	ino_t inode;
	size_t count;
	char *topics[PUBLISH_SUBSCRIPTIONS_MAX];
};

struct publish_peers {
	struct peer **by_fd;
	size_t size, subscribed;
};

/* What is published for as long as a peer stays; the welcome is not among it. */
static const char *const families[] = {PUBLISH_TOPIC_ALERT, PUBLISH_TOPIC_HEARTBEAT};
#define FAMILIES (sizeof families / sizeof *families)

enum base_result publish_peers_new(struct publish_peers **out)
{
	struct publish_peers *peers = calloc(1, sizeof *peers);

	if (!peers)
		return BASE_NO_MEMORY;
	*out = peers;
	return BASE_OK;
}

static void forget(struct publish_peers *peers, struct peer *peer)
{
	peers->subscribed -= peer->count > 0;
	for (size_t i = 0; i < peer->count; i++)
		free(peer->topics[i]);
	peer->count = 0;
	peer->refused = false;
	peer->known = false;
}

void publish_peers_free(struct publish_peers *peers)
{
	if (!peers)
		return;
	for (size_t i = 0; i < peers->size; i++) {
		if (!peers->by_fd[i])
			continue;
		forget(peers, peers->by_fd[i]);
		free(peers->by_fd[i]);
	}
	free(peers->by_fd);
	free(peers);
}

static struct peer *peer_at(struct publish_peers *peers, int fd)
{
	size_t at = (size_t)fd, old = peers->size;

	if (fd < 0)
		return NULL;
	if (at >= old) {
		if (base_grow(&peers->by_fd, &peers->size, at + 1, sizeof *peers->by_fd, FD_MAX))
			return NULL;
		memset(peers->by_fd + old, 0, (peers->size - old) * sizeof *peers->by_fd);
	}
	if (!peers->by_fd[at])
		peers->by_fd[at] = calloc(1, sizeof **peers->by_fd);
	return peers->by_fd[at];
}

void publish_peers_accepted(struct publish_peers *peers, int fd)
{
	struct peer *peer = peer_at(peers, fd);
	struct stat st;

	if (!peer)
		return;
	forget(peers, peer);
	peer->known = true;
	peer->inode = fstat(fd, &st) == 0 ? st.st_ino : 0;
}

void publish_peers_gone(struct publish_peers *peers, int fd)
{
	if (fd >= 0 && (size_t)fd < peers->size && peers->by_fd[fd])
		forget(peers, peers->by_fd[fd]);
}

size_t publish_peers_subscribed(const struct publish_peers *peers)
{
	return peers->subscribed;
}

bool publish_peers_is_same(const struct publish_peers *peers, int fd)
{
	struct stat st;

	if (fd < 0 || (size_t)fd >= peers->size || !peers->by_fd[fd] || !peers->by_fd[fd]->known)
		return false;
	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == peers->by_fd[fd]->inode;
}

/* ---- what a subscription stands for ---------------------------------------------- */

static bool begins(struct base_span text, struct base_span prefix)
{
	return prefix.len <= text.len && (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

/* The number of topics, written to out, that the socket gives to a peer with this subscription. */
static size_t stands_for(struct base_span topic, struct base_span out[FAMILIES])
{
	bool broad = begins(base_span_of(PUBLISH_TOPIC_WELCOME), topic);
	size_t count = 0;

	for (size_t i = 0; i < FAMILIES; i++) {
		struct base_span family = base_span_of(families[i]);

		if (begins(family, topic))
			out[count++] = broad ? family : topic;
		else if (begins(topic, family))
			out[count++] = topic;
	}
	return count;
}

static size_t find(const struct peer *peer, struct base_span topic)
{
	size_t i = 0;

	while (i < peer->count && !base_span_equal(base_span_of(peer->topics[i]), topic))
		i++;
	return i;
}

static bool still_wanted(const struct peer *peer, struct base_span given)
{
	struct base_span spans[FAMILIES];

	for (size_t i = 0; i < peer->count; i++) {
		size_t count = stands_for(base_span_of(peer->topics[i]), spans);

		for (size_t k = 0; k < count; k++)
			if (base_span_equal(spans[k], given))
				return true;
	}
	return false;
}

static bool is_plain(struct base_span topic)
{
	return topic.len <= PUBLISH_TOPIC_MAX && (topic.len == 0 || !memchr(topic.ptr, '\0', topic.len));
}

static enum publish_verdict refuse(struct peer *peer)
{
	peer->refused = true;
	return PUBLISH_REFUSED;
}

enum publish_verdict publish_peers_subscribe(struct publish_peers *peers, int fd, struct base_span topic,
                                             publish_change_fn *change, void *ctx)
{
	struct base_span spans[FAMILIES];
	struct peer *peer = peer_at(peers, fd);
	size_t count;

	if (!peer || !peer->known)
		return PUBLISH_REFUSED;
	if (peer->refused || !is_plain(topic))
		return refuse(peer);
	if (find(peer, topic) == peer->count) {
		if (peer->count == PUBLISH_SUBSCRIPTIONS_MAX)
			return refuse(peer);
		peer->topics[peer->count] = strndup(topic.len ? topic.ptr : "", topic.len);
		if (!peer->topics[peer->count])
			return refuse(peer);
		peers->subscribed += peer->count++ == 0;
	}
	count = stands_for(topic, spans);
	for (size_t i = 0; i < count; i++)
		change(ctx, true, spans[i]);
	return count > 0 || begins(base_span_of(PUBLISH_TOPIC_WELCOME), topic) ? PUBLISH_NEW : PUBLISH_USELESS;
}

void publish_peers_unsubscribe(struct publish_peers *peers, int fd, struct base_span topic, publish_change_fn *change,
                               void *ctx)
{
	struct base_span spans[FAMILIES];
	struct peer *peer = peer_at(peers, fd);
	size_t at, count;

	if (!peer || (at = find(peer, topic)) == peer->count)
		return;
	free(peer->topics[at]);
	peer->topics[at] = peer->topics[--peer->count];
	peers->subscribed -= peer->count == 0;
	count = stands_for(topic, spans);
	for (size_t i = 0; i < count; i++)
		if (!still_wanted(peer, spans[i]))
			change(ctx, false, spans[i]);
}
