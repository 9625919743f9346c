#pragma once
/// All of Towpath: a bus, its topics, publishers and subscribers.

#include "towpath/bus.hpp"
#include "towpath/info.hpp"
#include "towpath/message.hpp"
#include "towpath/options.hpp"
#include "towpath/publisher.hpp"
#include "towpath/subscriber.hpp"
#include "towpath/task.hpp"
#include "towpath/topic.hpp"
#include "towpath/type.hpp"
#include "towpath/version.hpp"
