/* A bounded queue between threads whose descriptor is readable while it holds something. */
#include "wirewatch/base.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct base_queue {
	pthread_mutex_t lock;
	int fd; /* an eventfd: 1 while the queue holds something, so that items in a row share its two system calls */
	size_t first, len, max;
	void *items[];
};

enum base_result base_queue_new(size_t max, struct base_queue **out)
{
	if (max == 0 || max > SIZE_MAX / 2 / sizeof(void *))
		return BASE_INVALID;
	struct base_queue *queue = calloc(1, sizeof *queue + max * sizeof queue->items[0]);
	if (!queue)
		return BASE_NO_MEMORY;
	queue->max = max;
	queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->fd < 0) {
		free(queue);
		return BASE_IO;
	}
	if (pthread_mutex_init(&queue->lock, NULL)) {
		(void)close(queue->fd);
		free(queue);
		return BASE_NO_MEMORY;
	}
	*out = queue;
	return BASE_OK;
}

void base_queue_free(struct base_queue *queue)
{
	if (!queue)
		return;
	(void)pthread_mutex_destroy(&queue->lock);
	(void)close(queue->fd);
	free(queue);
}

enum base_result base_queue_push(struct base_queue *queue, void *item)
{
	enum base_result result = BASE_BUSY;
	(void)pthread_mutex_lock(&queue->lock);
	if (queue->len < queue->max) {
		queue->items[(queue->first + queue->len) % queue->max] = item;
		if (queue->len++ == 0)
			(void)eventfd_write(queue->fd, 1);
		result = BASE_OK;
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return result;
}

void *base_queue_pop(struct base_queue *queue)
{
	void *item = NULL;
	(void)pthread_mutex_lock(&queue->lock);
	if (queue->len) {
		item = queue->items[queue->first];
		queue->first = (queue->first + 1) % queue->max;
		eventfd_t one;
		if (--queue->len == 0)
			(void)eventfd_read(queue->fd, &one);
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return item;
}

size_t base_queue_len(const struct base_queue *queue)
{
	struct base_queue *shared = (struct base_queue *)(uintptr_t)queue; /* the lock is no part of its value */
	(void)pthread_mutex_lock(&shared->lock);
	size_t len = queue->len;
	(void)pthread_mutex_unlock(&shared->lock);
	return len;
}

int base_queue_fd(const struct base_queue *queue)
{
	return queue->fd;
}
