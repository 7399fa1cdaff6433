/*
 * share_inside: the object, shared by share.c (membership, orders, decisions)
 * and share_table.c (the hosts this node lists, and the nodes it sees).
 */
#ifndef WIREWATCH_SHARE_INSIDE_H
#define WIREWATCH_SHARE_INSIDE_H

#include <stdatomic.h>

#include "portion.h"
#include "process.h"
#include "share.h"

#define SHARE_ANSWERS_MOST 65536 /* orders that are out */

struct share_node { /* one that lives */
	char name[72];
	uint64_t token, seen;
	struct portion_node portion;
};

struct share {
	struct share_options options;
	char node[72]; /* options.node: a reload frees what that was at first */
	_Atomic base_time valid_until; /* a margin before it really is; by share_now, as all times here */
	_Atomic uint64_t token;
	_Atomic(struct share_listing *) next_listing;
	struct base_queue *answers; /* of orders */
	struct share_order *answer; /* the first of them, if it could not be dealt with */

	bool member, refused;
	bool back;          /* the database lost commits: the feeds are to be read anew */
	bool listed;   /* the database knows what this node lists */
	bool doubtful; /* a host may be free although it does not look so */
	struct share_listing *listing; /* as it was given last */
	uint64_t version;              /* of the list */
	struct ledger_holding holding;
	base_time renew_at, look_at, looked_at, hurry_at;
	size_t gives;                                     /* orders that are out */

	/* The hosts, in byte order; beside them room to pick some. */
	size_t count;
	char **names;
	struct portion_host *hosts;
	size_t *picked;
	const char **wanted, **offers;
	bool *taken;

	/* The nodes that live, in byte order. */
	struct share_node nodes[PORTION_NODES];
	uint64_t tokens[PORTION_NODES], newest_token;
	size_t node_count;
	base_time node_rest; /* until the first of the others may be ended; BASE_TIME_NONE: there are none */
	uint64_t view;       /* a digest of who lives and lists what */
	uint64_t full_view;  /* the one with which the whole table was read last */
};

/* Time that goes on while the machine sleeps: the database's does, too. */
base_time share_now(const struct share *share);

/* ---- share_table.c --------------------------------------------------------- */

void share_free_tables(struct share *share);
bool share_find(const struct share *share, const char *host, size_t *at);
/* The table is made anew; what is held or on its way back stays in it. */
void share_take_listing(struct share *share, struct share_listing *listing);
/* Write the list to the database. */
enum base_result share_store_list(struct share *share);
/* Read who lives, end those that do not, and bring the table up to date. */
enum base_result share_look(struct share *share);
/* nodes has room for PORTION_NODES. False: this node is not among those that live. */
bool share_portion_nodes(const struct share *share, struct portion *portion);

#endif
