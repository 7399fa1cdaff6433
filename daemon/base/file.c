/* Reading a whole file within a limit. */
#include "wirewatch/base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum base_result read_all(int fd, const char *path, struct base_buf *buf, struct base_error *err)
{
	for (;;) {
		char chunk[16384];
		ssize_t got = read(fd, chunk, sizeof chunk);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return base_fail(err, BASE_IO, "cannot read %s: %s", path, strerror(errno));
		enum base_result result = base_buf_add(buf, chunk, (size_t)got);
		if (result == BASE_LIMIT)
			return base_fail(err, result, "%s is larger than %zu bytes", path, buf->max);
		if (result || got == 0)
			return result;
	}
}

enum base_result base_read_file(const char *path, size_t max, char **bytes, size_t *len, struct base_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		enum base_result why = errno == ENOENT ? BASE_NOT_FOUND : errno == EACCES ? BASE_DENIED : BASE_IO;
		return base_fail(err, why, "cannot open %s: %s", path, strerror(errno));
	}
	struct base_buf buf;
	base_buf_init(&buf, max);
	enum base_result result = read_all(fd, path, &buf, err);
	(void)close(fd);
	if (result)
		base_buf_free(&buf);
	else
		*bytes = base_buf_take(&buf, len);
	return result;
}
