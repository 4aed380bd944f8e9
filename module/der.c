#include "der.h"
