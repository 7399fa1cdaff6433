/* What the scripted server answers, by path. */
#include "tests/unit/fetch/script.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/fetch/gzip.h"

static void ok(struct base_buf *out, const char *headers, const char *body)
{
	base_buf_printf(out, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n%s", headers, strlen(body), body);
}

static enum server_then gzipped(struct base_buf *out, size_t bomb)
{
	struct base_buf packed;

	base_buf_init(&packed, 1 << 20);
	if (bomb > 0)
		gzip_bomb(&packed, bomb);
	else
		gzip_stored(&packed, "unpacked text");
	base_buf_printf(out, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", packed.len);
	base_buf_add(out, packed.data, packed.len);
	base_buf_free(&packed);
	return SERVER_KEEP;
}

static enum server_then redirects(const char *path, struct base_buf *out)
{
	const char *to = NULL;

	if (strcmp(path, "/redirect/twice") == 0)
		to = "/redirect/once";
	else if (strcmp(path, "/redirect/once") == 0)
		to = "/plain?final=1#part";
	else if (strcmp(path, "/redirect/loop") == 0)
		to = "/redirect/loop";
	else if (strcmp(path, "/redirect/file") == 0)
		to = "file:///etc/passwd";
	else if (strcmp(path, "/redirect/ftp") == 0)
		to = "ftp://user:secret@127.0.0.1/x";
	else if (strcmp(path, "/redirect/private") == 0)
		to = "http://10.0.0.1/";
	else
		to = "http://169.254.169.254/latest/";
	base_buf_printf(out, "HTTP/1.1 302 Found\r\nLocation: %s\r\nETag: \"of the redirect\"\r\nSet-Cookie: a=b\r\n"
	                     "Content-Length: 3\r\n\r\nxyz", to);
	return SERVER_KEEP;
}

/* "/hops/308,301,302": redirects with these codes, one after the other, to "/hops/". */
static enum server_then hops(const char *path, struct base_buf *out)
{
	const char *codes = path + strlen("/hops/");

	if (*codes == '\0') {
		ok(out, "", "hello");
		return SERVER_KEEP;
	}
	size_t len = strcspn(codes, ",");
	const char *rest = codes[len] == ',' ? codes + len + 1 : "";
	base_buf_printf(out, "HTTP/1.1 %.*s Moved\r\nLocation: /hops/%s#part\r\nContent-Length: 0\r\n\r\n", (int)len, codes,
	                rest);
	return SERVER_KEEP;
}

enum server_then script_answer(void *ctx, const char *path, struct base_buf *out)
{
	size_t *hung = ctx;

	if (strncmp(path, "/redirect/", 10) == 0)
		return redirects(path, out);
	if (strncmp(path, "/hops/", 6) == 0)
		return hops(path, out);
	if (strcmp(path, "/plain") == 0 || strncmp(path, "/plain?", 7) == 0)
		ok(out, "", "hello");
	else if (strcmp(path, "/empty") == 0)
		ok(out, "", "");
	else if (strcmp(path, "/validators") == 0)
		ok(out, "ETag:  " ETAG " \r\nlast-modified: " LAST_MODIFIED "\r\nContent-Type: application/rss+xml\r\n"
		        "Cache-Control: max-age=300\r\nAge: 100\r\n", "hello");
	else if (strcmp(path, "/304") == 0)
		base_buf_add_text(out, "HTTP/1.1 304 Not Modified\r\nETag: \"new\"\r\n\r\n");
	else if (strcmp(path, "/226") == 0)
		base_buf_add_text(out, "HTTP/1.1 226 IM Used\r\nIM: feed\r\nETag: \"new\"\r\nContent-Length: 3\r\n\r\nnew");
	else if (strcmp(path, "/challenge") == 0 || strcmp(path, "/challenge-200") == 0)
		base_buf_printf(out, "HTTP/1.1 %s\r\nCF-Mitigated: challenge\r\nContent-Type: text/html\r\nETag: \"page\"\r\n"
		                     "Retry-After: 60\r\nContent-Length: 6\r\n\r\n<html>",
		                strcmp(path, "/challenge") == 0 ? "403 Forbidden" : "200 OK");
	else if (strcmp(path, "/gzip") == 0)
		return gzipped(out, 0);
	else if (strcmp(path, "/bomb") == 0)
		return gzipped(out, 200 * 1000 * 1000);
	else if (strcmp(path, "/exact") == 0 || strcmp(path, "/large") == 0) {
		size_t len = MAX_SIZE + (strcmp(path, "/large") == 0);
		base_buf_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
		while (len-- > 0)
			base_buf_add_char(out, 'x');
	} else if (strcmp(path, "/headers") == 0) {
		base_buf_add_text(out, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 10000; i++)
			base_buf_printf(out, "X-%d: a field that nobody needs\r\n", i);
		base_buf_add_text(out, "\r\n");
	} else if (strcmp(path, "/500") == 0)
		base_buf_add_text(out, "HTTP/1.1 500 No\r\nContent-Length: 4\r\nETag: \"no\"\r\n\r\noops");
	else if (strcmp(path, "/500-hang") == 0) {
		base_buf_add_text(out, "HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\noops");
		return SERVER_HANG;
	} else if (strcmp(path, "/503") == 0)
		base_buf_add_text(out, "HTTP/1.1 503 Wait\r\nContent-Length: 0\r\nRetry-After: 120\r\n\r\n");
	else if (strcmp(path, "/206") == 0)
		base_buf_add_text(out, "HTTP/1.1 206 Partial\r\nContent-Length: 2\r\n\r\nxx");
	else if (strcmp(path, "/cut") == 0) {
		base_buf_add_text(out, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nETag: \"cut\"\r\n\r\nonly this");
		return SERVER_CLOSE;
	} else if (strcmp(path, "/cut-chunk") == 0) {
		base_buf_add_text(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n9\r\nwor");
		return SERVER_CLOSE;
	} else if (strcmp(path, "/trailer") == 0)
		base_buf_add_text(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: \"real\"\r\n\r\n5\r\nhello\r\n"
		                       "0\r\nHTTP/1.1 200: x\r\nETag: \"forged\"\r\nLast-Modified: forged\r\n\r\n");
	else if (strcmp(path, "/nothing") == 0)
		return SERVER_CLOSE;
	else if (strcmp(path, "/no-http") == 0) {
		base_buf_add_text(out, "220 ftp.example ready\r\n");
		return SERVER_CLOSE;
	} else {
		++*hung;
		if (strcmp(path, "/hang-body") == 0)
			base_buf_add_text(out, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nonly this");
		return SERVER_HANG;
	}
	return SERVER_KEEP;
}
