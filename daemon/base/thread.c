/* Threads that leave signals to the main thread, whose event loop waits for them. */
#include "wirewatch/base.h"

#include <signal.h>

enum base_result base_thread_start(pthread_t *thread, base_thread_fn *run, void *arg)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before)) /* inherited by the thread */
		return BASE_INVALID;
	int failed = pthread_create(thread, NULL, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed ? BASE_NO_MEMORY : BASE_OK;
}
