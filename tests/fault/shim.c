/*
 * shim: an object to preload that makes the n-th call of a kind fail in a
 * running program. A test maps the same control file and arms it; nothing
 * fails, and little is done, while it is not armed.
 */
#include "config.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PLACES_BYTES 3072
#define CALLERS_MAX 24
#define EARLY_BYTES 4096

enum kind { OFF, MEMORY, WRITE, SYNC, OPEN, CURL_CALL, FILE_WRITE /* pwrite and ftruncate alone */, SLEEP };

/* As shim.py writes it, little endian, at these offsets. */
struct control {
	_Atomic uint32_t kind;  /* what is counted; OFF: nothing */
	_Atomic uint32_t alien; /* 1: calls of libzmq and of the C++ library alone; 0: calls of all others */
	_Atomic uint64_t nth;   /* which one fails */
	_Atomic uint64_t count; /* counted so far */
	_Atomic uint32_t fired;
	_Atomic uint32_t number; /* not 0: all calls from the n-th on fail with this errno */
	char places[PLACES_BYTES]; /* who called: "object+offset" lines */
};

static struct control *control;

/* libzmq aborts by its own assertions, so its calls are told from others by the caller's address. */
struct range {
	uintptr_t start, end;
};
static struct range alien[16];
static size_t alien_count;

/* dlsym allocates before malloc is known. */
static char early[EARLY_BYTES];
static size_t early_used;

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_ftruncate64)(int, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_nanosleep)(const struct timespec *, struct timespec *);
static int (*real_open)(const char *, int, ...);
static int (*real_open64)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static CURLMcode (*real_socket_action)(CURLM *, curl_socket_t, int, int *);
static CURLMcode (*real_add_handle)(CURLM *, CURL *);
static CURL *(*real_easy_init)(void);
static CURLcode (*real_setopt)(CURL *, CURLoption, ...);
static struct curl_slist *(*real_slist_append)(struct curl_slist *, const char *);

/* A function pointer out of dlsym, the way POSIX tells to. */
#define FIND(name, symbol)                                                                                             \
	do {                                                                                                               \
		void *found = dlsym(RTLD_NEXT, symbol);                                                                        \
		memcpy(&real_##name, &found, sizeof found);                                                                    \
	} while (0)

static int find_alien(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size, (void)ctx;
	if (!strstr(info->dlpi_name, "libzmq") && !strstr(info->dlpi_name, "libstdc++"))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum && alien_count < sizeof alien / sizeof alien[0]; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		if (part->p_type == PT_LOAD && (part->p_flags & PF_X)) {
			uintptr_t start = info->dlpi_addr + part->p_vaddr;
			alien[alien_count++] = (struct range){start, start + part->p_memsz};
		}
	}
	return 0;
}

static bool is_alien(const void *caller)
{
	uintptr_t address = (uintptr_t)caller;
	for (size_t i = 0; i < alien_count; i++)
		if (address >= alien[i].start && address < alien[i].end)
			return true;
	return false;
}

/* Libraries that are set up before us call what we stand before, so the first call of any finds them all. */
static void find_all(void)
{
	static bool finding;
	if (finding)
		return;
	finding = true;
	FIND(malloc, "malloc");
	FIND(calloc, "calloc");
	FIND(realloc, "realloc");
	FIND(write, "write");
	FIND(pwrite, "pwrite");
	FIND(pwrite64, "pwrite64");
	FIND(ftruncate, "ftruncate");
	FIND(ftruncate64, "ftruncate64");
	FIND(fsync, "fsync");
	FIND(fdatasync, "fdatasync");
	FIND(nanosleep, "nanosleep");
	FIND(open, "open");
	FIND(open64, "open64");
	FIND(openat, "openat");
	FIND(socket_action, "curl_multi_socket_action");
	FIND(add_handle, "curl_multi_add_handle");
	FIND(easy_init, "curl_easy_init");
	FIND(setopt, "curl_easy_setopt");
	FIND(slist_append, "curl_slist_append");
}

__attribute__((constructor)) static void set_up(void)
{
	void *callers[2];
	const char *path = getenv("WW_FAULT_CONTROL");
	find_all();
	(void)backtrace(callers, 2); /* loads what it needs now, not in the middle of a malloc */
	(void)dl_iterate_phdr(find_alien, NULL);
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (map != MAP_FAILED)
		control = map;
}

static void note_places(void)
{
	void *callers[CALLERS_MAX];
	int count = backtrace(callers, CALLERS_MAX);
	size_t used = 0;
	for (int i = 2; i < count && used < PLACES_BYTES - 128; i++) {
		Dl_info info;
		if (!dladdr(callers[i], &info) || !info.dli_fname)
			continue;
		int len = snprintf(control->places + used, PLACES_BYTES - used, "%.80s+0x%zx\n", info.dli_fname,
		                   (size_t)((char *)callers[i] - (char *)info.dli_fbase - 1));
		used += len > 0 ? (size_t)len : 0;
	}
}

