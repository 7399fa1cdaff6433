/*
 * service: the object, shared by service.c (its life and the main loop),
 * rooms.c (rooms opened in order) and reload.c (what the pollers are given).
 */
#ifndef WIREWATCH_SERVICE_INSIDE_H
#define WIREWATCH_SERVICE_INSIDE_H

#include <event2/event.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "inquiry.h"
#include "pollers.h"
#include "service.h"
#include "wirewatch/status.h"

struct listing; /* of reload.c */
struct holdings;
struct share;
struct share_order;

struct service {
	struct service_options options;
	struct load loaded;  /* what the pollers use */
	struct load pending; /* what a reload has read; used once the old pollers have ended */
	bool reloading, stopping;
	bool failed; /* it ends although nobody asked for it */

	struct ledger *ledger; /* the outbox's own as soon as that runs */
	uint64_t epoch;
	struct publish *publish;
	struct publish_syslog *syslog;   /* or, when stderr is the journal, */
	struct publish_journal *journal; /* this one */
	struct publish_file *file;       /* or NULL */
	struct alert_stories *stories;
	struct status_board *board;
	struct status_server *server;
	struct inquiries *inquiries;
	struct outbox *outbox;
	bool outbox_running;
	struct share *share;         /* of a ledger that several nodes share, or NULL */
	struct holdings *holdings;   /* the same */
	struct base_queue *orders;   /* of the share */
	struct share_order *order;   /* the first of them, when the pollers could not take it */
	atomic_bool refused;         /* another node has this one's name */
	struct base_buf backup_path;

	struct rulebook *rulebook; /* of the pollers */
	struct pollers *pollers;
	bool polling;             /* they run, or are to be joined */
	atomic_bool ended;        /* all of them */
	struct base_queue *news;  /* pushed to when one of these, or of the listings, has changed */
	STAILQ_HEAD(, listing) listings; /* given to the pollers and not done */

	size_t connections; /* of subscribers, at most */
	struct event_base *base;
	int signals; /* a descriptor to read them from, or -1 */
	struct event *signal_event, *news_event, *status_event, *watchdog_event;
};


static inline const struct conf_settings *settings_of(const struct service *service)
{
	return conf_settings(service->loaded.conf);
}

/* rooms.c: all but the loop, which open_loop of service.c opens in between. */
enum base_result rooms_open(struct service *service, enum base_result (*open_loop)(struct service *, struct base_error *),
                            struct base_error *err);
void rooms_close(struct service *service); /* pollers and outbox have ended */
void rooms_close_logs(struct service *service); /* when nobody has anything to say any more */

/* reload.c */
enum base_result reload_start_pollers(struct service *service);
/* SIGHUP: read the configuration again. */
void reload(struct service *service);
/* The pollers have news of listings. */
void reload_look(struct service *service);
/* The old pollers have ended: new ones take up the new configuration. */
void reload_finish(struct service *service);
void reload_free(struct service *service); /* after the pollers */

/* sharing.c: what the share says, carried out by the pollers */
enum base_result sharing_open(struct service *service, struct base_error *err);
void sharing_close(struct service *service);
/* No pollers are there: what is held is noted. */
void sharing_settle(struct service *service);
/* Carry out what was ordered since. */
void sharing_look(struct service *service);
/* The feeds of conf, as far as they are held; the list of the other nodes follows when sharing_listed is called. */
enum base_result sharing_list(struct service *service, const struct conf *conf, struct holdings **holdings,
                              const struct conf_feed ***feeds, size_t *count);
/* From now on these are the holdings. */
void sharing_listed(struct service *service, struct holdings *holdings);
/* A change for an order was done. */
void sharing_done(struct service *service, struct share_order *order);
/* reload.c: give the pollers the feeds of an order; the order stays the caller's if that fails. */
enum base_result reload_change(struct service *service, struct share_order *order);

#endif
