// Who a machine is: its key, its lease's slot keys, its voucher. Made once, kept durably before they are used, and
// found again by every later run: a machine never has two keys.
#pragma once

#include <optional>
#include <string>

#include "agent/contract/statements.h"
#include "images/keys/keys.h"
#include "provision/disk/disks.h"
#include "provision/install/installation.h"
#include "provision/order/work.h"
#include "provision/run/ports.h"
#include "provision/run/station.h"

namespace provision::run {

class Identity {
 public:
  // From the run's folder, else from the disk (`found`), else new; nothing is written before keep(). Conflict when the
  // disk belongs to another machine than the run's folder says.
  static Result<Identity> settle(Station& station, const std::string& run_folder, const order::Work& work,
                                 const std::optional<install::FoundIdentity>& found);

  [[nodiscard]] const images::keys::PrivateKey& device_key() const { return device_key_; }
  [[nodiscard]] MachineId machine() const { return MachineId(device_key_.id().text); }
  [[nodiscard]] const Escrow& escrow() const { return escrow_; }
  // What the plan says of the lease partition's keys: digests only.
  [[nodiscard]] disk::LeaseSeal seal(const order::Work& work) const;
  // With a new volume key: until its header is whole, a lease partition is made anew by each run.
  [[nodiscard]] disk::LeaseKeys lease_keys() const;

  // The voucher for this plan: the one that was signed before, if its plan and its terms are these, else a new one.
  // Conflict when an earlier one speaks of another plan: order or rules changed since.
  Done vouch(const order::Work& work, const disk::DiskPlan& plan, const images::keys::PrivateKey& line_key,
             Instant now);
  [[nodiscard]] const std::string& voucher() const { return voucher_; }

  // Makes everything durable: the key and the voucher in the run's folder, the slot keys in escrow.
  Done keep(Station& station, const std::string& run_folder);
  // Takes the key out of the run's folder again: from now on it is on the machine's disk and nowhere else.
  static Done forget_key(images::files::Files& files, const std::string& run_folder);

 private:
  explicit Identity(images::keys::PrivateKey key) : device_key_(std::move(key)) {}
  images::keys::PrivateKey device_key_;
  Escrow escrow_;
  std::string voucher_;
};

// The facts of a voucher, its signature checked against the key.
Result<agent::contract::Voucher> voucher_facts(std::string_view dsse, const images::keys::PublicKey& line_key);
// Without checking whose signature it is: what a disk says of itself.
Result<agent::contract::Voucher> claimed_voucher(std::string_view dsse);

// A receipt, signed.
Result<std::string> signed_receipt(const agent::contract::Receipt& receipt, const images::keys::PrivateKey& key);

Digest plan_digest(const disk::DiskPlan& plan);

}  // namespace provision::run
