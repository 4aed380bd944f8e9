#include "sct.h"
