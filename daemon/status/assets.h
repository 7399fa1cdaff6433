/*
 * assets: the files of the page for people, made part of the program by scripts/embed. Private to the room status.
 */
#ifndef WIREWATCH_STATUS_ASSETS_H
#define WIREWATCH_STATUS_ASSETS_H

#include <stddef.h>

struct status_asset {
	const char *path, *type; /* as asked for; its media type */
	const unsigned char *bytes;
	size_t len;
};
extern const struct status_asset status_assets[];
extern const size_t status_asset_count;

#endif
