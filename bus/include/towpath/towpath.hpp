#pragma once
/// All of Towpath: a bus, its topics, publishers and subscribers.

#include "towpath/attributes.hpp"
#include "towpath/bus.hpp"
#include "towpath/client.hpp"
#include "towpath/exchange.hpp"
#include "towpath/headers.hpp"
#include "towpath/info.hpp"
#include "towpath/message.hpp"
#include "towpath/options.hpp"
#include "towpath/publisher.hpp"
#include "towpath/server.hpp"
#include "towpath/settlement.hpp"
#include "towpath/subscriber.hpp"
#include "towpath/task.hpp"
#include "towpath/topic.hpp"
#include "towpath/type.hpp"
#include "towpath/version.hpp"
