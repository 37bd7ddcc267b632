#include "fleet/api/https_server.h"
