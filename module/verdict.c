#include <clientct/clientct.h>
