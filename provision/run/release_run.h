// Gives the lease's part of a disk back to its owner: key slots destroyed first, then the lease partition deleted and
// its neighbour grown over it, then everything of ours removed; all read back, with a receipt that holds the digests of
// the owner's files before and after. Cut anywhere, it is finished by running it again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/contract/statements.h"
#include "images/keys/keys.h"
#include "provision/disk/disk_safety.h"
#include "provision/run/ports.h"
#include "provision/run/station.h"

namespace provision::run {

// Who allows it: the controller, by its signed order, or an operator whose name goes on the record.
struct ReleaseAuthority {
  std::string order;                                      // DSSE of a contract::ReleaseOrder
  std::optional<images::keys::PublicKey> controller_key;  // needed with an order
  std::string operator_name;                              // instead of an order; 1 to 100 bytes
};

enum class DiskState {
  AtRest,  // nothing on it is in use: the owner's files are digested before and after, and everything of ours goes
  InUse,   // the system runs from it (`disks` must be disk::LivingDisks): files change while they are read and have no digest, and ours stay
           // until the agent has told its controller of the release (leave_run.h)
};

struct ReleaseRequest {
  std::string disk_path;
  DiskState state = DiskState::AtRest;
  disk::Confirmation confirmation;
  ReleaseAuthority authority;
  std::optional<images::keys::PrivateKey>
      key;  // signs the receipt; without one it stays unsigned, for the caller to sign
};

struct ReleaseReport {
  bool nothing_to_do = false;      // nothing of ours was there, now or by this journal: no receipt then
  bool done_before = false;        // an earlier run had finished it: the receipt is that one's
  std::vector<std::string> steps;  // of this call
  agent::contract::Receipt receipt;
  std::string receipt_text;  // the DSSE, or the payload when no key was given
  std::string receipt_path;
};

// Refused when the authority does not hold for this machine; nothing is written then. `station` may be bare.
Result<ReleaseReport> release_disk(const ReleaseRequest& request, Station& station, RunPorts& ports);

}  // namespace provision::run
