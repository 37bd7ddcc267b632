// A stored object, as the client that put it knows it.
#pragma once

#include <string>
#include <vector>

#include "fleet/objects/objects.h"
#include "tests/simulation/fleet_world.h"

namespace simulation {

struct FleetWorld::Thing {
  PartyId client;
  std::string content;
  std::string secret;
  std::string sealed_facts;
  fleet::objects::Code code;
  std::vector<fleet::objects::ShardFacts> shards;
};

}  // namespace simulation
