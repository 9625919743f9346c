#ifndef TOWPATH_TESTS_C_WALK_H
#define TOWPATH_TESTS_C_WALK_H
/* The parts of a walk through the C interface, and how they check what they see. */

#include <stdbool.h>
#include <stdio.h>

#include "towpath/towpath.h"

#define WATCHDOG INT64_C(120000000000)
#define REQUIRE(condition) require((condition), #condition, __LINE__)
#define OK(call) require((call) == TOW_OK, #call, __LINE__)

/* Ends the program unless it holds. */
void require(bool holds, const char* what, int line);

void walk_queue(tow_bus* bus);
void walk_exchange(tow_bus* bus);
void walk_service(tow_bus* bus);

#endif