/* Whether this call is the one to fail. */
static bool fails(enum kind kind, const void *caller)
{
	static _Thread_local bool inside;
	if (!control || inside || atomic_load_explicit(&control->kind, memory_order_relaxed) != (uint32_t)kind)
		return false;
	if (is_alien(caller) != (atomic_load(&control->alien) == 1))
		return false;
	uint64_t count = atomic_fetch_add(&control->count, 1) + 1, nth = atomic_load(&control->nth);
	if (count < nth || (count > nth && !atomic_load(&control->number)))
		return false;
	if (count > nth)
		return true;
	inside = true;
	note_places();
	inside = false;
	atomic_store(&control->fired, 1);
	return true;
}

#define CALLER __builtin_return_address(0)

/* ---- memory ------------------------------------------------------------------- */

static void *early_memory(size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (size > sizeof early - early_used)
		return NULL;
	void *memory = early + early_used;
	early_used += size;
	return memory;
}

void *malloc(size_t size)
{
	if (!real_malloc)
		find_all();
	if (!real_malloc)
		return early_memory(size);
	if (!fails(MEMORY, CALLER))
		return real_malloc(size);
	errno = ENOMEM;
	return NULL;
}

void *calloc(size_t count, size_t size)
{
	if (!real_calloc)
		find_all();
	if (!real_calloc)
		return early_memory(count * size);
	if (!fails(MEMORY, CALLER))
		return real_calloc(count, size);
	errno = ENOMEM;
	return NULL;
}

void *realloc(void *old, size_t size)
{
	if (!real_realloc)
		find_all();
	if (!fails(MEMORY, CALLER))
		return real_realloc(old, size);
	errno = ENOMEM;
	return NULL;
}

/* ---- files ---------------------------------------------------------------------- */

#define FAIL_WITH(kind, default_number)                                                                                \
	if (!real_malloc)                                                                                                  \
		find_all();                                                                                                    \
	if (fails(kind, CALLER)) {                                                                                         \
		errno = atomic_load(&control->number) ? (int)atomic_load(&control->number) : (default_number);                 \
		return -1;                                                                                                     \
	}

ssize_t write(int fd, const void *bytes, size_t len)
{
	FAIL_WITH(WRITE, ENOSPC)
	return real_write(fd, bytes, len);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	FAIL_WITH(WRITE, ENOSPC)
	FAIL_WITH(FILE_WRITE, ENOSPC)
	return real_pwrite(fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	FAIL_WITH(WRITE, ENOSPC)
	FAIL_WITH(FILE_WRITE, ENOSPC)
	return real_pwrite64(fd, bytes, len, at);
}

int ftruncate(int fd, off_t len)
{
	FAIL_WITH(WRITE, EIO)
	FAIL_WITH(FILE_WRITE, EIO)
	return real_ftruncate(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
	FAIL_WITH(WRITE, EIO)
	FAIL_WITH(FILE_WRITE, EIO)
	return real_ftruncate64(fd, len);
}

int fsync(int fd)
{
	FAIL_WITH(SYNC, EIO)
	return real_fsync(fd);
}

int fdatasync(int fd)
{
	FAIL_WITH(SYNC, EIO)
	return real_fdatasync(fd);
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	FAIL_WITH(OPEN, EMFILE)
	return real_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	FAIL_WITH(OPEN, EMFILE)
	return real_open64(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	FAIL_WITH(OPEN, EMFILE)
	return real_openat(folder, path, flags, mode);
}

/* ---- time: to fail is to sleep no longer ------------------------------------------- */

int nanosleep(const struct timespec *span, struct timespec *left)
{
	FAIL_WITH(SLEEP, EINTR)
	return real_nanosleep(span, left);
}

/* ---- libcurl, as called by the program ------------------------------------------- */

#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
	va_list args;
	va_start(args, option);
	void *value = va_arg(args, void *); /* a long, a pointer or a function: one register in each of our ABIs */
	va_end(args);
	return fails(CURL_CALL, CALLER) ? CURLE_OUT_OF_MEMORY : real_setopt(easy, option, value);
}

CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int events, int *running)
{
	return fails(CURL_CALL, CALLER) ? CURLM_OUT_OF_MEMORY : real_socket_action(multi, fd, events, running);
}

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy)
{
	return fails(CURL_CALL, CALLER) ? CURLM_OUT_OF_MEMORY : real_add_handle(multi, easy);
}

CURL *curl_easy_init(void)
{
	return fails(CURL_CALL, CALLER) ? NULL : real_easy_init();
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
	return fails(CURL_CALL, CALLER) ? NULL : real_slist_append(list, text);
}
