/*
 * base: what every room stands on - results, time, memory, escaping, logging.
 *
 * Nothing here knows what a feed is. Functions are safe to call from any
 * thread as long as each object is used by one thread at a time; the queue and
 * the log are the two objects made to be shared.
 */
#ifndef WIREWATCH_BASE_H
#define WIREWATCH_BASE_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- results ---------------------------------------------------------- */

enum base_result {
	BASE_OK = 0,
	BASE_NO_MEMORY,   /* an allocation failed */
	BASE_LIMIT,       /* a bound on size, depth or number was reached */
	BASE_SYNTAX,      /* the bytes do not follow their format */
	BASE_UNSUPPORTED, /* well formed, but of a kind not handled */
	BASE_NOT_FOUND,   /* no such thing */
	BASE_INVALID,     /* an impossible value or combination was asked for */
	BASE_DENIED,      /* refused by policy or permission */
	BASE_BUSY,        /* not now; the same call may succeed later */
	BASE_TIMEOUT,     /* took longer than allowed */
	BASE_IO,          /* the operating system reported an error */
	BASE_NETWORK,     /* the other end, or the way to it, failed */
	BASE_DAMAGED,     /* stored data contradict themselves */
	BASE_STOPPED,     /* the work was given up because of a shutdown */
	BASE_LOST,        /* somebody else owns it by now */
	BASE_CHANGED,     /* somebody else was first: look again, then repeat the call */
};

/* A short lower-case phrase, never NULL: "out of memory". */
const char *base_result_text(enum base_result result);

/* One line saying what went wrong, for people. Always NUL-terminated. */
struct base_error {
	char text[512];
};

/*
 * Write the reason into err (may be NULL) and return result, so that a caller
 * can say `return base_fail(err, BASE_SYNTAX, "...")`. Foreign text in the
 * arguments needs no care: the finished line is escaped (base_escape).
 */
