/*
 * load_document: the feeds that the load server shows. RSS 2.0 of invented
 * news, the same bytes for the same feed, version and start; one entry in
 * fifty reports that a delivery was halted, so that alerts are made too.
 */
#ifndef LOAD_DOCUMENT_H
#define LOAD_DOCUMENT_H

#include <stddef.h>
#include <time.h>

#define LOAD_NEW_ENTRIES 2 /* that each version brings */

struct load_documents;

/* entries: in a document; entry_bytes: of text in each, about. start: the newest entry's date. NULL: no memory. */
struct load_documents *load_documents_new(size_t entries, size_t entry_bytes, time_t start);
void load_documents_free(struct load_documents *documents);
/* The most bytes a document can have. */
size_t load_documents_most(const struct load_documents *documents);
/* Writes a document to out, which has room for the most; returns its length. */
size_t load_documents_write(const struct load_documents *documents, size_t feed, size_t version, char *out);

#endif
