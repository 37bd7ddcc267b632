#include "provision/lease/lease.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/contract/disk_markers.h"
#include "provision/disk/identifiers.h"

namespace provision::lease {
namespace {

struct Unlocked {
  Attempt by;
  Secret key;  // empty for Mapped
};

// What stood in the way, for people.
using Troubles = std::vector<std::string>;

// nullopt when no attempt succeeded.
Result<std::optional<Unlocked>> unlock(const Slots& slots, const std::vector<Attempt>& order, const Secret& given, const LeasePorts& ports,
                                       Troubles& troubles) {
  for (const Attempt& attempt : order) {
    if (attempt.means == Means::Mapped) return std::optional(Unlocked{attempt, Secret()});
    Secret key(given.bytes());
    if (attempt.means == Means::Tpm) {
      Result<Secret> unsealed = ports.tpm->unseal(slots.sealed[attempt.sealed].key);
      if (!unsealed) {
        troubles.push_back(unsealed.error().text());
        continue;
      }
      key = *std::move(unsealed);
    }
    const Result<bool> opens = ports.container.slot_opens(attempt.slot, key.bytes());
    if (!opens) return opens.error();
    if (*opens) return std::optional(Unlocked{attempt, std::move(key)});
    if (attempt.means == Means::Tpm) troubles.push_back(fmt::format("what the TPM sealed does not open slot {}", attempt.slot));
  }
  return std::optional<Unlocked>();
}

std::string wanting(const Slots& slots, const LeasePorts& ports, const Troubles& troubles) {
  std::string why = ports.tpm == nullptr ? ports.no_tpm : slots.sealed.empty() ? "no slot is sealed to the TPM yet" : "";
  if (!troubles.empty()) why = fmt::format("{}", fmt::join(troubles, "; "));
  return why + ": the key that the controller holds is needed";
}

Done retire(const Retirement& going, const LeasePorts& ports) {
  // Slots first: a token without its slot is litter, a slot without its token would be a door nobody remembers.
  for (const std::uint32_t slot : going.slots)
    if (Done gone = ports.container.remove_slot(slot); !gone) return gone;
  for (const std::uint32_t token : going.tokens)
    if (Done gone = ports.container.remove_token(token); !gone) return gone;
  return {};
}

Result<Slots> slots_now(const LeasePorts& ports) {
  const Result<disk::ContainerFacts> facts = ports.container.read();
  if (!facts) return facts.error();
  return slots_of(*facts);
}

// Seals a new slot, sees that it opens, and only then takes the older ones away.
Result<SealReport> seal_with(const Unlocked& authority, const LeasePorts& ports) {
  const Secret key = ports.new_key();
  Result<SealedKey> sealed = ports.tpm->seal(key);
  if (!sealed) return sealed.error().within("sealing a slot key");
  const Result<std::uint32_t> slot = ports.container.add_slot(authority.by.slot, authority.key.bytes(), key.bytes());
  if (!slot) return slot.error();
  const TpmToken token{*slot, *std::move(sealed)};
  if (Result<std::uint32_t> added = ports.container.add_token(token_json(token)); !added) return added.error();

  const Result<Secret> back = ports.tpm->unseal(token.sealed);
  if (!back) return back.error().within("trying what was just sealed");
  const Result<bool> opens = ports.container.slot_opens(*slot, back->bytes());
  if (!opens) return opens.error();
  if (!*opens) return Error{ErrorCode::Corrupt, fmt::format("slot {} does not open with what the TPM gave back", *slot), {}};

  SealReport report{*slot, {}, {}};
  const Result<Slots> slots = slots_now(ports);
  if (!slots) return slots.error();
  report.retired = retirement(*slots, *slot);
  if (Done retired = retire(report.retired, ports); !retired) return retired.error();
  const Result<bool> measured = ports.tpm->boot_state_is_measured();
  if (measured && !*measured)
    report.notes.push_back("the firmware measures nothing: the key is bound to this TPM, but to no boot state");
  return report;
}

Done make_filesystem(const std::string& device, const std::string& uuid, const LeasePorts& ports) {
  const auto made = ports.processes.run({"mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-L", std::string(agent::contract::lease_partition_label), "-U",
                                         uuid, "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", device});
  if (!made) return made.error();
  if (made->exit_status != 0)
    return Error{ErrorCode::IoFailure, fmt::format("mke2fs on {} failed with {}: {}", device, made->exit_status, made->errors.substr(0, 500)), {}};
  // mke2fs syncs before it ends; the mark that follows says that all of it is there.
  if (Result<std::uint32_t> marked = ports.container.add_token(token_json(FilesystemToken{uuid})); !marked) return marked.error();
  return {};
}

// e2fsck's own statuses (e2fsck(8)): 0 clean, 1 mended, 2 mended and wants a reboot when it was mounted.
Done mend_filesystem(const std::string& device, const LeasePorts& ports) {
  constexpr int mended_max = 3;
  for (const char* how : {"-p", "-fy"}) {
    const auto checked = ports.processes.run({"e2fsck", how, device});
    if (!checked) return checked.error();
    if (checked->exit_status <= mended_max) return {};
  }
  return Error{ErrorCode::Corrupt, fmt::format("the filesystem in the lease partition cannot be mended by e2fsck; look with 'e2fsck -n {}'", device), {}};
}

Done mount_filesystem(const OpenRequest& request, const LeasePorts& ports, const Slots& slots, const std::string& luks_uuid, OpenReport& report) {
  const std::string device = disk::mapping_path(request.mapping);
  const Result<std::string> there = ports.mounts.source_at(request.target);
  if (!there) return there.error();
  if (!there->empty() && *there != device)
    return Error{ErrorCode::Conflict, fmt::format("{} is mounted at {} already; unmount it, or choose another folder", *there, request.target), {}};
  report.mounted = !there->empty();
  if (report.mounted) return {};
  const Result<bool> apart = ports.mounts.apart();
  if (!apart) return apart.error();
  if (!*apart && !request.visible)
    return Error{ErrorCode::Refused, "here the whole machine would see the mount; the agent's service has mounts of its own (unshare -m, or --visible)", {}};
  const Result<disk::DiskFacts> inside = ports.disks.read(device);
  if (!inside) return inside.error().within("reading the opened partition");
  switch (filesystem_act(slots.filesystem, inside->whole_disk)) {
    case FilesystemAct::Make:
      if (Done made = make_filesystem(device, disk::uuid_from(luks_uuid, "lease filesystem"), ports); !made) return made;
      report.made_filesystem = true;
      break;
    case FilesystemAct::Mend:
      if (Done mended = mend_filesystem(device, ports); !mended) return mended;
      break;
    case FilesystemAct::Unsound:
      return Error{ErrorCode::Corrupt,
                   fmt::format("the lease partition should hold the ext4 {}, but holds {}; its shards are lost: release the machine, or have it built anew",
                               slots.filesystem->uuid, inside->whole_disk.name.empty() ? "none" : inside->whole_disk.name), {}};
  }
  if (Done mounted = ports.mounts.mount(device, request.target, request.owner); !mounted) return mounted;
  report.mounted = true;
  return {};
}

// Sealing is for the next boot: when it fails, this one goes on without.
void seal_for_next_time(const Unlocked& unlocked, const LeasePorts& ports, OpenReport& report) {
  Result<SealReport> sealed = seal_with(unlocked, ports);
  report.sealed = sealed.has_value();
  if (!sealed) report.notes.push_back("not sealed to the TPM, so the next start will ask the controller again: " + sealed.error().text());
  else report.notes.insert(report.notes.end(), sealed->notes.begin(), sealed->notes.end());
}

}  // namespace

Result<OpenReport> open_lease(const OpenRequest& request, const LeasePorts& ports) {
  const Result<disk::ContainerFacts> facts = ports.container.read();
  if (!facts) return facts.error();
  const Result<Slots> slots = slots_of(*facts);
  if (!slots) return slots.error();
  Result<bool> mapped = request.depth == Depth::TryKeys ? Result<bool>(false) : ports.container.mapped(request.mapping);
  if (!mapped) return mapped.error();

  OpenReport report;
  Troubles troubles;
  Result<std::optional<Unlocked>> unlocked =
      unlock(*slots, attempts(*slots, *mapped, ports.tpm != nullptr, !request.given.empty()), request.given, ports, troubles);
  if (!unlocked) return unlocked.error();
  if (!*unlocked) {
    if (!request.given.empty())
      return Error{ErrorCode::Refused, "the key that was given opens neither the controller's slot nor the recovery slot of this partition", {}};
    report.reason = wanting(*slots, ports, troubles);
    return report;
  }
  report.notes = troubles;
  report.opened = true;
  report.means = (*unlocked)->by.means;
  report.slot = (*unlocked)->by.slot;
  if (request.depth == Depth::TryKeys) return report;
  if (ports.tpm == nullptr && report.means != Means::Mapped)
    report.notes.push_back(ports.no_tpm + ": each start will ask the controller for the key, and wait for it while offline");
  if (report.means != Means::Mapped)
    if (Done done = ports.container.map(request.mapping, report.slot, (*unlocked)->key.bytes()); !done) return done.error();
  if (shall_seal((*unlocked)->by, ports.tpm != nullptr)) seal_for_next_time(**unlocked, ports, report);
  if (report.means == Means::Tpm) {
    // Remains of a sealing that was cut after it was seen to open; losing them is no reason to stay closed.
    if (Done retired = retire(retirement(*slots, report.slot), ports); !retired) report.notes.push_back(retired.error().text());
  }
  if (request.depth == Depth::Map) return report;
  if (Done mounted = mount_filesystem(request, ports, *slots, facts->uuid, report); !mounted) return mounted.error();
  const Result<Bytes> capacity = ports.mounts.capacity(request.target);
  if (!capacity) return capacity.error();
  report.capacity = *capacity;
  return report;
}

Result<SealReport> seal_lease(const Secret& given, const LeasePorts& ports) {
  if (ports.tpm == nullptr) return Error{ErrorCode::Unsupported, ports.no_tpm, {}};
  const Result<Slots> slots = slots_now(ports);
  if (!slots) return slots.error();
  Troubles troubles;
  // A key that was given is what the caller wants used; the TPM's own slot does when there is none.
  std::vector<Attempt> order = attempts(*slots, false, given.empty(), !given.empty());
  Result<std::optional<Unlocked>> unlocked = unlock(*slots, order, given, ports, troubles);
  if (!unlocked) return unlocked.error();
  if (!*unlocked)
    return Error{ErrorCode::Refused, given.empty() ? wanting(*slots, ports, troubles) : "the key that was given opens no slot of this partition", {}};
  return seal_with(**unlocked, ports);
}

Done close_lease(const std::string& mapping, const std::string& target, const LeasePorts& ports) {
  if (!target.empty()) {
    const Result<std::string> there = ports.mounts.source_at(target);
    if (!there) return there.error();
    // Somebody else's mount at that place is none of ours to undo.
    if (*there == disk::mapping_path(mapping))
      if (Done unmounted = ports.mounts.unmount(target); !unmounted) return unmounted;
  }
  return ports.container.unmap(mapping);
}

Result<StatusReport> lease_status(const std::string& mapping, const LeasePorts& ports) {
  Result<disk::ContainerFacts> facts = ports.container.read();
  if (!facts) return facts.error();
  Result<Slots> slots = slots_of(*facts);
  if (!slots) return slots.error();
  const Result<bool> mapped = ports.container.mapped(mapping);
  if (!mapped) return mapped.error();
  StatusReport report{facts->uuid, *std::move(facts), *std::move(slots), *mapped, false, "", std::nullopt};
  if (ports.tpm == nullptr) {
    report.tpm_trouble = ports.no_tpm;
    return report;
  }
  if (const Result<bool> measured = ports.tpm->boot_state_is_measured()) report.boot_state_measured = *measured;
  Troubles troubles;
  const Result<std::optional<Unlocked>> unlocked = unlock(report.slots, attempts(report.slots, false, true, false), Secret(), ports, troubles);
  if (!unlocked) return unlocked.error();
  report.tpm_opens = unlocked->has_value();
  if (!report.tpm_opens) report.tpm_trouble = troubles.empty() ? "no slot is sealed to the TPM yet" : fmt::format("{}", fmt::join(troubles, "; "));
  return report;
}

}  // namespace provision::lease
