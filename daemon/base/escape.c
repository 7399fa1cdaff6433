/* Foreign text made harmless for log lines and terminals. */
#include "wirewatch/base.h"

/* Unicode's controls and what turns the reading direction (UAX #9, section 2). */
static bool harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F || c == 0x2028 ||
	       c == 0x2029 || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x206F) || c == 0xFEFF ||
	       (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE ||
	       (c >= 0xE0000 && c <= 0xE007F); /* tag characters: invisible */
}

/* Beyond the BMP JSON writes a surrogate pair (RFC 8259 section 7). */
static void add_escaped_json(struct base_buf *buf, uint32_t c)
{
	if (c > 0xFFFF)
		(void)base_buf_printf(buf, "\\u%04X\\u%04X", 0xD7C0 + (c >> 10), 0xDC00 + (c & 0x3FF));
	else
		(void)base_buf_printf(buf, "\\u%04X", c);
}

static void add_escaped(struct base_buf *buf, uint32_t c)
{
	if (c == '\n')
		(void)base_buf_add_text(buf, "\\n");
	else if (c == '\r')
		(void)base_buf_add_text(buf, "\\r");
	else if (c == '\t')
		(void)base_buf_add_text(buf, "\\t");
	else
		(void)base_buf_printf(buf, c > 0xFFFF ? "\\U%08X" : "\\u%04X", c);
}

enum base_result base_escape(struct base_buf *buf, const char *text, size_t len, enum base_escape_style style)
{
	size_t plain = 0; /* start of the stretch that needs nothing */
	for (size_t i = 0; i < len;) {
		uint32_t c;
		bool valid;
		size_t used = base_utf8_decode(text + i, len - i, &c, &valid);
		bool quote = style == BASE_ESCAPE_QUOTED && (c == '"' || c == '\\');
		if (valid && !quote && !harmful(c)) {
			i += used;
			continue;
		}
		(void)base_buf_add(buf, text + plain, i - plain);
		if (style == BASE_ESCAPE_JSON)
			add_escaped_json(buf, c); /* what is ill-formed is U+FFFD by now */
		else if (!valid)
			for (size_t k = 0; k < used; k++)
				(void)base_buf_printf(buf, "\\x%02X", (unsigned char)text[i + k]);
		else if (quote)
			(void)base_buf_printf(buf, "\\%c", (char)c);
		else
			add_escaped(buf, c);
		i += used;
		plain = i;
		if (buf->failed)
			return buf->failed;
	}
	(void)base_buf_add(buf, text + plain, len - plain);
	return buf->failed;
}
