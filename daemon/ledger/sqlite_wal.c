/*
 * The write-ahead log in few writes. SQLite writes each page as two, a header
 * of 24 bytes and 4 KiB, some 70 pages for a group of polls; they follow each
 * other, so they are gathered and go out in pieces of 64 KiB: a quarter less
 * of what a poll costs in the kernel. When SQLite asks for a sync, all is
 * written before it, so what a commit promises is as it was.
 */
#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM ((size_t)64 << 10)

/* A log that is open; the file below it follows in the same piece of memory. */
struct wal {
	sqlite3_file base;
	sqlite3_file *real;
	sqlite3_int64 at; /* where in the file the bytes that wait belong */
	size_t waiting;
	char *bytes; /* ROOM of them */
};

struct sqlite_layer {
	sqlite3_vfs vfs; /* SQLite's default one, but for opening */
	sqlite3_vfs *real;
	char name[40];
};

static struct wal *of(sqlite3_file *file)
{
	return (struct wal *)(void *)file;
}

/* What could not be written waits on: the transaction may live, and nothing must be read that is not there. */
static int write_out(struct wal *wal)
{
	int code = SQLITE_OK;
	if (wal->waiting)
		code = wal->real->pMethods->xWrite(wal->real, wal->bytes, (int)wal->waiting, wal->at);
	if (!code)
		wal->waiting = 0;
	return code;
}

static int wal_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 at)
{
	struct wal *wal = of(file);
	size_t len = (size_t)amount;
	if (at != wal->at + (sqlite3_int64)wal->waiting || len > ROOM - wal->waiting) {
		int code = write_out(wal);
		wal->waiting = 0; /* if it failed, SQLite takes the transaction back and asks for none of it again */
		if (code)
			return code;
		wal->at = at;
	}
	if (len > ROOM)
		return wal->real->pMethods->xWrite(wal->real, bytes, amount, at);
	memcpy(wal->bytes + wal->waiting, bytes, len);
	wal->waiting += len;
	return SQLITE_OK;
}

static int wal_close(sqlite3_file *file)
{
	struct wal *wal = of(file);
	int code = write_out(wal), closed = wal->real->pMethods->xClose(wal->real);
	sqlite3_free(wal->bytes);
	return code ? code : closed;
}

static int wal_read(sqlite3_file *file, void *bytes, int amount, sqlite3_int64 at)
{
	struct wal *wal = of(file);
	int code = write_out(wal);
	return code ? code : wal->real->pMethods->xRead(wal->real, bytes, amount, at);
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct wal *wal = of(file);
	int code = write_out(wal);
	return code ? code : wal->real->pMethods->xTruncate(wal->real, size);
}

static int wal_sync(sqlite3_file *file, int flags)
{
	struct wal *wal = of(file);
	int code = write_out(wal);
	wal->waiting = 0; /* SQLite takes the transaction back: its end must not get into the file any more */
	return code ? code : wal->real->pMethods->xSync(wal->real, flags);
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *size)
{
	struct wal *wal = of(file);
	int code = write_out(wal);
	return code ? code : wal->real->pMethods->xFileSize(wal->real, size);
}

static int wal_lock(sqlite3_file *file, int lock)
{
	return of(file)->real->pMethods->xLock(of(file)->real, lock);
}

static int wal_unlock(sqlite3_file *file, int lock)
{
	return of(file)->real->pMethods->xUnlock(of(file)->real, lock);
}

static int wal_is_reserved(sqlite3_file *file, int *out)
{
	return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, out);
}

static int wal_control(sqlite3_file *file, int what, void *argument)
{
	return of(file)->real->pMethods->xFileControl(of(file)->real, what, argument);
}

static int wal_sector(sqlite3_file *file)
{
	return of(file)->real->pMethods->xSectorSize(of(file)->real);
}

static int wal_traits(sqlite3_file *file)
{
	return of(file)->real->pMethods->xDeviceCharacteristics(of(file)->real);
}

static const sqlite3_io_methods methods = {
	.iVersion = 1, /* no shared memory and no mapping: what comes later is asked of the database's file alone */
	.xClose = wal_close,
	.xRead = wal_read,
	.xWrite = wal_write,
	.xTruncate = wal_truncate,
	.xSync = wal_sync,
	.xFileSize = wal_size,
	.xLock = wal_lock,
	.xUnlock = wal_unlock,
	.xCheckReservedLock = wal_is_reserved,
	.xFileControl = wal_control,
	.xSectorSize = wal_sector,
	.xDeviceCharacteristics = wal_traits,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
	sqlite3_vfs *real = ((struct sqlite_layer *)(void *)vfs)->real;
	if (!(flags & SQLITE_OPEN_WAL))
		return real->xOpen(real, name, file, flags, flags_out);
	struct wal *wal = of(file);
	wal->real = (sqlite3_file *)(void *)(wal + 1);
	wal->at = 0;
	wal->waiting = 0;
	wal->base.pMethods = NULL; /* then it is not closed */
	wal->bytes = sqlite3_malloc64(ROOM);
	if (!wal->bytes)
		return SQLITE_NOMEM;
	int code = real->xOpen(real, name, wal->real, flags, flags_out);
	if (wal->real->pMethods)
		wal->base.pMethods = &methods;
	else
		sqlite3_free(wal->bytes);
	return code;
}

enum base_result sqlite_layer_new(struct sqlite_layer **out)
{
	struct sqlite_layer *layer = calloc(1, sizeof *layer);
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);
	if (!layer || !real) {
		free(layer);
		return BASE_NO_MEMORY;
	}
	(void)snprintf(layer->name, sizeof layer->name, "wirewatch-%p", (void *)layer);
	layer->vfs = *real;
	layer->real = real;
	layer->vfs.szOsFile += (int)sizeof(struct wal);
	layer->vfs.pNext = NULL;
	layer->vfs.zName = layer->name;
	layer->vfs.xOpen = open_file;
	if (sqlite3_vfs_register(&layer->vfs, 0)) {
		free(layer);
		return BASE_NO_MEMORY;
	}
	*out = layer;
	return BASE_OK;
}

void sqlite_layer_free(struct sqlite_layer *layer)
{
	if (layer)
		(void)sqlite3_vfs_unregister(&layer->vfs);
	free(layer);
}

const char *sqlite_layer_name(const struct sqlite_layer *layer)
{
	return layer->name;
}
