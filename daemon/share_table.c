/* The hosts this node lists, and the nodes that live, as the database has them. */
#include "share_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t no_key[2]; /* all nodes must find the same */

static uint64_t hash_of(const char *text)
{
	return base_hash64(no_key, text, strlen(text));
}

/* ---- hosts ------------------------------------------------------------------------ */

struct table {
	size_t count;
	char **names;
	struct portion_host *hosts;
};

static void free_table(struct table *table)
{
	for (size_t i = 0; table->names && i < table->count; i++)
		free(table->names[i]);
	free(table->names);
	free(table->hosts);
}

void share_free_tables(struct share *share)
{
	free_table(&(struct table){.count = share->count, .names = share->names, .hosts = share->hosts});
	free(share->listing);
	free(share->picked);
	free(share->wanted);
	free(share->offers);
	free(share->taken);
}

static size_t first_from(const struct share *share, const char *host)
{
	size_t low = 0, high = share->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(share->names[middle], host) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool share_find(const struct share *share, const char *host, size_t *at)
{
	size_t found = first_from(share, host);
	*at = found;
	return found < share->count && strcmp(share->names[found], host) == 0;
}

static bool add_host(struct table *table, const char *name, const struct portion_host *state)
{
	char *copy = strdup(name);
	if (!copy)
		return false;
	table->names[table->count] = copy;
	table->hosts[table->count++] = *state;
	return true;
}

/* Both lists are sorted. What is not listed any more stays only while it has to be given back. */
static bool merge(const struct share *share, const struct share_listing *listing, struct table *table)
{
	size_t old = 0;
	for (size_t i = 0; i <= listing->count; i++) {
		const char *name = i < listing->count ? listing->hosts[i].host : NULL;
		int order = -1;
		for (; old < share->count && (!name || (order = strcmp(share->names[old], name)) < 0); old++) {
			struct portion_host state = share->hosts[old];
			state.feeds = 0;
			if ((state.leaving || state.holder == PORTION_SELF) && !add_host(table, share->names[old], &state))
				return false;
		}
		if (!name)
			break;
		bool known = old < share->count && order == 0;
		struct portion_host state = {.hash = hash_of(name), .holder = PORTION_OTHER, .offered = PORTION_NOBODY};
		if (known)
			state = share->hosts[old++];
		state.feeds = listing->hosts[i].feeds;
		if (!add_host(table, name, &state))
			return false;
	}
	return true;
}

static bool make_room(struct share *share, size_t count)
{
	size_t *picked = calloc(count + 1, sizeof *picked);
	const char **wanted = calloc(count + 1, sizeof *wanted), **offers = calloc(count + 1, sizeof *offers);
	bool *taken = calloc(count + 1, sizeof *taken);
	if (!picked || !wanted || !offers || !taken) {
		free(picked);
		free(wanted);
		free(offers);
		free(taken);
		return false;
	}
	free(share->picked);
	free(share->wanted);
	free(share->offers);
	free(share->taken);
	share->picked = picked;
	share->wanted = wanted;
	share->offers = offers;
	share->taken = taken;
	return true;
}

void share_take_listing(struct share *share, struct share_listing *listing)
{
	size_t most = share->count + listing->count;
	struct table table = {.names = calloc(most + 1, sizeof(char *)), .hosts = calloc(most + 1, sizeof(struct portion_host))};
	if (!table.names || !table.hosts || !merge(share, listing, &table) || !make_room(share, table.count)) {
		base_log(share->options.log, BASE_ERROR, "share", "no memory for another list of feeds; the old one stays");
		free_table(&table);
		free(listing);
		return;
	}
	free_table(&(struct table){.count = share->count, .names = share->names, .hosts = share->hosts});
	share->count = table.count;
	share->names = table.names;
	share->hosts = table.hosts;
	free(share->listing);
	share->listing = listing;
	share->version = listing->version;
	share->listed = false;
	share->full_view = 0;
}

enum base_result share_store_list(struct share *share)
{
	if (!share->listing)
		return BASE_OK;
	enum base_result result =
	    ledger_list(share->options.ledger, share->listing->hosts, share->listing->count, share->version);
	if (!result) {
		share->listed = true;
		share->look_at = share_now(share);
	}
	return result;
}

/* ---- nodes ------------------------------------------------------------------------- */

struct view { /* what is read of the nodes */
	const struct share *share;
	struct share_node nodes[PORTION_NODES];
	size_t count;
	base_time rest;       /* the least of the others' */
	uint64_t newest_token, digest;
	bool overdue;         /* one of the others is silent for too long */
	struct status_node shown[STATUS_NODES_MOST];
	size_t shown_count;
};

static void show_node(struct view *view, const struct ledger_node *node)
{
	static const char *const states[] = {"living", "left", "dead"};
	if (view->shown_count == STATUS_NODES_MOST)
		return;
	struct status_node *out = &view->shown[view->shown_count++];
	*out = (struct status_node){
	    .state = states[node->state <= LEDGER_DEAD ? node->state : LEDGER_DEAD],
	    .self = strcmp(node->name, view->share->options.node) == 0,
	    .hosts = node->holding.hosts,
	    .feeds = node->holding.feeds,
	    .published = node->published,
	    .renewed = node->renewed,
	};
	(void)snprintf(out->name, sizeof out->name, "%s", node->name);
}

static enum base_result see_node(void *ctx, const struct ledger_node *node)
{
	struct view *view = ctx;
	bool self = strcmp(node->name, view->share->options.node) == 0;
	show_node(view, node);
	if (node->token > view->newest_token)
		view->newest_token = node->token;
	if (node->state != LEDGER_LIVING || view->count == PORTION_NODES)
		return BASE_OK;
	if (!self && (view->rest == BASE_TIME_NONE || node->rest < view->rest))
		view->rest = node->rest;
	view->overdue = view->overdue || (!self && node->rest < 0);
	struct share_node *out = &view->nodes[view->count++];
	(void)snprintf(out->name, sizeof out->name, "%s", node->name);
	out->token = node->token;
	out->seen = node->holding.seen;
	out->portion = (struct portion_node){
	    .hash = hash_of(out->name), .target = node->holding.target, .held = (double)node->holding.feeds};
	const uint64_t what[] = {view->digest, out->portion.hash, node->token, node->listed};
	view->digest = base_hash64(no_key, what, sizeof what);
	return BASE_OK;
}

static enum base_result read_nodes(const struct share *share, struct view *view)
{
	*view = (struct view){.share = share, .rest = BASE_TIME_NONE};
	return ledger_nodes(share->options.ledger, see_node, view);
}

/* The numbers of nodes have changed: what is on its way to one keeps its name. */
static void renumber(struct share *share, const struct view *view)
{
	int numbers[PORTION_NODES];
	for (size_t i = 0; i < share->node_count; i++) {
		numbers[i] = PORTION_NOBODY;
		for (size_t k = 0; k < view->count; k++)
			if (strcmp(share->nodes[i].name, view->nodes[k].name) == 0)
				numbers[i] = (int)k;
	}
	for (size_t i = 0; i < share->count; i++)
		if (share->hosts[i].offered != PORTION_NOBODY)
			share->hosts[i].offered = numbers[share->hosts[i].offered];
}

static void take_view(struct share *share, const struct view *view)
{
	renumber(share, view);
	share->node_count = view->count;
	share->node_rest = view->rest;
	share->newest_token = view->newest_token;
	share->view = view->digest;
	for (size_t i = 0; i < view->count; i++) {
		share->nodes[i] = view->nodes[i];
		share->tokens[i] = view->nodes[i].token;
	}
	status_set(share->options.board, STATUS_CLUSTER_NODES, view->count);
	status_set_nodes(share->options.board, view->shown, view->shown_count);
}

bool share_portion_nodes(const struct share *share, struct portion *portion)
{
	bool found = false;
	for (size_t i = 0; i < share->node_count; i++) {
		portion->nodes[i] = share->nodes[i].portion;
		portion->nodes[i].settled = share->nodes[i].seen == share->view;
		if (share->nodes[i].token == atomic_load(&share->token)) {
			portion->self = i;
			found = true;
		}
	}
	portion->node_count = share->node_count;
	return found;
}

/* ---- the table brought up to date ------------------------------------------------------- */

static int node_of(const struct share *share, const char *name)
{
	for (size_t i = 0; name && i < share->node_count; i++)
		if (strcmp(share->nodes[i].name, name) == 0)
			return (int)i;
	return PORTION_NOBODY;
}

static bool stands(const struct share *share, uint64_t token)
{
	for (size_t i = 0; i < share->node_count; i++)
		if (share->tokens[i] == token)
			return true;
	return token > share->newest_token;
}

static void set_free(struct share *share, struct portion_host *host, const char *offered)
{
	if (host->holder != PORTION_FREE)
		host->since = share_now(share);
	host->holder = PORTION_FREE;
	host->offered = node_of(share, offered);
}

struct reading {
	struct share *share;
	size_t at; /* hosts come in the table's order */
};

static struct portion_host *next_host(struct reading *reading, const char *name)
{
	struct share *share = reading->share;
	int order = -1;
	while (reading->at < share->count && (order = strcmp(share->names[reading->at], name)) < 0)
		reading->at++;
	return reading->at < share->count && order == 0 ? &share->hosts[reading->at] : NULL;
}

static enum base_result see_lease(void *ctx, const struct ledger_lease *lease)
{
	struct reading *reading = ctx;
	struct portion_host *host = next_host(reading, lease->host);
	if (!host)
		return BASE_OK;
	host->listers = lease->listers;
	host->round = lease->differ;
	if (host->holder == PORTION_SELF)
		return BASE_OK; /* that is for this node alone to change */
	/* Its own, and it does not know: the answer to a take was lost. */
	bool lost = lease->token && lease->token == atomic_load(&reading->share->token);
	if (!lease->token || lost || !stands(reading->share, lease->token))
		set_free(reading->share, host, lease->offered);
	else
		host->holder = PORTION_OTHER;
	return BASE_OK;
}

static enum base_result read_all(struct share *share)
{
	struct reading reading = {.share = share};
	const char *living[PORTION_NODES];
	for (size_t i = 0; i < share->node_count; i++)
		living[i] = share->nodes[i].name;
	enum base_result result = ledger_leases(share->options.ledger, living, share->node_count, see_lease, &reading);
	if (!result)
		share->full_view = share->view;
	return result;
}

static enum base_result see_free(void *ctx, const struct ledger_lease *lease)
{
	struct reading *reading = ctx;
	struct share *share = reading->share;
	size_t before = reading->at;
	struct portion_host *host = next_host(reading, lease->host);
	/* What was free and was not named has been taken. */
	for (size_t i = before; i < reading->at; i++)
		if (share->hosts[i].holder == PORTION_FREE)
			share->hosts[i].holder = PORTION_OTHER;
	if (host && host->holder != PORTION_SELF)
		set_free(share, host, lease->offered);
	if (host)
		reading->at++;
	return BASE_OK;
}

static enum base_result read_free(struct share *share)
{
	struct reading reading = {.share = share};
	enum base_result result = ledger_free_leases(share->options.ledger, see_free, &reading);
	for (size_t i = reading.at; !result && i < share->count; i++)
		if (share->hosts[i].holder == PORTION_FREE)
			share->hosts[i].holder = PORTION_OTHER;
	return result;
}

enum base_result share_look(struct share *share)
{
	struct view *view = malloc(sizeof *view);
	size_t ended;
	if (!view)
		return BASE_NO_MEMORY;
	enum base_result result = read_nodes(share, view);
	if (!result && view->overdue) {
		result = ledger_bury(share->options.ledger, &ended);
		if (!result)
			result = read_nodes(share, view);
	}
	if (!result)
		take_view(share, view);
	free(view);
	if (result)
		return result;
	return share->view != share->full_view || share->doubtful ? read_all(share) : read_free(share);
}
