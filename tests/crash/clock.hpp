#pragma once
/// The monotonic clock of a child that is stepped.

namespace tow::crash {

/// From here on CLOCK_MONOTONIC of this process gets on by being looked at, and no otherwise: how
/// often an operation looks before its deadline, and what it does until then, is the same however
/// slowly it is stepped. Sleeps end no later than by the kernel's clock, so they end.
void let_time_pass_by_looks();

}  // namespace tow::crash
