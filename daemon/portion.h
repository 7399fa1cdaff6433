/*
 * portion: which hosts a node should take and which it should give back, from
 * what it knows of the hosts it lists and of the nodes that live. Pure.
 *
 * A node's target is the feeds of each host it lists, divided by the nodes that
 * list the host. What is free is taken up to the target, and by anybody when it
 * stays free. Who has more than its target gives hosts to those with less; each
 * gift makes the two more even, so nothing goes back and forth; and nobody gives
 * before all know of all. Hosts of which nodes list different feeds go round:
 * each has them for a turn.
 */
#ifndef WIREWATCH_PORTION_H
#define WIREWATCH_PORTION_H

#include "wirewatch/base.h"

#define PORTION_NODES 64 /* that live at once, at most */
#define PORTION_NOBODY (-1)

struct portion_node {
	uint64_t hash;    /* of its name */
	double target;    /* as it said last; of the node that asks: the answer */
	double held;      /* feeds it holds, those that go round left out; the same */
	bool settled;     /* it has seen the same nodes and lists as the node that asks: its target can be relied on */
	bool slow;        /* the decision's own: it has not taken what was given back for it */
};

enum portion_holder { PORTION_FREE, PORTION_SELF, PORTION_OTHER };
enum portion_act { PORTION_KEEP, PORTION_TAKE, PORTION_GIVE };

struct portion_host {
	uint64_t hash;      /* of its name */
	uint64_t listers;   /* bit i: node i lists it */
	uint32_t feeds;     /* that the node which asks lists; 0: it does not list the host any more */
	enum portion_holder holder;
	int offered;        /* while free or leaving: the node it is given back for, or PORTION_NOBODY */
	bool round;         /* nodes that live list different feeds of it */
	bool leaving;       /* held, and being given back already */
	base_time since;    /* monotonic: when this node took it, or first saw it free */
	enum portion_act act; /* the answer */
	int to;             /* of PORTION_GIVE: for whom, or PORTION_NOBODY */
};

struct portion {
	struct portion_node *nodes; /* those that live, in an order that all agree on */
	size_t node_count;
	size_t self;
	struct portion_host *hosts;
	size_t host_count;
	base_time turn;     /* how long a host that goes round stays */
	base_time patience; /* how long what is free is left to those who should have it */
};

/* Sets act and to of each host, target and held of the node itself. *again: when to ask anew even if nothing happens;
   BASE_TIME_NONE: no need. */
void portion_decide(struct portion *portion, base_time now, base_time *again);

#endif
