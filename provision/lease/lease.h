// How the lease partition of a running machine is opened, sealed to its TPM, given a filesystem, mounted and closed.
//
// Every step may be cut; the same call goes on. The order is the safety: a new TPM slot is seen to open before an old one
// goes, and the filesystem is marked as whole before it is first mounted.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "provision/disk/disks.h"
#include "provision/disk/luks_container.h"
#include "provision/disk/processes.h"
#include "provision/lease/mounts.h"
#include "provision/lease/slot_choice.h"
#include "provision/lease/tpm.h"

namespace provision::lease {

// All must outlive the call.
struct LeasePorts {
  disk::LuksContainer& container;
  Tpm* tpm;               // nullptr: the machine has none, or it is not to be used
  std::string no_tpm;     // why, for people; when there is none
  Mounts& mounts;
  disk::Disks& disks;          // reads what is in the opened partition
  disk::Processes& processes;  // mke2fs, e2fsck
  // 32 new random bytes: images::keys::random_bytes, or a seeded one in tests.
  std::function<Secret()> new_key;
};

enum class Depth {
  TryKeys,  // says which key opens it; changes nothing
  Map,      // opens it
  Mount,    // and mounts its filesystem, made when there never was one
};

struct OpenRequest {
  Depth depth = Depth::Map;
  std::string mapping;              // agent::contract::lease_mapping_name
  std::string target;               // where to mount
  FolderOwner owner;                // whose the mounted folder is
  bool visible = false;             // mount it even where the whole machine sees it
  Secret given;                     // a slot key; empty: none came
};

struct OpenReport {
  bool opened = false;
  std::string reason;               // when not opened: why, and what is needed
  Means means = Means::Mapped;      // when opened
  std::uint32_t slot = 0;           // when opened by a key
  bool sealed = false;              // a new TPM slot was made and seen to open
  bool made_filesystem = false;
  bool mounted = false;
  Bytes capacity;                   // of the mounted filesystem
  std::vector<std::string> notes;   // what people should know: no TPM, sealing failed, ...
};

// Not opened for want of a key is a report, not an error. Errors: a container that is none of ours (InvalidInput), a given
// key that opens nothing (Refused), a filesystem that is not sound any more (Corrupt), what the ports say.
Result<OpenReport> open_lease(const OpenRequest& request, const LeasePorts& ports);

struct SealReport {
  std::uint32_t slot = 0;
  Retirement retired;
  std::vector<std::string> notes;
};
// A new TPM slot for the present boot state; the authority is `given`, or else a TPM slot that still opens. Refused when
// neither opens; Unsupported without a TPM.
Result<SealReport> seal_lease(const Secret& given, const LeasePorts& ports);

// Unmounts and unmaps. What is not there is no error.
Done close_lease(const std::string& mapping, const std::string& target, const LeasePorts& ports);

struct StatusReport {
  std::string uuid;
  disk::ContainerFacts facts;
  Slots slots;
  bool mapped = false;
  bool tpm_opens = false;           // a TPM slot opens in the present boot state
  std::string tpm_trouble;          // why not
  std::optional<bool> boot_state_measured;
};
Result<StatusReport> lease_status(const std::string& mapping, const LeasePorts& ports);

}  // namespace provision::lease
