// The escrow of a machine as it leaves the station: sealed to the controller, signed by the line.
#pragma once

#include <string>

#include "images/keys/keys.h"
#include "policies/vocabulary/instant.h"
#include "provision/run/station.h"

namespace provision::run {

// A DSSE text (agent::contract::Escrow) for `leaseback-fleet voucher import`. `controller` is the controller's escrow key,
// escrow.pub of its folder. Each call seals anew, so the text differs; what is in it does not. InvalidInput when the escrow
// names no lease partition or the key cannot be sealed to.
Result<std::string> sealed_escrow(const Escrow& escrow, const MachineId& machine, const images::keys::PublicKey& controller,
                                  const images::keys::PrivateKey& line_key, Instant now);

}  // namespace provision::run
