/*
 * setting: one setting of the daemon's configuration, whatever else is in it.
 */
#ifndef WIREWATCH_CLIENT_SETTING_H
#define WIREWATCH_CLIENT_SETTING_H

#include "wirewatch/base.h"

/*
 * A setting of one value, such as "ledger", as the file writes it, else its
 * default. The rest of the file need only be YAML; files it names are not read.
 * The caller frees. NULL: *err says why.
 */
char *client_setting(const char *config, const char *key, struct base_error *err);

#endif
