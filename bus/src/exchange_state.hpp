#pragma once
/// What the copies of an Exchange, and its publishers, share.

#include <string>

#include "exchange_files.hpp"
#include "towpath/bus.hpp"

namespace tow {

struct Exchange::State {
  Bus bus;  ///< outlives `files`, which refers to its directories
  ExchangeFiles files;
  std::string name;  ///< empty: the default exchange
  ExchangeKind kind = ExchangeKind::direct;
  std::string alternate{};
};

}  // namespace tow
