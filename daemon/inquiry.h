/*
 * inquiry: what the HTTP side asks of the ledger, brought to the outbox and back to the main thread.
 */
#ifndef WIREWATCH_INQUIRY_H
#define WIREWATCH_INQUIRY_H

#include "outbox.h"

struct event_base;

/* Lives in the main thread. To be freed after the outbox has stopped, before the event base. */
struct inquiries;
enum base_result inquiries_new(struct event_base *base, struct inquiries **out);
void inquiries_free(struct inquiries *inquiries);
/* A status_ask_fn; ctx is the inquiries. */
enum base_result inquiries_ask(void *ctx, struct status_question *question);
/* outbox_options.published; ctx is the inquiries. From any thread. */
void inquiries_news(void *ctx);
/* Whom to ask, and who is told of news (NULL: nobody). */
void inquiries_join(struct inquiries *inquiries, struct outbox *outbox, struct status_server *server);

#endif
