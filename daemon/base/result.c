/* Results as text, and the one line that says what went wrong. */
#include "wirewatch/base.h"

#include <stdio.h>
#include <string.h>

const char *base_result_text(enum base_result result)
{
	switch (result) {
	case BASE_OK: return "ok";
	case BASE_NO_MEMORY: return "out of memory";
	case BASE_LIMIT: return "a limit was reached";
	case BASE_SYNTAX: return "malformed";
	case BASE_UNSUPPORTED: return "not supported";
	case BASE_NOT_FOUND: return "not found";
	case BASE_INVALID: return "invalid";
	case BASE_DENIED: return "not allowed";
	case BASE_BUSY: return "busy";
	case BASE_TIMEOUT: return "timed out";
	case BASE_IO: return "input/output error";
	case BASE_NETWORK: return "network error";
	case BASE_DAMAGED: return "damaged";
	case BASE_STOPPED: return "stopped";
	case BASE_LOST: return "no longer ours";
	case BASE_CHANGED: return "changed by somebody else";
	}
	return "unknown result";
}

enum base_result base_fail(struct base_error *err, enum base_result result, const char *format, ...)
{
	if (!err)
		return result;
	char raw[sizeof err->text];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(raw, sizeof raw, format, args);
	va_end(args);
	size_t raw_len = len < 0 ? 0 : (size_t)len < sizeof raw ? (size_t)len : sizeof raw - 1;

	struct base_buf line;
	base_buf_init(&line, 8 * sizeof raw);
	if (base_escape(&line, raw, raw_len, BASE_ESCAPE_LINE)) {
		base_buf_free(&line);
		(void)snprintf(err->text, sizeof err->text, "%s", base_result_text(result));
		return result;
	}
	size_t clipped = base_utf8_clip(line.data ? line.data : "", line.len, sizeof err->text - 1);
	if (clipped)
		memcpy(err->text, line.data, clipped);
	err->text[clipped] = '\0';
	base_buf_free(&line);
	return result;
}
