// The rule set that a machine starts with. Pure: the same presets give the same text, which `nft -f` takes.
#pragma once

#include <string>

#include "provision/network/presets.h"

namespace provision::network {

// /etc/nftables.conf: nothing comes in but answers, what a link needs to work (DHCP, and for IPv6 neighbours, routers and
// path MTU), and what the order names, from where it names. What goes out is the owner's business. Precondition: `checked`.
std::string firewall_rules(const Presets& presets);

// Rules of the agent's own, kept in its settings folder so that they go with it: what goes out to the controller stays
// allowed when an owner makes the rules above stricter. Empty on a machine without agent.
std::string agent_rules(const Presets& presets);

// The folder whose *.nft files /etc/nftables.conf includes on a machine with agent: within agent::contract::settings_folder.
inline constexpr const char* agent_rules_folder = "/etc/leaseback/nftables";

}  // namespace provision::network
