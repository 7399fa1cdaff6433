/*
 * The commands of `wirewatch`. Each gets its own argv (argv[0] is its name)
 * and returns an exit code. Data goes to stdout, talk to stderr.
 */
#ifndef WIREWATCH_CLIENT_H
#define WIREWATCH_CLIENT_H

enum client_exit { CLIENT_DONE = 0, CLIENT_FAILED = 1, CLIENT_USAGE = 2 };

int client_tail(int argc, char **argv);
int client_match(int argc, char **argv);
int client_rules(int argc, char **argv);
int client_score(int argc, char **argv);
int client_parse(int argc, char **argv);
int client_feeds(int argc, char **argv);
int client_status(int argc, char **argv);
int client_check_feeds(int argc, char **argv);
int client_import(int argc, char **argv);
int client_export(int argc, char **argv);
int client_backup(int argc, char **argv);
int client_migrate(int argc, char **argv);
int client_keygen(int argc, char **argv);

#endif
