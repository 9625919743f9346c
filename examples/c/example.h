#ifndef TOWPATH_EXAMPLE_H
#define TOWPATH_EXAMPLE_H
/* What the examples share: the end of a program in which something failed. */

#include <stdio.h>
#include <stdlib.h>
#include <towpath/towpath.h>

/* Ends the program with the library's own words, unless all is well. */
static inline void check(tow_code code) {
  if (code == TOW_OK) return;
  fprintf(stderr, "%s: %s\n", tow_code_name(code), tow_error_text());
  exit(1);
}

#define SECONDS INT64_C(1000000000)

/* The bus of this run: the program's argument, or one that is removed at the end. */
static inline const char* bus_of(int count, char** arguments, char* room, size_t room_bytes,
                                 long number) {
  if (count > 1) return arguments[1];
  snprintf(room, room_bytes, "/dev/shm/towpath-example-%ld", number);
  return room;
}

#endif
