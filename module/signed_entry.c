#include "signed_entry.h"
