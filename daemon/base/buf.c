/* A growing byte buffer with a maximum, and growing arrays. */
#include "wirewatch/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void base_buf_init(struct base_buf *buf, size_t max)
{
	*buf = (struct base_buf){.max = max < SIZE_MAX ? max : SIZE_MAX - 1}; /* one is for the NUL */
}

void base_buf_free(struct base_buf *buf)
{
	free(buf->data);
	*buf = (struct base_buf){.max = buf->max};
}

void base_buf_reset(struct base_buf *buf)
{
	buf->len = 0;
	buf->failed = BASE_OK;
	if (buf->data)
		buf->data[0] = '\0';
}

static enum base_result fail(struct base_buf *buf, enum base_result why)
{
	if (!buf->failed)
		buf->failed = why;
	return why;
}

enum base_result base_buf_reserve(struct base_buf *buf, size_t extra)
{
	if (extra > buf->max - buf->len)
		return fail(buf, BASE_LIMIT);
	size_t need = buf->len + extra + 1; /* the NUL */
	if (need <= buf->cap)
		return BASE_OK;
	size_t cap = buf->cap ? buf->cap : 64;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap > buf->max + 1)
		cap = buf->max + 1;
	char *data = realloc(buf->data, cap);
	if (!data)
		return fail(buf, BASE_NO_MEMORY);
	buf->data = data;
	buf->cap = cap;
	return BASE_OK;
}

enum base_result base_buf_add(struct base_buf *buf, const void *bytes, size_t len)
{
	enum base_result result = base_buf_reserve(buf, len);
	if (result)
		return result;
	if (len)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return BASE_OK;
}

enum base_result base_buf_add_span(struct base_buf *buf, struct base_span span)
{
	return base_buf_add(buf, span.ptr, span.len);
}

enum base_result base_buf_add_text(struct base_buf *buf, const char *text)
{
	return base_buf_add(buf, text, strlen(text));
}

enum base_result base_buf_add_char(struct base_buf *buf, char c)
{
	return base_buf_add(buf, &c, 1);
}

enum base_result base_buf_printf(struct base_buf *buf, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	size_t room = buf->data ? buf->cap - buf->len : 0;
	int len = vsnprintf(room ? buf->data + buf->len : NULL, room, format, args);
	va_end(args);
	if (len >= 0 && (size_t)len < room) { /* as mostly: formatting twice would cost twice */
		buf->len += (size_t)len;
		va_end(again);
		return BASE_OK;
	}
	if (room)
		buf->data[buf->len] = '\0';
	enum base_result result = len < 0 ? fail(buf, BASE_LIMIT) : base_buf_reserve(buf, (size_t)len);
	if (!result) {
		(void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
	return result;
}

struct base_span base_buf_span(const struct base_buf *buf)
{
	return (struct base_span){buf->data ? buf->data : "", buf->len};
}

char *base_buf_take(struct base_buf *buf, size_t *len)
{
	char *data = buf->data;
	*len = buf->len;
	*buf = (struct base_buf){.max = buf->max};
	return data;
}

enum base_result base_grow(void *array, size_t *cap, size_t need, size_t item_size, size_t max)
{
	if (need <= *cap)
		return BASE_OK;
	if (need > max || need > SIZE_MAX / item_size)
		return BASE_LIMIT;
	size_t wanted = *cap ? *cap : 8;
	while (wanted < need)
		wanted *= 2;
	if (wanted > max)
		wanted = max;
	if (wanted > SIZE_MAX / item_size)
		return BASE_LIMIT;
	void *old;
	memcpy(&old, array, sizeof old); /* array is a pointer to the caller's typed pointer */
	void *grown = realloc(old, wanted * item_size);
	if (!grown)
		return BASE_NO_MEMORY;
	memcpy(array, &grown, sizeof grown);
	*cap = wanted;
	return BASE_OK;
}
