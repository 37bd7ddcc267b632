#include "provision/cli/lease_options.h"

#include <fmt/format.h>

#include <istream>

#include "agent/contract/disk_markers.h"
#include "agent/contract/install_paths.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/hex.h"
#include "provision/lease/lease_partition.h"
#include "provision/lease/tss_tpm.h"
#include "provision/run/identity.h"

namespace provision::cli {
namespace {

namespace contract = agent::contract;
constexpr std::string_view by_uuid = "PARTUUID=";
constexpr std::size_t key_text_max = 4096;

// The order that this machine was built for, as its own voucher claims; empty when there is none.
std::string own_order(const LeaseOptions& options, const Ports& ports) {
  const auto text = ports.files.read(fmt::format("{}/{}", options.state, contract::voucher_name), mebibytes(1));
  if (!text) return {};
  const auto voucher = run::claimed_voucher(*text);
  return voucher ? voucher->order.text : std::string();
}

Result<std::string> device_of(const LeaseOptions& options, const Ports& ports) {
  if (!options.partition.empty() && !options.partition.starts_with(by_uuid)) return options.partition;
  lease::Wanted wanted;
  if (!options.partition.empty()) wanted.partition_uuid = options.partition.substr(by_uuid.size());
  else wanted.order = own_order(options, ports);
  const auto attached = ports.disks.attached();
  if (!attached) return attached.error();
  std::vector<disk::DiskFacts> disks;
  for (const disk::AttachedDisk& found : *attached) {
    // A disk that cannot be read is not the one that we run from.
    Result<disk::DiskFacts> facts = ports.disks.read(found.path);
    if (facts) disks.push_back(*std::move(facts));
  }
  const auto chosen = lease::choose_lease_partition(disks, wanted);
  if (!chosen) return chosen.error();
  return chosen->device;
}

}  // namespace

LeaseOptions::LeaseOptions() : state(contract::state_folder), name(contract::lease_mapping_name) {}

void declare_lease(LeaseOptions& options, command_line::OptionList& list) {
  list.optional_word("PARTITION", options.partition,
                     "the lease partition, by its path or PARTUUID=UUID; without it this machine's disks are searched");
  list.optional("state", "DIR", options.state, "where this machine's voucher is, which says whose partition is searched");
  list.optional("name", "NAME", options.name, "what the opened partition is called in /dev/mapper");
  list.optional("tpm", "WHERE", options.tpm, "auto: this machine's TPM, if it has one; none; or a TCTI such as device:/dev/tpmrm0");
  list.json(options.json);
}

void declare_key(bool& key_stdin, command_line::OptionList& list) {
  list.flag("key-stdin", key_stdin, "read a slot's key from standard input: 64 hexadecimal digits, or nothing");
}

Result<lease::Secret> key_from(bool key_stdin, command_line::Streams& streams) {
  if (!key_stdin) return lease::Secret();
  std::string text;
  char byte = 0;
  while (text.size() < key_text_max && streams.in.get(byte)) text.push_back(byte);
  lease::Secret whole(std::move(text));
  std::string_view digits = whole.bytes();
  while (!digits.empty() && (digits.back() == '\n' || digits.back() == '\r' || digits.back() == ' ')) digits.remove_suffix(1);
  if (digits.empty()) return lease::Secret();
  auto bytes = policies::vocabulary::bytes_of_hex(digits);
  if (!bytes || bytes->size() != disk::slot_key_size)
    return Error{ErrorCode::InvalidInput, fmt::format("the key on standard input is not {} hexadecimal digits", 2 * disk::slot_key_size), {}};
  return lease::Secret(*std::move(bytes));
}

Result<LeaseDesk> LeaseDesk::open(const LeaseOptions& options, const Ports& ports) {
  const auto device = device_of(options, ports);
  if (!device) return device.error();
  // Not the device itself: libcryptsetup takes that lock for each of its own calls, and udev looks away while it is held.
  auto lock = run::RunLock::take({options.state});
  if (!lock) return lock.error();
  LeaseDesk desk(*std::move(lock), ports);
  desk.device_ = *device;
  auto container = disk::open_container(*device);
  if (!container) return container.error();
  desk.container_ = *std::move(container);
  if (options.tpm == "none") {
    desk.no_tpm_ = "the TPM is not to be used";
    return desk;
  }
  const std::string place = options.tpm == "auto" ? lease::own_tpm() : options.tpm;
  if (place.empty()) {
    desk.no_tpm_ = "this machine has no TPM 2.0";
    return desk;
  }
  auto tpm = lease::TssTpm::open(place);
  if (tpm) desk.tpm_ = *std::move(tpm);
  else desk.no_tpm_ = tpm.error().text();
  return desk;
}

lease::LeasePorts LeaseDesk::ports() const {
  return {*container_, tpm_.get(), no_tpm_, *mounts_, ports_->disks, ports_->processes,
          [] { return lease::Secret(images::keys::random_bytes(disk::slot_key_size)); }};
}

}  // namespace provision::cli
