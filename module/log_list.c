#include "log_list.h"