enum base_result base_fail(struct base_error *err, enum base_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- text and memory --------------------------------------------------- */

/* A stretch of bytes owned by somebody else. ptr == NULL means "missing". */
struct base_span {
	const char *ptr;
	size_t len;
};

#define BASE_NONE ((struct base_span){NULL, 0})

struct base_span base_span_of(const char *text); /* of a C string; NULL gives BASE_NONE */
bool base_span_equal(struct base_span a, struct base_span b);
bool base_span_is(struct base_span a, const char *text);
/* Without ASCII white space (space, \t \n \f \r) at both ends. */
struct base_span base_span_trim(struct base_span span);
/* ASCII case is ignored; other bytes must be equal. */
bool base_span_is_nocase(struct base_span a, const char *text);
bool base_span_starts(struct base_span a, const char *prefix);

/*
 * A growing byte buffer with a maximum. After a failed append the buffer keeps
 * what it had; `failed` stays set until base_buf_reset, so that a chain of
 * appends can be checked once at its end. data is always NUL-terminated
 * (the NUL is not counted) once anything was appended.
 */
struct base_buf {
	char *data;
	size_t len, cap, max;
	enum base_result failed; /* BASE_OK, BASE_LIMIT or BASE_NO_MEMORY */
};

void base_buf_init(struct base_buf *buf, size_t max);
void base_buf_free(struct base_buf *buf);  /* may be called on a zeroed buffer, and twice */
void base_buf_reset(struct base_buf *buf); /* length 0, memory kept */
enum base_result base_buf_reserve(struct base_buf *buf, size_t extra);
enum base_result base_buf_add(struct base_buf *buf, const void *bytes, size_t len);
enum base_result base_buf_add_span(struct base_buf *buf, struct base_span span);
enum base_result base_buf_add_text(struct base_buf *buf, const char *text);
enum base_result base_buf_add_char(struct base_buf *buf, char c);
enum base_result base_buf_printf(struct base_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct base_span base_buf_span(const struct base_buf *buf);
/* Hand the bytes over: the caller frees the returned pointer, the buffer is empty. */
char *base_buf_take(struct base_buf *buf, size_t *len);

/* A bump allocator: many small things that live and die together. */
struct base_arena;
enum base_result base_arena_new(size_t max, struct base_arena **out); /* max: bytes in all */
/* One block for what is to come, about size bytes; a hint. Memory that is never used costs nothing but addresses. */
enum base_result base_arena_reserve(struct base_arena *arena, size_t size);
/* Forgets everything in it and keeps the largest block, so that the like fits again without an allocation. */
void base_arena_reset(struct base_arena *arena);
void base_arena_free(struct base_arena *arena);                        /* NULL is fine */
/* Zeroed, aligned for any type; NULL when the maximum or memory is reached. */
void *base_arena_alloc(struct base_arena *arena, size_t size);
/* A NUL-terminated copy; BASE_NONE for BASE_NONE, and also when it does not fit. */
struct base_span base_arena_copy(struct base_arena *arena, struct base_span span);
size_t base_arena_used(const struct base_arena *arena);

/*
 * Make room for at least need items in a malloc'd array, doubling. *array and
 * *cap change only on success. need > max gives BASE_LIMIT.
 */
enum base_result base_grow(void *array, size_t *cap, size_t need, size_t item_size, size_t max);

/* Read a whole file of at most max bytes. The caller frees *bytes, which is NUL-terminated. */
enum base_result base_read_file(const char *path, size_t max, char **bytes, size_t *len, struct base_error *err);

/* ---- UTF-8 and escaping ------------------------------------------------ */

#define BASE_REPLACEMENT 0xFFFDu

/*
 * Decode the code point at the start of text[0..len), len > 0. Returns the
 * bytes used (1 to 4). Anything ill-formed (RFC 3629: overlong, surrogate,
 * beyond U+10FFFF, cut short) gives BASE_REPLACEMENT and *valid = false, using
 * the maximal subpart as Unicode recommends (ch. 3.9, table 3-8).
 */
size_t base_utf8_decode(const char *text, size_t len, uint32_t *code_point, bool *valid);
/* Encode into out; returns bytes written (1 to 4); what is no scalar value becomes U+FFFD. */
size_t base_utf8_encode(uint32_t code_point, char out[4]);
bool base_utf8_valid(const char *text, size_t len);
/* Number of code points; ill-formed subparts count one each. */
size_t base_utf8_count(const char *text, size_t len);
/* The longest prefix of at most max bytes that does not cut a code point. */
size_t base_utf8_clip(const char *text, size_t len, size_t max);

enum base_escape_style {
	BASE_ESCAPE_LINE,   /* safe as part of a log line or on a terminal */
	BASE_ESCAPE_QUOTED, /* the same, and safe between double quotes: \" and \\ too */
	BASE_ESCAPE_JSON,   /* for finished JSON in one line, which stays the same JSON: as RFC 8259 section 7 writes it */
};

/*
 * Append text with everything escaped that could break a line, move a cursor
 * or turn the reading direction: C0, DEL, C1, U+2028/2029, bidi controls
 * (U+061C, U+200E/F, U+202A-202E, U+2066-2069), U+FEFF, non-characters, as
 * \u00XX (\U0001XXXX beyond the BMP), \n \r \t by name, ill-formed bytes as \xXX.
 */
enum base_result base_escape(struct base_buf *buf, const char *text, size_t len, enum base_escape_style style);

/* ---- hashes ------------------------------------------------------------ */

#define BASE_SHA256_LEN 32
#define BASE_SHA256_HEX 65 /* with the NUL */

struct base_sha256 {
	uint32_t state[8];
	uint64_t total;
	uint8_t block[64];
};
void base_sha256_start(struct base_sha256 *sha);
void base_sha256_add(struct base_sha256 *sha, const void *bytes, size_t len);
void base_sha256_end(struct base_sha256 *sha, uint8_t digest[BASE_SHA256_LEN]);
/* Lower-case hex of len bytes, with a NUL; out holds 2 * len + 1. */
void base_hex(const uint8_t *bytes, size_t len, char *out);
/* SipHash-2-4 (Aumasson, Bernstein 2012) for hash tables that foreign bytes fill. */
uint64_t base_hash64(const uint64_t key[2], const void *bytes, size_t len);
#define BASE_HASH128_LEN 16
/* SipHash-2-4 with an output of 128 bits: for names that must not clash where nobody gains by a clash. */
void base_hash128(const uint64_t key[2], const void *bytes, size_t len, uint8_t out[BASE_HASH128_LEN]);
/*
 * Tells documents apart that nobody made to be mistaken for each other, where the one who could is only fooling himself:
 * no accident makes two alike. The same on every machine; ledgers keep it, so when it is made otherwise each document is
 * read once more.
 */
void base_sum128(const void *bytes, size_t len, uint8_t out[BASE_HASH128_LEN]);
/* Bytes from the kernel's generator; used for epochs, hash keys and jitter. */
enum base_result base_random(void *out, size_t len);

/* ---- time -------------------------------------------------------------- */

/* All times are microseconds; wall times count from 1970-01-01T00:00:00Z. */
typedef int64_t base_time;

#define BASE_TIME_NONE INT64_MIN /* "no time known" */
#define BASE_SECOND ((base_time)1000000)
#define BASE_MINUTE (60 * BASE_SECOND)
#define BASE_HOUR (60 * BASE_MINUTE)
#define BASE_DAY (24 * BASE_HOUR)

struct base_clock;
enum base_result base_clock_new_system(struct base_clock **out);
/* A clock that moves only when told to; both its times start at start. */
enum base_result base_clock_new_simulated(base_time start, struct base_clock **out);
void base_clock_free(struct base_clock *clock);
base_time base_clock_wall(const struct base_clock *clock);
base_time base_clock_monotonic(const struct base_clock *clock); /* never goes back, unknown origin */
base_time base_clock_boot(const struct base_clock *clock); /* the same, and it goes on while the machine sleeps */
void base_clock_advance(struct base_clock *clock, base_time by); /* simulated clocks only */

#define BASE_RFC3339_LEN 48
/* "2026-02-03T04:05:06Z" (or with .123456 when micros is true); years 0000 to 9999, else "". */
void base_time_format(base_time time, bool micros, char out[BASE_RFC3339_LEN]);
/* Days since 1970-01-01 of a proleptic Gregorian date; month 1-12, day 1-31. */
int64_t base_days_from_civil(int64_t year, int month, int day);
/* "2h", "90s", "1d12h": a positive duration with units s m h d w; *out in microseconds. */
enum base_result base_duration_parse(const char *text, size_t len, base_time *out);

/* ---- log --------------------------------------------------------------- */

enum base_level { BASE_DEBUG, BASE_INFO, BASE_NOTICE, BASE_WARNING, BASE_ERROR };

enum base_result base_level_parse(const char *text, enum base_level *out);
int base_level_syslog(enum base_level level); /* 7 6 5 4 3, as in RFC 5424 section 6.2.1 */

struct base_log;
/* Called with one finished, escaped line without newline; must not block, may come from any thread. */
typedef void base_log_sink(void *ctx, enum base_level level, const char *line, size_t len);

/* Whether stderr is a stream of the systemd journal ($JOURNAL_STREAM names it). */
bool base_log_to_journal(void);
/* sink == NULL: lines go to stderr, with <N> priorities when stderr is the journal. */
enum base_result base_log_new(enum base_level least, base_log_sink *sink, void *ctx, struct base_log **out);
void base_log_free(struct base_log *log);
/* Give lines from least up to a second sink too; before other threads log. */
void base_log_also(struct base_log *log, enum base_level least, base_log_sink *sink, void *ctx);
/*
 * Log one line "context: message". context says what it is about (a feed's
 * name, a room) and may be NULL; both are escaped as a whole, lines are
 * clipped at 2 KiB. log may be NULL: nothing happens.
 */
void base_log(struct base_log *log, enum base_level level, const char *context, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * For failures that repeat: says the first, then the 2nd, 4th, 8th ... with a
 * count, and one line when it is over. Zero-initialise.
 */
struct base_complaint {
	uint64_t count;
	base_time since;
};
/* True when this failure is one to be said. */
bool base_complain(struct base_complaint *complaint, base_time now);
/* The failures since the first, or 0 if there were none; resets. */
uint64_t base_recover(struct base_complaint *complaint);

/* ---- problems with files people write ---------------------------------- */

/* Everything wrong in configuration, feed lists and rules, said in one go. */
struct base_problems;
enum base_result base_problems_new(struct base_problems **out);
void base_problems_free(struct base_problems *problems);
/* line 0: concerns the file as a whole. Kept in the order added; at most 1,000. */
void base_problem(struct base_problems *problems, const char *file, size_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/*
 * Show where the last problem added is: the row of the file it concerns, of
 * which the first `lead` bytes stand before the mistake. Call it right after
 * base_problem; without it a problem has no quote.
 */
void base_problem_quote(struct base_problems *problems, struct base_span row, size_t lead);
size_t base_problems_count(const struct base_problems *problems);
/* "file:line: message" (or "file: message"), escaped; valid as long as problems. */
const char *base_problems_at(const struct base_problems *problems, size_t index);
/* Two lines for a terminal, the row and below it a ^ under the mistake, escaped; NULL if there is no quote. */
const char *base_problems_quote_at(const struct base_problems *problems, size_t index);

/* ---- hash table --------------------------------------------------------- */

/*
 * What it holds begins with a node, whose hash is set before base_table_put;
 * it belongs to its owner. Zero-initialise; use base_hash64 with a random key
 * for what others can choose.
 */
struct base_table_node {
	struct base_table_node *next;
	uint64_t hash;
};

struct base_table {
	struct base_table_node **chains;
	size_t chain_count, count;
};

typedef bool base_table_is_fn(const struct base_table_node *node, const void *key);
enum base_result base_table_put(struct base_table *table, struct base_table_node *node);
struct base_table_node *base_table_find(const struct base_table *table, uint64_t hash, base_table_is_fn *is, const void *key);
void base_table_remove(struct base_table *table, struct base_table_node *node); /* which must be in it */
/* All in no order; take the next one before you remove one. NULL: no more. */
struct base_table_node *base_table_first(const struct base_table *table);
struct base_table_node *base_table_next(const struct base_table *table, const struct base_table_node *node);
void base_table_free(struct base_table *table); /* not what it holds */

/* ---- what is due next ---------------------------------------------------- */

/* What it holds has a node of its own, zero-initialised, and belongs to its owner. Zero-initialise the heap, too. */
struct base_heap_node {
	base_time at;
	size_t place; /* 0: in no heap */
};

struct base_heap_entry {
	base_time at; /* as the node has it: to look at those on the way would cost a cache miss each */
	struct base_heap_node *node;
};

struct base_heap {
	struct base_heap_entry *entries;
	size_t count, cap;
};

enum base_result base_heap_reserve(struct base_heap *heap, size_t count); /* room for so many */
void base_heap_set(struct base_heap *heap, struct base_heap_node *node, base_time at); /* put in or moved; there must be room */
void base_heap_remove(struct base_heap *heap, struct base_heap_node *node);            /* if it is in */
struct base_heap_node *base_heap_first(const struct base_heap *heap);                  /* the earliest; NULL: empty */
void base_heap_free(struct base_heap *heap);

/* ---- threads ------------------------------------------------------------ */

typedef void *base_thread_fn(void *arg);
/* A thread that takes no signals: those are for the main thread. */
enum base_result base_thread_start(pthread_t *thread, base_thread_fn *run, void *arg);

/* ---- queue between threads ---------------------------------------------- */

/*
 * A bounded queue of pointers with a file descriptor that is readable while
 * something is in it (for an event loop or poll). Any thread may push or pop.
 */
struct base_queue;
enum base_result base_queue_new(size_t max, struct base_queue **out);
void base_queue_free(struct base_queue *queue); /* what is still in it is the caller's to drain first */
enum base_result base_queue_push(struct base_queue *queue, void *item); /* BASE_BUSY when full */
void *base_queue_pop(struct base_queue *queue); /* NULL when empty; never waits */
size_t base_queue_len(const struct base_queue *queue);
int base_queue_fd(const struct base_queue *queue);

#endif
