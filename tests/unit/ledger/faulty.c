/*
 * Failures on demand: a VFS that passes everything on (vfs.html), and
 * allocators before SQLite's and jansson's own.
 */
#include "faulty.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct file {
	sqlite3_file base;
	_Alignas(8) unsigned char real[];
};

static sqlite3_vfs *real_vfs;
static long left;
static int failure;
static bool stays, struck;

void faulty_arm(long n, int code, bool lasting)
{
	left = n;
	failure = code;
	stays = lasting;
	struck = false;
}

bool faulty_struck(void)
{
	return struck;
}

static int strike(void)
{
	if (left == 0 || --left > 0)
		return SQLITE_OK;
	struck = true;
	left = stays ? 1 : 0;
	return failure;
}

static sqlite3_file *real(sqlite3_file *file)
{
	return (sqlite3_file *)(void *)((struct file *)(void *)file)->real;
}

static int file_close(sqlite3_file *file)
{
	return real(file)->pMethods ? real(file)->pMethods->xClose(real(file)) : SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
	return real(file)->pMethods->xRead(real(file), bytes, len, at);
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	int code = strike();
	/* A failing disk may have taken half of it. */
	if (code)
		(void)real(file)->pMethods->xWrite(real(file), bytes, len / 2, at);
	return code ? code : real(file)->pMethods->xWrite(real(file), bytes, len, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int code = strike();
	return code ? code : real(file)->pMethods->xTruncate(real(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
	int code = strike();
	return code ? (code == SQLITE_FULL ? SQLITE_IOERR_FSYNC : code) : real(file)->pMethods->xSync(real(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real(file)->pMethods->xFileSize(real(file), size);
}

static int file_lock(sqlite3_file *file, int lock)
{
	return real(file)->pMethods->xLock(real(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
	return real(file)->pMethods->xUnlock(real(file), lock);
}

static int file_check_lock(sqlite3_file *file, int *out)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), out);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
	return real(file)->pMethods->xFileControl(real(file), operation, argument);
}

static int file_sector(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

static int file_device(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static const sqlite3_io_methods methods = {
	.iVersion = 1, /* no shared memory: the ledger must do without */
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_device,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	(void)vfs;
	file->pMethods = NULL;
	int code = strike();
	if (code)
		return SQLITE_CANTOPEN;
	code = real_vfs->xOpen(real_vfs, name, real(file), flags, out_flags);
	if (!code)
		file->pMethods = &methods;
	return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	int code = strike();
	return code ? SQLITE_IOERR_DELETE : real_vfs->xDelete(real_vfs, name, sync);
}

/* ---- memory ------------------------------------------------------------------ */

static sqlite3_mem_methods real_memory;
static long memory_left;

void faulty_arm_memory(long n)
{
	memory_left = n;
	struck = false;
}

static bool memory_strikes(void)
{
	if (memory_left == 0 || --memory_left > 0)
		return false;
	struck = true;
	return true;
}

static void *sqlite_allocate(int size)
{
	return memory_strikes() ? NULL : real_memory.xMalloc(size);
}

static void *sqlite_reallocate(void *old, int size)
{
	return memory_strikes() ? NULL : real_memory.xRealloc(old, size);
}

static void *json_allocate(size_t size)
{
	return memory_strikes() ? NULL : malloc(size);
}

static int install_memory(void)
{
	int code = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
	sqlite3_mem_methods memory = real_memory;
	memory.xMalloc = sqlite_allocate;
	memory.xRealloc = sqlite_reallocate;
	json_set_alloc_funcs(json_allocate, free);
	return code ? code : sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
}

int faulty_install(void)
{
	static sqlite3_vfs vfs;
	if (install_memory())
		return -1;
	real_vfs = sqlite3_vfs_find(NULL);
	if (!real_vfs)
		return -1;
	vfs = *real_vfs; /* what is not replaced works on names, and is told the real layer's data */
	vfs.zName = "faulty";
	vfs.pNext = NULL;
	vfs.szOsFile = (int)offsetof(struct file, real) + real_vfs->szOsFile;
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	return sqlite3_vfs_register(&vfs, 1);
}
