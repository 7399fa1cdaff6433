/* `wirewatch tail` alone, for tests. */
#include "../../../client/client.h"

int main(int argc, char **argv)
{
	return client_tail(argc, argv);
}
