// The port to one LUKS2 container on a living machine: its key slots and tokens, and the kernel's mapping of it. A container
// is the partition's own device, or a file that holds nothing else.
//
// Durability: every change is durable when the call returns. Cut at any point, the header is as before or as after: LUKS2
// keeps two copies with sequence numbers, and key material is written before the slot that names it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policies/vocabulary/result.h"
#include "provision/disk/disk_facts.h"

namespace provision::disk {

struct ContainerToken {
  std::uint32_t number = 0;
  std::string type;
  std::string json;
  bool operator==(const ContainerToken&) const = default;
};

struct ContainerFacts {
  std::string uuid;
  std::vector<std::uint32_t> slots;    // in use, ascending
  std::optional<LeaseToken> token;     // as made at the factory; nullopt: none that can be read
  std::vector<ContainerToken> tokens;  // all others, ascending by number
  bool operator==(const ContainerFacts&) const = default;
};

class LuksContainer {
 public:
  virtual ~LuksContainer() = default;

  // NotFound when there is no LUKS2 header.
  virtual Result<ContainerFacts> read() = 0;
  // false for a wrong key or an empty slot.
  virtual Result<bool> slot_opens(std::uint32_t slot, const std::string& key) = 0;

  // A new slot, opened by `new_key`, at the least cost of key derivation (slot keys are random). Refused when `key` does not
  // open `slot`; OutOfSpace when there is no room for another.
  virtual Result<std::uint32_t> add_slot(std::uint32_t slot, const std::string& key, const std::string& new_key) = 0;
  // Overwrites its key material. Removing one that is not there is no error.
  virtual Done remove_slot(std::uint32_t slot) = 0;
  // A new token; returns its number.
  virtual Result<std::uint32_t> add_token(const std::string& json) = 0;
  virtual Done remove_token(std::uint32_t number) = 0;

  // Whether the kernel maps this container under `name`. Conflict when another one is mapped under it.
  virtual Result<bool> mapped(const std::string& name) = 0;
  // Maps it as mapping_path(name). Needs device-mapper and root. Unsupported when the kernel has no device-mapper.
  virtual Done map(const std::string& name, std::uint32_t slot, const std::string& key) = 0;
  // Conflict while it is mounted or open. Unmapping what is not mapped is no error.
  virtual Done unmap(const std::string& name) = 0;
};

inline std::string mapping_path(const std::string& name) { return "/dev/mapper/" + name; }

// On libcryptsetup. NotFound, PermissionDenied; what is in it is only looked at by the calls.
Result<std::unique_ptr<LuksContainer>> open_container(const std::string& path);

}  // namespace provision::disk
