#pragma once
// What the peer does as a process of its own, in C++ and in C; see work_peer.cpp.

#include "towpath/bus.hpp"

/// `what` is consume, publish, serve, serve_in_c or call. Returns the exit status.
int work(const tow::Bus& bus, const char* path, const char* what);
