/*
 * sockets: which of libcurl's descriptors the event loop watches, and for
 * what. Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_SOCKETS_H
#define WIREWATCH_FETCH_SOCKETS_H

#include <curl/curl.h>

struct fetch;
/* CURLMOPT_SOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION; the context is the struct fetch. */
int fetch_on_watch(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known);
int fetch_on_close(void *ctx, curl_socket_t fd);
/* A descriptor that CURLOPT_OPENSOCKETFUNCTION gives to libcurl, so that fetch_on_close will tell of its end. */
void fetch_socket_opened(struct fetch *fetch, curl_socket_t fd);
/* Forgets them all, whoever has them open. */
void fetch_sockets_drop(struct fetch *fetch);

#endif
