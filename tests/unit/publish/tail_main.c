/* `wirewatch tail` and `wirewatch keygen` without the other commands, for tests. */
#include <string.h>

#include "../../../client/client.h"

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "keygen") == 0)
		return client_keygen(argc - 1, argv + 1);
	return client_tail(argc, argv);
}
