/* The event classes, their names and their CAMEO codes. */
#include <string.h>

#include "wirewatch/match.h"

static const struct {
	const char *text, *cameo;
} classes[MATCH_CLASS_COUNT] = {
    [MATCH_DELIVERY] = {"delivery", "072"}, [MATCH_PLEDGE] = {"pledge", "0332"},
    [MATCH_PAUSE] = {"pause", "1622"},      [MATCH_RESUME] = {"resume", "070"},
    [MATCH_REQUEST] = {"request", "0232"},  [MATCH_REFUSAL] = {"refusal", "1222"},
    [MATCH_SALE] = {"sale", "062"},         [MATCH_PRODUCTION] = {"production", "062"},
};

const char *match_class_text(enum match_class class)
{
	return classes[class].text;
}

const char *match_class_cameo(enum match_class class)
{
	return classes[class].cameo;
}

enum base_result match_class_parse(const char *text, enum match_class *out)
{
	for (size_t i = 0; i < MATCH_CLASS_COUNT; i++) {
		if (strcmp(classes[i].text, text) == 0) {
			*out = (enum match_class)i;
			return BASE_OK;
		}
	}
	return BASE_NOT_FOUND;
}
