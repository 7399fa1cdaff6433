/* Rules at first demand. */
#include "rulebook.h"

#include <pthread.h>
#include <stdlib.h>

struct rulebook {
	pthread_mutex_t lock; /* of all below */
	struct conf *conf; /* whose rule files are still to be read, or NULL */
	const struct match_rules *rules;
	struct match_rules *own; /* the same, if they were read here */
	enum base_result failed;
	struct base_problems *problems;
	struct base_log *log;
};

enum base_result rulebook_new(const struct load *loaded, struct base_problems *problems, struct base_log *log,
                              struct rulebook **out)
{
	struct rulebook *book = calloc(1, sizeof *book);
	if (!book)
		return BASE_NO_MEMORY;
	if (pthread_mutex_init(&book->lock, NULL)) {
		free(book);
		return BASE_NO_MEMORY;
	}
	book->conf = loaded->rules ? NULL : loaded->conf;
	book->rules = loaded->rules;
	book->problems = problems;
	book->log = log;
	*out = book;
	return BASE_OK;
}

static void read_rules(struct rulebook *book)
{
	struct conf *conf = book->conf;
	book->conf = NULL;
	book->failed = load_rules(conf, book->problems, &book->own);
	book->rules = book->own;
	if (book->failed)
		base_log(book->log, BASE_ERROR, "rules", "cannot be used, so what is new cannot be read: %zu mistakes",
		         base_problems_count(book->problems));
	else
		base_log(book->log, BASE_INFO, "rules", "read: %zu rules, %zu terms", match_rules_count(book->rules),
		         match_terms_count(book->rules));
}

enum base_result rulebook_open(struct rulebook *book, const struct match_rules **rules)
{
	(void)pthread_mutex_lock(&book->lock);
	if (book->conf)
		read_rules(book);
	enum base_result result = book->failed;
	if (!result)
		*rules = book->rules;
	(void)pthread_mutex_unlock(&book->lock);
	return result;
}

enum base_result rulebook_failed(const struct rulebook *book)
{
	return book ? book->failed : BASE_OK;
}

void rulebook_free(struct rulebook *book)
{
	if (!book)
		return;
	match_rules_free(book->own);
	(void)pthread_mutex_destroy(&book->lock);
	free(book);
}
