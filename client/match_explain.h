/* What `wirewatch match --explain` prints. */
#ifndef CLIENT_MATCH_EXPLAIN_H
#define CLIENT_MATCH_EXPLAIN_H

#include "wirewatch/match.h"

enum base_result explain_text(const struct match_explanation *why, bool colours, struct base_buf *out);
/* One line of JSON. id is JSON text, or none. */
enum base_result explain_json(const struct match_explanation *why, struct base_span id, struct base_buf *out);

#endif
