#include "document.h"
enum base_result feed_xml_guard(struct base_span xml, struct base_error *err)
{
	(void)xml;
	(void)err;
	return BASE_OK;
}
enum base_result feed_xml_repair(struct base_span xml, struct base_buf *out, struct feed_builder *builder)
{
	(void)builder;
	return base_buf_add_span(out, xml);
}
enum base_result feed_json_read(struct base_span json, struct feed_builder *builder, struct base_error *err)
{
	(void)json;
	(void)builder;
	return base_fail(err, BASE_UNSUPPORTED, "JSON");
}
