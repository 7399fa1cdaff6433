/* `wirewatch match` alone, for tests that need no other command. */
#include "../../../client/client.h"

int main(int argc, char **argv)
{
	return client_match(argc, argv);
}
